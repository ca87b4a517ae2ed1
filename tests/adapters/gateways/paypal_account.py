"""PayPal's adapter, connected to a double of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from attrs import evolve, frozen

from adapters.gateways.paypal.client import PayPalApi
from adapters.gateways.paypal.gateway import PayPalGateway
from application.ports.gateway_sessions import Session, SessionRequest
from application.ports.payment_gateway import CardToken
from domain.capture import CaptureMode
from domain.outcome import Outcome
from domain.payment import Payment
from payments_kit.doubles.paypal import (
    CLIENT_ID,
    CLIENT_SECRET,
    RunningDouble,
    orders,
    running_paypal_double,
)

RETURN_URL, CANCEL_URL = "https://shop.example/paid", "https://shop.example/basket"
# Every wait has a limit; on a quiet machine these take milliseconds.
SECONDS = 60.0

BALANCE = "balance"
"""The instrument of a customer with enough money."""


@frozen
class Account:
    """The adapter on an account, and its customers."""

    paypal: RunningDouble
    gateway: PayPalGateway

    def sent(self, path: str, method: str = "POST") -> list[dict[str, Any]]:
        """Return the requests that reached PayPal at this path, oldest first."""
        recent = self.paypal.double.recent
        return [each for each in recent if (each["method"], each["path"]) == (method, path)]

    @property
    def attempts(self) -> list[dict[str, Any]]:
        """The requests that would take the money of an order."""
        recent = self.paypal.double.recent
        return [each for each in recent if each["path"].endswith(("/capture", "/authorize"))]

    @property
    def has_taken(self) -> bool:
        """Whether any money was taken or held."""
        return bool(self.paypal.ledger.captures or self.paypal.ledger.authorizations)

    async def late_are_executed(self, count: int) -> None:
        """Wait until so many late requests have been executed."""
        async with asyncio.timeout(SECONDS):
            while self.paypal.faults.happened["late_executed"] < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def session(self, payment: Payment) -> Session:
        """Create a session for a payment's order."""
        created = await self.gateway.create_session(
            SessionRequest(
                order_id=payment.order_id,
                amount=payment.amount,
                capture_mode=payment.capture_mode,
                return_url=RETURN_URL,
                cancel_url=CANCEL_URL,
            )
        )
        assert isinstance(created, Session), created
        return created

    async def claimed(self, payment: Payment) -> Payment:
        """Return a payment as it is claimed with a new session."""
        return evolve(payment, reference=(await self.session(payment)).token)

    def approve(self, payment: Payment, instrument: str = BALANCE) -> None:
        """Let the customer approve the session of a payment."""
        order = self.order(payment)
        orders.approve(self.paypal.ledger, order, instrument)

    def order(self, payment: Payment) -> dict[str, Any]:
        """Return PayPal's own record of a payment's order."""
        assert payment.reference is not None
        return self.paypal.ledger.orders[payment.reference]

    async def approved(self, payment: Payment, instrument: str = BALANCE) -> Payment:
        """Return a payment as it is claimed with a session that its customer has approved."""
        payment = await self.claimed(payment)
        self.approve(payment, instrument)
        return payment

    async def charge(self, payment: Payment) -> Outcome:
        """Charge a payment with its session."""
        return await self.gateway.charge(payment, CardToken(payment.reference or ""))


def manual(payment: Payment) -> Payment:
    """Return a payment that is to be authorized only."""
    return evolve(payment, capture_mode=CaptureMode.MANUAL)


def make_gateway(
    address: str, client_id: str = CLIENT_ID, secret: str = CLIENT_SECRET
) -> PayPalGateway:
    """Return an adapter for an address."""
    return PayPalGateway(PayPalApi(client_id, secret, address))


@asynccontextmanager
async def paypal_account() -> AsyncIterator[Account]:
    """Start a double, and connect an adapter to it."""
    async with running_paypal_double() as paypal:
        gateway = make_gateway(paypal.url)
        try:
            yield Account(paypal, gateway)
        finally:
            await gateway.close()
