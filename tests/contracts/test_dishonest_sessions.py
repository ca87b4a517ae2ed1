"""Each adapter that breaks a promise about sessions fails the test that is named after it."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from attrs import evolve

from adapters.gateways.in_memory import InMemoryGateway
from adapters.gateways.simulated.record import GatewayRecord
from adapters.gateways.simulated.sessions import record_id
from application.ports.gateway_sessions import Session, SessionRequest
from application.ports.payment_gateway import CardToken
from domain.identifiers import PaymentId
from domain.outcome import Approved, Declined, Outcome, Refused, RequiresAction
from domain.payment import Payment
from payments_kit.conformance.parts import PARTS
from payments_kit.conformance.session_fault_promises import UnreliableSessionContract
from payments_kit.conformance.session_promises import SessionContract
from tests.contracts.gateway_harnesses import InMemoryHarness
from tests.world import World


class ApprovesByItself(InMemoryGateway):
    """Takes the money of a session that nobody has approved."""

    async def charge(self, payment: Payment, token: CardToken) -> Outcome:
        await self.approve(token.value)
        return await super().charge(payment, token)


class TakesOnFind(InMemoryGateway):
    """Takes the money as soon as it sees the approval."""

    async def find(self, payment: Payment) -> Outcome | None:
        found = await super().find(payment)
        return await self.take(payment) if isinstance(found, Approved) else found


class TakesWithANewKey(InMemoryGateway):
    """Sends each request with a key of its own."""

    def _charge_key(self, payment: Payment) -> str:
        return self._new_id()


class ForgetsTheApproval(InMemoryGateway):
    """Says that the customer must still approve."""

    async def find(self, payment: Payment) -> Outcome | None:
        found = await super().find(payment)
        if isinstance(found, Approved):
            return RequiresAction(found.reference, redirect_url="https://gateway.example")
        return found


class FindsWhatNeverArrived(InMemoryGateway):
    """Reports what the customer has approved, although nothing was charged."""

    async def find(self, payment: Payment) -> Outcome | None:
        found = await super().find(payment)
        record = await self.record(record_id(payment))
        is_approved = record.session is not None and record.session.approved_at is not None
        return Approved(payment.reference or "") if found is None and is_approved else found


class ForgetsTheReference(InMemoryGateway):
    """Finds a payment by its own id only."""

    async def find(self, payment: Payment) -> Outcome | None:
        return await super().find(evolve(payment, reference=None))


class TakesAfterACancellation(InMemoryGateway):
    """Says that it has cancelled, and cancels nothing."""

    async def cancel(self, payment: Payment) -> Outcome | None:
        found = await self.find(payment)
        is_open = isinstance(found, Approved | RequiresAction)
        return Declined("cancelled", payment.reference) if is_open else found


class TakesForAnybody(InMemoryGateway):
    """Does not compare the session with the payment."""

    async def charge(self, payment: Payment, token: CardToken) -> Outcome:
        await self._send("adapt", PaymentId(token.value), lambda record: _adapted(record, payment))
        return await super().charge(payment, token)


class TakesForTheSecond(TakesForAnybody):
    """Lets the session pay for another payment of its order, too."""

    def _charge_key(self, payment: Payment) -> str:
        return payment.id


class StoresEveryToken(InMemoryGateway):
    """Gives every token as the reference, a card's, too."""

    def reference_of(self, token: str) -> str | None:
        return token


class RepeatsASession(InMemoryGateway):
    """Returns one session for all requests."""

    async def create_session(self, request: SessionRequest) -> Session | Refused:
        created = await super().create_session(request)
        token = "session_00000001"
        return evolve(created, token=token) if isinstance(created, Session) else created


def _adapted(record: GatewayRecord, payment: Payment) -> tuple[GatewayRecord, None]:
    if record.session is None:
        return record, None
    adapted = evolve(
        record.session,
        order_id=payment.order_id,
        amount=payment.amount,
        capture_mode=payment.capture_mode,
        payment_id=payment.id,
    )
    return evolve(record, session=adapted), None


BROKEN: dict[type[InMemoryGateway], str] = {
    ApprovesByItself: "a_charge_before_the_approval_requires_action_and_takes_nothing",
    TakesOnFind: "an_approval_is_found_and_nothing_is_taken_by_it",
    TakesWithANewKey: "what_is_approved_is_taken_once",
    ForgetsTheApproval: "an_approval_is_found_and_nothing_is_taken_by_it",
    FindsWhatNeverArrived: "a_payment_is_unknown_before_its_charge_has_arrived",
    TakesAfterACancellation: "nothing_is_taken_after_a_cancellation",
    TakesForAnybody: "a_session_pays_for_nothing_else",
    TakesForTheSecond: "a_session_belongs_to_the_first_payment",
    StoresEveryToken: "only_the_token_of_a_session_has_a_reference",
    RepeatsASession: "every_session_can_be_approved_and_charges_nothing",
}
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "nothing_is_taken_after_a_cancellation": (True,),
    "a_session_pays_for_nothing_else": ("order",),
}


def promise(kind: type, name: str) -> Callable[..., Awaitable[None]]:
    """Return the test of a promise."""
    test: Callable[..., Awaitable[None]] = getattr(kind(), f"test_{name}")
    return test


def harness(gateway_type: type[InMemoryGateway]) -> InMemoryHarness:
    """Return a harness with this adapter."""
    world = World(gateway_type=gateway_type)
    return InMemoryHarness(world.gateway, world.pass_time, world.faults)


@pytest.mark.parametrize("dishonest", BROKEN)
async def test_a_dishonest_adapter_fails_the_promise_that_it_breaks(
    dishonest: type[InMemoryGateway],
) -> None:
    name = BROKEN[dishonest]
    check, arguments = promise(SessionContract, name), ARGUMENTS.get(name, ())
    await check(harness(InMemoryGateway), *arguments)
    with pytest.raises(AssertionError):
        await check(harness(dishonest), *arguments)


LOSING: dict[type[InMemoryGateway], str] = {
    TakesWithANewKey: "what_was_taken_is_found_although_the_reply_was_lost",
    ForgetsTheReference: "a_charge_is_found_by_its_reference_although_the_reply_was_lost",
}


@pytest.mark.parametrize("dishonest", LOSING)
async def test_it_fails_after_a_lost_reply(dishonest: type[InMemoryGateway]) -> None:
    check = promise(UnreliableSessionContract, LOSING[dishonest])
    await check(harness(InMemoryGateway))
    with pytest.raises(AssertionError):
        await check(harness(dishonest))


class CardsOnly(InMemoryGateway):
    """A gateway without sessions."""

    create_session = reference_of = take = None  # type: ignore[assignment]


class WithoutTake(InMemoryGateway):
    """An adapter that is not complete."""

    take = None  # type: ignore[assignment]


def test_the_kit_has_these_promises_for_adapters_with_sessions_only() -> None:
    part = PARTS["TestSession"]
    assert part.is_about(harness(InMemoryGateway).gateway)
    assert not part.is_about(harness(CardsOnly).gateway)
    incomplete = harness(WithoutTake).gateway
    assert part.is_about(incomplete)
    assert part.lacks(incomplete) == ["gateway.take"]
