"""CheckPayment: what a look-up finds is settled, continued or cancelled at once."""

import asyncio
import logging

import pytest

from adapters.gateways.in_memory import GatewayFaultKind, InMemoryGateway
from application.ports.payment_gateway import (
    LOOKUP_SECONDS,
    GatewayUnavailable,
    LookupRefused,
    OutcomeUnknown,
)
from domain.outcome import Approved, NeverArrived, Outcome, Pending
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from tests.builders import ORDER, PAYER, approved
from tests.checkpoints import proceed
from tests.use_cases.test_pending import DEBIT
from tests.use_cases.test_sessions import check_now, pay, waiting
from tests.world import AUTHENTICATING, GatewayWithoutChargeList, World


@pytest.mark.parametrize("by_customer", [False, True])
async def test_what_is_approved_for_a_complete_order_is_cancelled_by_the_same_check(
    world: World, by_customer: bool
) -> None:
    token = await waiting(world)
    await world.use_cases().complete_order(ORDER)
    await world.gateway.approve(token)
    if by_customer:
        assert (await pay(world, token)).payment.status is PaymentStatus.FAILED
    else:
        await check_now(world)
    assert world.payment().status is PaymentStatus.FAILED
    assert "cancel" in world.steps
    assert "take" not in world.steps
    assert not world.charges


async def test_what_another_process_has_taken_meanwhile_is_not_cancelled(world: World) -> None:
    token = await waiting(world)
    await world.gateway.approve(token)

    async def take(step: str) -> None:
        if step == "find replied":
            world.checkpoint = proceed
            await world.use_cases("process-2").create_charge.check(world.payment())

    world.checkpoint = take
    payment = world.payment()
    checked = await world.use_cases().create_charge.check(payment)
    assert checked.payment.status is PaymentStatus.SUCCEEDED
    assert checked.evidence == Approved(token)
    assert "cancel" not in world.steps
    await world.come_to_rest()
    assert len(world.charges) == 1


class DoesNotCancel(GatewayWithoutChargeList):
    """A gateway that says of what it should cancel that it is approved."""

    async def cancel(self, payment: Payment) -> Outcome | None:
        return approved(payment.id)


async def test_what_should_be_cancelled_is_never_taken(caplog: pytest.LogCaptureFixture) -> None:
    world = World(gateway_type=DoesNotCancel)
    await world.create_order()
    await world.pay(AUTHENTICATING)
    payment = await world.use_cases().cancel_payment(world.payment().id, PAYER)
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    assert f"the gateway did not cancel payment {payment.id}" in caplog.text
    assert "take" not in world.steps
    assert not world.charges


ERRORS = [OutcomeUnknown("no reply"), GatewayUnavailable("busy"), TimeoutError(), LookupRefused("")]


@pytest.mark.parametrize("error", ERRORS, ids=lambda each: type(each).__name__)
async def test_an_adapter_that_does_not_know_leaves_the_payment_open(error: Exception) -> None:
    class Silent(GatewayWithoutChargeList):
        async def find(self, payment: Payment) -> Outcome | None:
            raise error

    world = World(gateway_type=Silent)
    await world.create_order()
    await world.pay(AUTHENTICATING)
    checked = await world.use_cases().create_charge.check(world.payment())
    assert (checked.payment, checked.evidence) == (world.payment(), None)


async def test_a_customer_does_not_wait_longer_for_a_check_than_its_caller_says() -> None:
    class Slow(GatewayWithoutChargeList):
        async def find(self, payment: Payment) -> Outcome | None:
            await asyncio.sleep(60)
            return None

    world = World(gateway_type=Slow)
    await world.create_order()
    await world.pay(AUTHENTICATING)
    payment, check = world.payment(), world.use_cases().create_charge.check
    async with asyncio.timeout(LOOKUP_SECONDS / 2):
        checked = await check(payment, within=0.01)
    assert (checked.payment, checked.evidence) == (payment, None)


async def test_without_a_record_nothing_is_said_while_a_request_may_arrive(world: World) -> None:
    await world.create_order()
    await world.pay(AUTHENTICATING)
    world.ledger.records.clear()
    check = world.use_cases().create_charge.check
    world.advance(seconds=24)
    assert (await check(world.payment())).evidence is None
    world.advance(seconds=1)
    assert (await check(world.payment())).evidence == NeverArrived()
    assert world.payment().status is PaymentStatus.ABANDONED


async def test_a_slow_answer_says_nothing_about_what_arrived_after_the_question(
    world: World,
) -> None:
    await world.create_order()
    await world.pay(AUTHENTICATING)
    [(payment_id, record)] = world.ledger.records.items()
    world.ledger.records.clear()
    world.advance(seconds=24)

    async def arrive(step: str) -> None:
        if step == "find replied":
            world.checkpoint = proceed
            world.advance(seconds=5)
            world.ledger.records[payment_id] = record

    world.checkpoint = arrive
    before = world.payment()
    assert (await world.use_cases().create_charge.check(before)).evidence is None
    assert world.payment() == before


async def test_only_a_cancellation_can_be_refused(world: World) -> None:
    await world.create_order()
    await world.pay(DEBIT)
    check = world.use_cases().create_charge.check
    found = (await check(world.payment())).evidence
    assert isinstance(found, Pending)
    assert not found.cannot_be_cancelled
    assert "cancel" not in world.steps


async def test_nothing_is_taken_if_the_books_were_lost_after_the_decision(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(gateway_type=InMemoryGateway)
    token = await waiting(world)
    await world.gateway.approve(token)

    async def lose_connections(step: str) -> None:
        if step == "committed" and world.payment().status is PaymentStatus.PROCESSING:
            world.database.copy += 1

    world.checkpoint = lose_connections
    checked = await world.use_cases().create_charge.check(world.payment())
    assert (checked.payment.status, checked.evidence) == (PaymentStatus.PROCESSING, None)
    assert "take" not in world.steps
    world.checkpoint = proceed
    world.faults.add("list_charges", GatewayFaultKind.UNREACHABLE)
    with caplog.at_level(logging.INFO):
        checked = await world.use_cases().create_charge.check(world.payment())
    assert (checked.payment, checked.evidence) == (world.payment(), None)
    assert "cannot be taken yet" in caplog.text
    await check_now(world)
    assert world.payment().status is PaymentStatus.SUCCEEDED


@pytest.mark.parametrize(("seconds", "is_taken"), [(4.9, True), (5, False)])
async def test_what_was_decided_is_taken_within_five_seconds(
    world: World, seconds: float, is_taken: bool
) -> None:
    token = await waiting(world)
    await world.gateway.approve(token)

    async def wait(step: str) -> None:
        if step == "committed":
            world.checkpoint = proceed
            world.advance(seconds=seconds)

    world.checkpoint = wait
    checked = await world.use_cases().create_charge.check(world.payment())
    assert (checked.payment.status is PaymentStatus.SUCCEEDED) is is_taken
    assert ("take" in world.steps) is is_taken


class TakesNothing(GatewayWithoutChargeList):
    """A gateway that still only says that the payment is approved."""

    async def take(self, payment: Payment) -> Outcome:
        return approved(payment.id)


class CannotTake(GatewayWithoutChargeList):
    """An adapter that reports approvals and cannot take the money."""

    take = None  # type: ignore[assignment]


@pytest.mark.parametrize("kind", [TakesNothing, CannotTake])
async def test_what_is_not_taken_is_unknown(kind: type[GatewayWithoutChargeList]) -> None:
    world = World(gateway_type=kind)
    token = await waiting(world)
    await world.gateway.approve(token)
    checked = await world.use_cases().create_charge.check(world.payment())
    assert (checked.payment, checked.evidence) == (world.payment(), None)
