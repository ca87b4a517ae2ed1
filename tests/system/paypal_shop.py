"""A shop with Stripe and PayPal: processes, and both doubles."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from attrs import evolve

from payments_kit.doubles.paypal import (
    CLIENT_ID,
    CLIENT_SECRET,
    RunningDouble,
    orders,
    refunds,
    running_paypal_double,
)
from payments_kit.doubles.paypal.certificates import own_signer
from payments_kit.doubles.paypal.replies import Request
from tests.system.deployment import RETURN_ORIGIN, deploy
from tests.system.paypal_books import charges_of
from tests.system.system import System, connect

WEBHOOK_ID = "8PT597110X687430LKGECATA"
RETURN_URL = f"{RETURN_ORIGIN}/paid"


@asynccontextmanager
async def shop(logs: Path, folder: Path) -> AsyncIterator[tuple[System, RunningDouble]]:
    """Start a shop with both gateways; PayPal sends its webhooks to it."""
    root = folder / "root.pem"
    root.write_bytes(own_signer().root_pem)
    async with running_paypal_double() as paypal:
        variables = {
            "PAYPAL_CLIENT_ID": CLIENT_ID,
            "PAYPAL_CLIENT_SECRET": CLIENT_SECRET,
            "PAYPAL_WEBHOOK_ID": WEBHOOK_ID,
            "PAYPAL_API_BASE": paypal.url,
            "SSL_CERT_FILE": str(root),
        }
        with deploy(
            "stripe-payment-intents,paypal",
            serves=1,
            workers=1,
            keep_logs_in=logs,
            variables=variables,
        ) as deployment:
            address = f"{deployment.addresses[0]}/api/payments/webhooks/paypal"
            paypal.webhooks.register(address, WEBHOOK_ID)
            async with connect(deployment) as system:
                yield evolve(system, paypal=paypal), paypal
            for process in deployment.service_processes:
                assert CLIENT_SECRET not in process.log
                assert "A21AA" not in process.log


async def open_session(system: System, order_id: str) -> str:
    """Create a session for an order; return its token."""
    created = await system.api.create_session(order_id, "paypal", RETURN_URL)
    assert created.status == 201, created
    assert created.body["token"] in created.body["approveUrl"]
    return str(created.body["token"])


def approve(paypal: RunningDouble, token: str, instrument: str = "balance") -> None:
    """Approve a session, as its customer."""
    orders.approve(paypal.ledger, paypal.ledger.orders[token], instrument)


def captures(paypal: RunningDouble, tokens: Sequence[str]) -> list[str]:
    """Return what was captured of these sessions."""
    found = paypal.ledger.captures.values()
    return [each["amount"]["value"] for each in found if each["_order"] in tokens]


def refund_externally(paypal: RunningDouble, order_id: str, value: str) -> None:
    """Refund a part of an order's capture on PayPal's own pages."""
    [charge] = charges_of(paypal, [order_id])
    body = {"amount": {"currency_code": charge.amount.currency.code.upper(), "value": value}}
    refunds.create(paypal.ledger, Request(body, {}, charge.id))
