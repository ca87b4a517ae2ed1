"""The command `payments stripe-double`, registered as an entry point in pyproject.toml."""

import asyncio
import random
from typing import Final

import click

from payments_kit.doubles.command_line import double_options, print_start, run

# As stripe-mock has it (https://github.com/stripe/stripe-mock#usage), Stripe's own server without
# a state.
PORT: Final = 12111

WEBHOOKS: Final = "/api/payments/webhooks/stripe"
KEY: Final = "sk_test_double"


@click.command("stripe-double")
@double_options(PORT, WEBHOOKS)
@click.option(
    "--webhook-secret",
    envvar="STRIPE_WEBHOOK_SECRET",
    default="whsec_double",
    show_default=True,
    show_envvar=True,
    help="What webhooks are signed with; two with a comma while one is rotated.",
)
def stripe_double(
    host: str,
    port: int,
    public_url: str | None,
    webhook_url: str | None,
    seed: int | None,
    webhook_secret: str,
) -> None:
    """Run a local Stripe that keeps state.

    It imitates the part of Stripe's API that takes payments: charges, PaymentIntents, refunds,
    disputes, payouts and signed webhooks, with Stripe's test cards and idempotency keys. Requests
    below /_double/ act as the bank and the customer, and make requests fail, be slow or lose their
    replies. It needs no account, no network and no configuration, and moves no money.
    """
    # Imported here, so that `payments --help` is fast.
    from payments_kit.doubles.stripe.double import Double
    from payments_kit.doubles.stripe.ledger import Ledger
    from payments_kit.doubles.stripe.running import running_stripe_double

    async def serve(stopped: asyncio.Event) -> None:
        double = Double(Ledger(random=random.Random(seed)))  # noqa: S311 - ids, not secrets
        if webhook_url is not None:
            double.webhooks.register(webhook_url, webhook_secret.split(","))
        async with running_stripe_double(double, host=host, port=port) as running:
            double.ledger.address = public_url or running.url
            settings = {"PAYMENT_GATEWAY": "stripe-payment-intents", "STRIPE_KEY": KEY}
            settings["STRIPE_API_BASE"] = double.ledger.address
            if webhook_url is not None:
                settings["STRIPE_WEBHOOK_SECRET"] = webhook_secret
            print_start("Stripe", double.ledger.address, settings)
            await stopped.wait()

    run(serve, port)
