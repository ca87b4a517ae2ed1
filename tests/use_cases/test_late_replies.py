"""A request has failed, and before its reply is recorded another one has the money."""

from collections.abc import Awaitable, Callable

import pytest

from adapters.gateways.in_memory import GatewayFaultKind, InMemoryGateway
from application.application import DeclineLimits
from application.ports.payment_gateway import CardToken
from domain.capture import CaptureMode
from domain.outcome import Declined, Outcome, Refused, RequiresAction
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from tests.builders import NOW, approved
from tests.checkpoints import proceed
from tests.use_cases.test_sessions import check_now, waiting
from tests.world import AUTHENTICATING, VISA, World

FAILURES = (Declined("insufficient_funds"), Refused("account_restricted", "restricted"))


def interrupt(world: World, after: str, work: Callable[[], Awaitable[object]]) -> None:
    """Do something else before the first commit after a reply of the gateway."""
    reached = set[str]()

    async def checkpoint(step: str) -> None:
        reached.add(step)
        if step == "commit" and f"{after} replied" in reached:
            world.checkpoint = proceed
            await work()

    world.checkpoint = checkpoint


@pytest.mark.parametrize("failure", FAILURES, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("mode", CaptureMode)
@pytest.mark.parametrize("is_in_flight", [False, True])
async def test_recovery_takes_it_again_before_a_failure_is_recorded(
    failure: Outcome, mode: CaptureMode, is_in_flight: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(capture_mode=mode)
    await world.gateway.approve(await waiting(world))

    async def recover() -> None:
        monkeypatch.undo()
        if is_in_flight:
            world.faults.add("take", GatewayFaultKind.REQUEST_LOST)
        await check_now(world)

    async def fail(gateway: InMemoryGateway, _payment: Payment) -> Outcome:
        await gateway.checkpoint("take replied")
        return failure

    monkeypatch.setattr(InMemoryGateway, "take", fail)
    interrupt(world, "take", recover)
    before = world.payment()
    world.advance(seconds=1)
    await world.use_cases().create_charge.check(before)
    has_money = PaymentStatus.SUCCEEDED, PaymentStatus.AUTHORIZED
    if is_in_flight:
        assert world.payment().status is PaymentStatus.PROCESSING
        await check_now(world)
    assert world.payment().status in has_money
    await world.come_to_rest()


async def test_a_success_is_recorded_although_recovery_has_begun_another_request() -> None:
    world = World()
    await world.gateway.approve(await waiting(world))

    async def recover() -> None:
        world.faults.add("find", GatewayFaultKind.REQUEST_LOST)
        await check_now(world)
        assert world.payment().status is PaymentStatus.PROCESSING

    interrupt(world, "take", recover)
    checked = await world.use_cases().create_charge.check(world.payment())
    assert checked.payment.status is world.payment().status is PaymentStatus.SUCCEEDED
    await world.come_to_rest()
    assert len(world.charges) == 1


async def test_what_was_given_up_is_not_in_progress_because_its_customer_could_act(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    await world.create_order()

    async def wait(gateway: InMemoryGateway, _payment: Payment, _token: CardToken) -> Outcome:
        await gateway.checkpoint("charge replied")
        return RequiresAction("pi_1", "use_stripe_sdk")

    monkeypatch.setattr(InMemoryGateway, "charge", wait)
    interrupt(world, "charge", lambda: check_now(world))
    reply = await world.pay(VISA)
    assert reply.payment.status is world.payment().status is PaymentStatus.ABANDONED


@pytest.mark.parametrize("fails", [True, False])
async def test_an_authentication_that_fails_before_the_reply_is_a_decline(fails: bool) -> None:
    world = World(limits=DeclineLimits(max_declines={"user": 1}))
    await world.create_order()

    async def authenticate() -> None:
        if fails:
            await world.gateway.complete_authentication(world.payment().id, succeeded=False)
        await check_now(world)

    interrupt(world, "charge", authenticate)
    reply = await world.pay(AUTHENTICATING, sources=("user:1",))
    ended = PaymentStatus.FAILED if fails else PaymentStatus.REQUIRES_ACTION
    assert reply.payment.status is world.payment().status is ended
    assert ("user:1" in world.database.declines) is fails


async def test_of_two_that_decide_at_the_same_moment_one_is_the_first() -> None:
    world = World()
    token = await waiting(world)
    begin_taking = world.use_cases().create_charge.settle.begin_taking
    sent = [await begin_taking(world.payment(), approved(token)) for _ in range(2)]
    assert [is_first for _, is_first in sent] == [True, False]


async def test_what_a_gateway_reports_of_an_authorization_is_no_reply_to_a_request() -> None:
    world = World(capture_mode=CaptureMode.MANUAL)
    await world.create_order()
    before = (await world.pay(VISA)).payment
    world.advance(seconds=60 * 60 * 24)
    await world.recover()
    assert world.payment().next_check_at != before.next_check_at
    settled = await world.use_cases().create_charge.settle(before, Declined("expired"))
    assert settled.status is PaymentStatus.CANCELLED


async def test_a_request_that_was_refused_when_it_was_repeated_ends_no_authorization(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(capture_mode=CaptureMode.MANUAL)
    await world.create_order()
    charge = InMemoryGateway.charge

    async def refuse_the_second(
        gateway: InMemoryGateway, payment: Payment, token: CardToken
    ) -> Outcome:
        await charge(gateway, payment, token)
        return FAILURES[1]

    monkeypatch.setattr(InMemoryGateway, "charge", refuse_the_second)
    interrupt(world, "charge", lambda: check_now(world))
    reply = await world.pay(VISA)
    assert reply.payment.status is world.payment().status is PaymentStatus.AUTHORIZED
    assert not reply.is_refused
    await world.come_to_rest()


@pytest.mark.parametrize("failure", FAILURES, ids=lambda each: type(each).__name__)
async def test_a_failure_is_recorded_although_recovery_has_looked(
    failure: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway may need longer for a decline than recovery waits; nothing was taken."""
    world = World()
    await world.create_order()

    async def fail(gateway: InMemoryGateway, _payment: Payment, _token: CardToken) -> Outcome:
        await gateway.checkpoint("charge replied")
        return failure

    async def look() -> None:
        world.advance(seconds=11)
        await world.recover()

    monkeypatch.setattr(InMemoryGateway, "charge", fail)
    interrupt(world, "charge", look)
    reply = await world.pay(VISA)
    assert reply.payment.status is world.payment().status is PaymentStatus.FAILED
    assert world.payment().created_at == NOW
