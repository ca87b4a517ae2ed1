"""The in-memory gateway holds money, and captures or releases it, with the faults of real ones."""

from datetime import timedelta

import pytest
from attrs import evolve

from adapters.gateways.in_memory import GatewayFaultKind
from adapters.gateways.in_memory.gateway import CAPTURE_REFUSAL
from adapters.gateways.simulated.attempts import AUTHORIZED_FOR, EXPIRED
from application.ports.gateway_notifications import PaymentNotification
from application.ports.payment_gateway import (
    CALL_SECONDS,
    CardToken,
    GatewayUnavailable,
    OutcomeUnknown,
)
from domain.capture import CaptureFailed, CaptureMode
from domain.money import Currency, Money
from domain.outcome import Authorized, Charged, Declined, RequiresAction
from domain.payment import Payment
from payments_kit.conformance.samples import a_payment
from tests.world import VISA, World

USD = Currency("usd")
UNKNOWN = (
    *(GatewayFaultKind.REQUEST_LOST, GatewayFaultKind.REPLY_LOST, GatewayFaultKind.LATE),
    *(GatewayFaultKind.SERVER_ERROR, GatewayFaultKind.SERVER_ERROR_AFTER),
)


@pytest.fixture
def world() -> World:
    return World()


def manual() -> Payment:
    return evolve(a_payment(), capture_mode=CaptureMode.MANUAL)


async def authorized(world: World, token: CardToken = VISA) -> tuple[Payment, Authorized]:
    payment = manual()
    outcome = await world.gateway.charge(payment, token)
    assert isinstance(outcome, Authorized)
    return payment, outcome


def capturing(payment: Payment, minor_units: int = 1000, attempt: int = 1) -> Payment:
    return evolve(payment, requested_capture=Money(minor_units, USD), capture_attempt=attempt)


async def captured(world: World, payment: Payment) -> Money:
    """Return how much of a payment is captured at the end, with at most one charge."""
    outcome = await world.gateway.find(payment)
    assert len((await world.gateway.record(payment.id)).attempts) == 1
    return outcome.amount if isinstance(outcome, Charged) else Money(0, USD)


async def test_an_authorization_holds_money_for_a_week_and_then_releases_it(world: World) -> None:
    payment, held = await authorized(world)
    assert held.until == world.now() + AUTHORIZED_FOR
    assert await world.gateway.find(payment) == held
    world.advance(hours=7 * 24)
    ended = Declined(EXPIRED, held.reference)
    assert await world.gateway.find(payment) == ended
    assert await world.gateway.capture(capturing(payment)) == ended
    assert await world.gateway.cancel(payment) == ended


async def test_the_end_of_an_authorization_is_notified_once(world: World) -> None:
    payment, held = await authorized(world)
    world.advance(hours=7 * 24)
    for _ in range(2):
        await world.gateway.find(payment)
    assert [each.outcome for each in notifications(world)] == [
        held,
        Declined(EXPIRED, held.reference),
    ]


async def test_a_part_is_captured_once_whatever_the_key(world: World) -> None:
    payment, held = await authorized(world)
    first = await world.gateway.capture(capturing(payment, 300))
    assert first == Charged(held.charge_id, Money(300, USD), False, held.reference)
    for attempt, amount in ((1, 300), (2, 300), (3, 700)):
        assert await world.gateway.capture(capturing(payment, amount, attempt)) == first
    assert await world.gateway.cancel(payment) == first
    assert await captured(world, payment) == Money(300, USD)


async def test_more_than_is_held_is_not_captured_and_the_hold_stays(world: World) -> None:
    payment, held = await authorized(world)
    for _ in range(2):
        assert isinstance(await world.gateway.capture(capturing(payment, 1001)), CaptureFailed)
    assert await world.gateway.find(payment) == held
    assert isinstance(await world.gateway.capture(capturing(payment, 1000, 2)), Charged)


async def test_a_released_authorization_is_not_captured(world: World) -> None:
    payment, held = await authorized(world)
    released = await world.gateway.cancel(payment)
    assert released == Declined("canceled", held.reference)
    assert await world.gateway.capture(capturing(payment)) == released
    assert await captured(world, payment) == Money(0, USD)


@pytest.mark.parametrize("fault", UNKNOWN, ids=lambda fault: fault.name)
async def test_an_unknown_capture_is_sent_again_with_another_key_and_moves_money_once(
    world: World, fault: GatewayFaultKind
) -> None:
    payment, _ = await authorized(world)
    world.faults.add("capture", fault, seconds=30)
    with pytest.raises(OutcomeUnknown):
        await world.gateway.capture(capturing(payment, 400))
    assert isinstance(await world.gateway.capture(capturing(payment, 400, 2)), Charged)
    world.advance(seconds=60)
    assert await captured(world, payment) == Money(400, USD)


@pytest.mark.parametrize(
    "fault", [GatewayFaultKind.SERVER_ERROR, GatewayFaultKind.SERVER_ERROR_AFTER]
)
async def test_a_stored_error_is_repeated_to_its_key_for_ever(
    world: World, fault: GatewayFaultKind
) -> None:
    payment, _ = await authorized(world)
    world.faults.add("capture", fault)
    for _ in range(3):
        with pytest.raises(OutcomeUnknown):
            await world.gateway.capture(capturing(payment))


async def test_a_late_capture_of_what_was_released_meanwhile_captures_nothing(world: World) -> None:
    payment, _ = await authorized(world)
    world.faults.add("capture", GatewayFaultKind.LATE, seconds=60)
    with pytest.raises(OutcomeUnknown):
        await world.gateway.capture(capturing(payment))
    await world.gateway.cancel(payment)
    world.advance(seconds=60)
    assert await captured(world, payment) == Money(0, USD)


async def test_a_slow_capture_is_unknown_after_the_time_of_a_call(world: World) -> None:
    payment, _ = await authorized(world)
    start = world.time
    world.faults.add("capture", GatewayFaultKind.SLOW, CALL_SECONDS + 1)
    with pytest.raises(OutcomeUnknown):
        await world.gateway.capture(capturing(payment))
    assert world.time - start == timedelta(seconds=CALL_SECONDS)
    assert await captured(world, payment) == payment.amount


@pytest.mark.parametrize("fault", [GatewayFaultKind.UNREACHABLE, GatewayFaultKind.RATE_LIMITED])
async def test_a_capture_that_did_not_reach_the_gateway_has_certainly_done_nothing(
    world: World, fault: GatewayFaultKind
) -> None:
    payment, held = await authorized(world)
    world.faults.add("capture", fault)
    with pytest.raises(GatewayUnavailable):
        await world.gateway.capture(capturing(payment))
    assert await world.gateway.find(payment) == held


async def test_a_refused_capture_says_so_and_leaves_the_hold(world: World) -> None:
    payment, held = await authorized(world)
    world.faults.add("capture", GatewayFaultKind.REFUSED)
    assert await world.gateway.capture(capturing(payment)) == CAPTURE_REFUSAL
    assert await world.gateway.find(payment) == held


async def test_a_hold_may_differ_from_the_request_and_every_reply_says_so(world: World) -> None:
    world.faults.mischarge(Money(777, Currency("eur")))
    payment, held = await authorized(world)
    assert payment.mismatch(held) == "currency_mismatch"
    assert await world.gateway.find(payment) == held


async def test_an_authorization_may_arrive_late(world: World) -> None:
    payment = manual()
    world.faults.add("charge", GatewayFaultKind.LATE, seconds=3600)
    with pytest.raises(OutcomeUnknown):
        await world.gateway.charge(payment, VISA)
    world.advance(hours=1)
    held = await world.gateway.find(payment)
    assert isinstance(held, Authorized)
    assert held.until == world.now() + AUTHORIZED_FOR


async def test_authentication_authorizes_a_payment_that_is_captured_later(world: World) -> None:
    payment = manual()
    token = CardToken("tok_threeDSecureRequired")
    assert isinstance(await world.gateway.charge(payment, token), RequiresAction)
    outcome = await world.gateway.complete_authentication(payment.id, succeeded=True)
    assert isinstance(outcome, Authorized)


async def test_others_capture_and_release_in_the_dashboard(world: World) -> None:
    first, held = await authorized(world)
    part = Money(1, USD)
    assert await world.gateway.capture_externally(first.id, Money(1001, USD)) is None
    done = await world.gateway.capture_externally(first.id, part)
    assert done == Charged(held.charge_id, part, False, held.reference)
    assert await world.gateway.capture(capturing(first)) == done
    assert await world.gateway.release_externally(first.id) == done
    second, held = await authorized(world)
    released = await world.gateway.release_externally(second.id)
    assert released == Declined("canceled", held.reference)
    assert await world.gateway.capture_externally(second.id) is None
    assert [each.outcome for each in notifications(world)][-1] == released


def notifications(world: World) -> list[PaymentNotification]:
    return [each for each in world.ledger.notifications if isinstance(each, PaymentNotification)]
