"""Every payment gateway keeps the promises of its port; Stripe's do so over HTTP."""

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import field, frozen
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from adapters.gateways.fake import FakeGateway
from adapters.gateways.in_memory import Faults, GatewayFaultKind, GatewayLedger, InMemoryGateway
from adapters.gateways.simulated import SimulatedGateway
from adapters.gateways.stripe.charges import StripeCharges
from adapters.gateways.stripe.client import StripeApi
from adapters.gateways.stripe.payment_intents import StripePaymentIntents
from application.ports.payment_gateway import CardToken, GatewayAdapter
from domain.payment import Payment
from payments_kit.conformance.harness import Step
from payments_kit.conformance.promises import (
    AuthenticationContract,
    FailingGatewayContract,
    PaymentGatewayContract,
    UnreliableConnectionContract,
)
from payments_kit.doubles.stripe import RunningDouble, intents, running_stripe_double
from payments_kit.doubles.stripe.faults import Kind

GOOD, BAD = CardToken("tok_visa"), CardToken("tok_chargeDeclinedInsufficientFunds")
KEY = "sk_test_of_the_contract"
NOWHERE = "http://127.0.0.1:1"  # a port that nothing listens on
AUTHENTICATING = CardToken("tok_threeDSecure2Required")


def now() -> datetime:
    return datetime.now(UTC)


@frozen
class RuledHarness:
    """A gateway made of rules, which answers for its own books."""

    gateway: SimulatedGateway
    succeeding_token: CardToken = GOOD
    declined_token: CardToken = BAD
    authenticating_token: CardToken = AUTHENTICATING

    async def authenticate(self, payment: Payment, succeeded: bool) -> None:
        await self.gateway.complete_authentication(payment.id, succeeded)

    async def charges(self, payment: Payment) -> int:
        record = await self.gateway.record(payment.id)
        return sum(each.state.value == "succeeded" for each in record.attempts)

    async def given_back(self, payment: Payment) -> int:
        record = await self.gateway.record(payment.id)
        return sum(each.amount.minor_units for each in record.given if each.state.value != "failed")


@frozen
class InMemoryHarness(RuledHarness):
    """The same, with faults on demand."""

    faults: Faults = field(factory=Faults)

    @property
    def unreachable(self) -> GatewayAdapter:
        always = Faults()
        for step in ("charge", "find", "cancel", "refund", "find_refund", "check"):
            always.add(step, GatewayFaultKind.UNREACHABLE)
        return InMemoryGateway(GatewayLedger(now), always)

    def lose_reply(self, step: Step) -> None:
        self.faults.add(step, GatewayFaultKind.REPLY_LOST)

    def lose_request(self, step: Step) -> None:
        self.faults.add(step, GatewayFaultKind.REQUEST_LOST)

    def fail(self, step: Step, *, done: bool) -> None:
        self.faults.add(
            step, GatewayFaultKind.SERVER_ERROR_AFTER if done else GatewayFaultKind.SERVER_ERROR
        )


@frozen
class StripeHarness:
    """One of Stripe's adapters, the double it talks to, and the paths it takes there."""

    gateway: GatewayAdapter
    unreachable: GatewayAdapter
    stripe: RunningDouble
    charge_path: str
    succeeding_token: CardToken = GOOD
    declined_token: CardToken = BAD
    authenticating_token: CardToken = AUTHENTICATING

    def lose_reply(self, step: Step) -> None:
        method, path = self._request(step)
        # A GET that is reset on a kept connection is sent again by aiohttp; half an answer is not.
        kind: Kind = "truncate" if method == "GET" else "reset_after"
        self.stripe.faults.add(kind, path, method=method)

    def lose_request(self, step: Step) -> None:
        method, path = self._request(step)
        self.stripe.faults.add("reset_before", path, method=method)

    def fail(self, step: Step, *, done: bool) -> None:
        method, path = self._request(step)
        kind: Kind = "status_after" if done else "status_before"
        self.stripe.faults.add(kind, path, method=method, status=500)

    async def authenticate(self, payment: Payment, succeeded: bool) -> None:
        intent = self.stripe.ledger.payment_intents[payment.reference or ""]
        intents.authenticate(self.stripe.ledger, intent, succeeded=succeeded)

    async def charges(self, payment: Payment) -> int:
        charges = _made_for(payment, self.stripe.ledger.charges)
        return sum(each["status"] == "succeeded" for each in charges)

    async def given_back(self, payment: Payment) -> int:
        refunds = _made_for(payment, self.stripe.ledger.refunds)
        return sum(each["amount"] for each in refunds if each["status"] != "failed")

    def _request(self, step: Step) -> tuple[str, str]:
        return {
            "charge": ("POST", f"^{self.charge_path}$"),
            "find": ("GET", f"^{self.charge_path}"),
            "refund": ("POST", "^/v1/refunds$"),
            "find_refund": ("GET", "^/v1/refunds$"),
        }[step]


def _made_for(
    payment: Payment, objects: Mapping[str, Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    return [each for each in objects.values() if each["metadata"].get("payment_id") == payment.id]


@asynccontextmanager
async def stripe_harness(
    adapter: type[StripeCharges] | type[StripePaymentIntents], charge_path: str
) -> AsyncIterator[StripeHarness]:
    """An adapter with a double of its own."""
    async with running_stripe_double() as stripe:
        gateway = adapter(StripeApi(KEY, stripe.url))
        unreachable = adapter(StripeApi(KEY, NOWHERE))
        try:
            yield StripeHarness(gateway, unreachable, stripe, charge_path)
        finally:
            await gateway.close()
            await unreachable.close()


class TestInMemory(
    PaymentGatewayContract,
    UnreliableConnectionContract,
    FailingGatewayContract,
    AuthenticationContract,
):
    """The reference."""

    @pytest.fixture
    def harness(self) -> InMemoryHarness:
        faults = Faults()
        return InMemoryHarness(InMemoryGateway(GatewayLedger(now), faults), faults=faults)


class TestFake(PaymentGatewayContract, AuthenticationContract):
    """Its ledger is a real PostgreSQL."""

    @pytest.fixture
    async def harness(self, database_url: str) -> AsyncIterator[RuledHarness]:
        address = make_url(database_url).set(drivername="postgresql+asyncpg")
        engine = create_async_engine(address, pool_size=10)
        yield RuledHarness(FakeGateway(engine, now, lambda: uuid.uuid4().hex))
        await engine.dispose()


class TestStripeCharges(
    PaymentGatewayContract, UnreliableConnectionContract, FailingGatewayContract
):
    """The seed's way."""

    @pytest.fixture
    async def harness(self) -> AsyncIterator[StripeHarness]:
        async with stripe_harness(StripeCharges, "/v1/charges") as harness:
            yield harness


class TestStripePaymentIntents(
    PaymentGatewayContract,
    UnreliableConnectionContract,
    FailingGatewayContract,
    AuthenticationContract,
):
    """The default."""

    @pytest.fixture
    async def harness(self) -> AsyncIterator[StripeHarness]:
        async with stripe_harness(StripePaymentIntents, "/v1/payment_intents") as harness:
            yield harness
