"""The command `payments paypal-double`, registered as an entry point in pyproject.toml."""

import asyncio
import random
from typing import Final

import click

from payments_kit.doubles.command_line import double_options, print_start, run

# Beside the double of Stripe.
PORT: Final = 12112

WEBHOOKS: Final = "/api/payments/webhooks/paypal"


@click.command("paypal-double")
@double_options(PORT, WEBHOOKS)
@click.option(
    "--webhook-id",
    envvar="PAYPAL_WEBHOOK_ID",
    default="WH-DOUBLE",
    show_default=True,
    show_envvar=True,
    help="The id that webhooks are signed for: PayPal has no secret for them.",
)
def paypal_double(
    host: str,
    port: int,
    public_url: str | None,
    webhook_url: str | None,
    seed: int | None,
    webhook_id: str,
) -> None:
    """Run a local PayPal that keeps state.

    It imitates the part of PayPal's API that takes payments: orders with the page where a customer
    approves, authorizations, captures, refunds, disputes, transaction search and signed webhooks.
    Requests below /_double/ act as the bank and the customer, and make requests fail, be slow or
    lose their replies. It needs no account, no network and no configuration, and moves no money.
    """
    # Imported here, so that `payments --help` is fast.
    from payments_kit.doubles.paypal.double import Double
    from payments_kit.doubles.paypal.ledger import Ledger
    from payments_kit.doubles.paypal.running import running_paypal_double
    from payments_kit.doubles.paypal.tokens import CLIENT_ID, CLIENT_SECRET

    async def serve(stopped: asyncio.Event) -> None:
        double = Double(Ledger(random=random.Random(seed)))  # noqa: S311 - ids, not secrets
        if webhook_url is not None:
            double.webhooks.register(webhook_url, webhook_id)
        async with running_paypal_double(double, host=host, port=port) as running:
            double.ledger.address = double.webhooks.address = public_url or running.url
            settings = {"PAYMENT_GATEWAY": "paypal", "PAYPAL_CLIENT_ID": CLIENT_ID}
            settings["PAYPAL_CLIENT_SECRET"] = CLIENT_SECRET
            settings["PAYPAL_API_BASE"] = double.ledger.address
            if webhook_url is not None:
                settings["PAYPAL_WEBHOOK_ID"] = webhook_id
            print_start("PayPal", double.ledger.address, settings)
            await stopped.wait()

    run(serve, port)
