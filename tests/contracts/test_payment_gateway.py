"""Every payment gateway keeps the promises of its port; Stripe's do so over HTTP."""

import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import field, frozen
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from adapters.gateways.fake import FakeGateway
from adapters.gateways.in_memory import Faults, GatewayFaultKind, GatewayLedger, InMemoryGateway
from adapters.gateways.simulated.attempts import AttemptState
from adapters.gateways.simulated.gateway import SimulatedGateway
from adapters.gateways.simulated.refunds import RefundState
from adapters.gateways.stripe.charges import StripeCharges
from adapters.gateways.stripe.client import StripeApi
from adapters.gateways.stripe.payment_intents import StripePaymentIntents
from application.ports.payment_gateway import CardToken, GatewayAdapter
from domain.payment import Payment
from payments_kit.conformance.authentication_promises import AuthenticationContract
from payments_kit.conformance.fault_promises import (
    FailingGatewayContract,
    UnreliableConnectionContract,
)
from payments_kit.conformance.harness import Step
from payments_kit.conformance.promises import PaymentGatewayContract
from payments_kit.doubles.stripe import RunningDouble, lifecycle, running_stripe_double
from payments_kit.doubles.stripe.faults import Kind

KEY = "sk_test_contract"
UNREACHABLE = "http://127.0.0.1:1"  # nothing listens on this port


def now() -> datetime:
    return datetime.now(UTC)


@frozen
class TestCards:
    """Stripe's test cards, which all our gateways accept."""

    __test__ = False

    succeeding_token: CardToken = field(default=CardToken("tok_visa"), init=False)
    declined_token: CardToken = field(
        default=CardToken("tok_chargeDeclinedInsufficientFunds"), init=False
    )
    authenticating_token: CardToken = field(
        default=CardToken("tok_threeDSecure2Required"), init=False
    )


@frozen
class SimulatedHarness(TestCards):
    """A simulated gateway, with its own records."""

    gateway: SimulatedGateway

    async def authenticate(self, payment: Payment, succeeded: bool) -> None:
        await self.gateway.complete_authentication(payment.id, succeeded)

    async def charge_count(self, payment: Payment) -> int:
        record = await self.gateway.record(payment.id)
        return sum(each.state is AttemptState.SUCCEEDED for each in record.attempts)

    async def refunded_amount(self, payment: Payment) -> int:
        refunds = (await self.gateway.record(payment.id)).refunds
        return sum(
            each.amount.minor_units for each in refunds if each.state is not RefundState.FAILED
        )


@frozen
class InMemoryHarness(SimulatedHarness):
    """The in-memory gateway, with faults."""

    faults: Faults

    @property
    def unreachable(self) -> GatewayAdapter:
        faults = Faults()
        for step in ("charge", "find", "cancel", "refund", "find_refund", "check"):
            faults.add(step, GatewayFaultKind.UNREACHABLE)
        return InMemoryGateway(GatewayLedger(now), faults)

    def lose_reply(self, step: Step) -> None:
        self.faults.add(step, GatewayFaultKind.REPLY_LOST)

    def lose_request(self, step: Step) -> None:
        self.faults.add(step, GatewayFaultKind.REQUEST_LOST)

    def fail(self, step: Step, *, executed: bool) -> None:
        after, instead = GatewayFaultKind.SERVER_ERROR_AFTER, GatewayFaultKind.SERVER_ERROR
        self.faults.add(step, after if executed else instead)


@frozen
class StripeHarness(TestCards):
    """One of Stripe's adapters, its double, and the path of its charges there."""

    gateway: GatewayAdapter
    unreachable: GatewayAdapter
    stripe: RunningDouble
    charge_path: str

    def lose_reply(self, step: Step) -> None:
        # aiohttp repeats a GET that was reset on a kept connection, but not after half a reply.
        queries = step in ("find", "find_refund")
        self._add_fault(step, "truncate" if queries else "reset_after")

    def lose_request(self, step: Step) -> None:
        self._add_fault(step, "reset_before")

    def fail(self, step: Step, *, executed: bool) -> None:
        self._add_fault(step, "status_after" if executed else "status_before", status=500)

    async def authenticate(self, payment: Payment, succeeded: bool) -> None:
        intent = self.stripe.ledger.payment_intents[payment.reference or ""]
        lifecycle.authenticate(self.stripe.ledger, intent, succeeded=succeeded)

    async def charge_count(self, payment: Payment) -> int:
        charges = _labelled(payment, self.stripe.ledger.charges)
        return sum(each["status"] == "succeeded" for each in charges)

    async def refunded_amount(self, payment: Payment) -> int:
        refunds = _labelled(payment, self.stripe.ledger.refunds)
        return sum(each["amount"] for each in refunds if each["status"] != "failed")

    def _add_fault(self, step: Step, kind: Kind, **more: Any) -> None:
        method, path = {
            "charge": ("POST", f"^{self.charge_path}$"),
            "find": ("GET", f"^{self.charge_path}"),
            "refund": ("POST", "^/v1/refunds$"),
            "find_refund": ("GET", "^/v1/refunds$"),
        }[step]
        self.stripe.faults.add(kind, path, method=method, **more)


def _labelled(payment: Payment, objects: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in objects.values() if each["metadata"].get("payment_id") == payment.id]


async def stripe_harness(
    adapter: type[StripeCharges] | type[StripePaymentIntents], charge_path: str
) -> AsyncIterator[StripeHarness]:
    """Connect an adapter to a double of its own."""
    async with AsyncExitStack() as stack:
        stripe = await stack.enter_async_context(running_stripe_double())
        gateway, unreachable = (
            adapter(StripeApi(KEY, stripe.url)),
            adapter(StripeApi(KEY, UNREACHABLE)),
        )
        for each in (gateway, unreachable):
            stack.push_async_callback(each.close)
        yield StripeHarness(gateway, unreachable, stripe, charge_path)


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
        return InMemoryHarness(InMemoryGateway(GatewayLedger(now), faults), faults)


class TestFake(PaymentGatewayContract, AuthenticationContract):
    """Its records are in a real PostgreSQL."""

    @pytest.fixture
    async def harness(self, database_url: str) -> AsyncIterator[SimulatedHarness]:
        address = make_url(database_url).set(drivername="postgresql+asyncpg")
        engine = create_async_engine(address, pool_size=10)
        yield SimulatedHarness(FakeGateway(engine, now, lambda: uuid.uuid4().hex))
        await engine.dispose()


class TestStripeCharges(
    PaymentGatewayContract, UnreliableConnectionContract, FailingGatewayContract
):
    """The Charges API, as the reference service used it."""

    @pytest.fixture
    async def harness(self) -> AsyncIterator[StripeHarness]:
        async for harness in stripe_harness(StripeCharges, "/v1/charges"):
            yield harness


class TestStripePaymentIntents(
    PaymentGatewayContract,
    UnreliableConnectionContract,
    FailingGatewayContract,
    AuthenticationContract,
):
    """The PaymentIntents API, the default."""

    @pytest.fixture
    async def harness(self) -> AsyncIterator[StripeHarness]:
        async for harness in stripe_harness(StripePaymentIntents, "/v1/payment_intents"):
            yield harness
