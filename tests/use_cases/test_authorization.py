"""Authorize now, capture later: a capture or a release that was requested is completed once.

The rules are tested in tests/domain/test_authorization.py.
"""

from datetime import timedelta

import pytest
from attrs import evolve

from adapters.gateways.in_memory import GatewayFaultKind, InMemoryGateway
from application.ports.alerts import AlertKind
from application.ports.payment_gateway import CardToken
from application.ports.unit_of_work import Conflict, StorageUnavailable
from application.use_cases.claim_order import CaptureUnsupported
from domain.capture import BeingReleased, CaptureMode
from domain.check_times import EXPIRY_NOTICE
from domain.identifiers import PaymentId
from domain.money import Money
from domain.order_entities import PaymentNotFound
from domain.outcome import Authorized, Outcome
from domain.payment import Payment
from domain.payment_status import AUTHORIZATION_EXPIRED, ORDER_CANCELLED, PaymentStatus
from domain.replica import OrderStatus
from tests.builders import PRICE, shipped_event
from tests.use_cases.failures import each_database_failure
from tests.world import VISA, GatewayWithoutChargeList, World

PART = 300


async def authorized(world: World) -> Payment:
    """Return a payment whose money is held."""
    await world.create_order(capture=CaptureMode.MANUAL)
    payment = (await world.pay(VISA)).payment
    assert payment.status is PaymentStatus.AUTHORIZED
    assert world.balance == 0
    return payment


async def capture(world: World, minor_units: int | None = None) -> Payment:
    return (await world.use_cases().capture_payment(world.payment().id, minor_units)).payment


async def void(world: World) -> Payment:
    return await world.use_cases().void_payment(world.payment().id, "out of stock")


async def recover(world: World) -> None:
    world.advance(seconds=30)
    await world.recover()


def events(world: World) -> list[str]:
    """Return the subjects of all events, in the order of their commits."""
    return [record.entry.event.subject for record in world.database.outbox.values()]


# --- captured ----------------------------------------------------------------------------------


@pytest.mark.parametrize("minor_units", [None, PART])
async def test_an_operator_captures_all_or_a_part_and_the_order_is_paid(
    minor_units: int | None,
) -> None:
    world = World()
    await authorized(world)
    assert (events(world), world.order().status) == (["payment:authorized"], OrderStatus.CREATED)

    captured = await capture(world, minor_units)

    amount = minor_units or PRICE.minor_units
    assert captured.status is PaymentStatus.SUCCEEDED
    assert world.balance == amount
    assert world.order().status is OrderStatus.COMPLETE
    assert await capture(world, minor_units) == captured  # repeating changes nothing
    await world.come_to_rest()
    assert events(world) == ["payment:authorized", "payment:created"]
    [created] = [each for each in world.events if each.subject == "payment:created"]
    assert isinstance(created.body, dict)
    assert created.body["amount"] == amount


@pytest.mark.parametrize(
    "fault", sorted(set(GatewayFaultKind) - {GatewayFaultKind.CHARGED_TWICE}, key=str)
)
async def test_a_capture_that_fails_in_any_way_is_completed_by_recovery(
    fault: GatewayFaultKind,
) -> None:
    world = World()
    await authorized(world)
    world.faults.add("capture", fault, seconds=3)
    await capture(world, PART)
    for _ in range(5):
        await recover(world)
    if world.payment().status is PaymentStatus.AUTHORIZED:  # the gateway has refused the capture
        assert world.payment().requested_capture is None
        await capture(world, PART)
    assert world.payment().status is PaymentStatus.SUCCEEDED
    assert world.balance == PART
    await world.come_to_rest()


async def test_a_failing_database_loses_no_capture_and_makes_no_second_one() -> None:
    for world, failure in each_database_failure(min_commits=2):
        await authorized(world)
        world.checkpoint = failure
        try:
            captured = (await capture(world, PART)).status is PaymentStatus.SUCCEEDED
        except (StorageUnavailable, Conflict):
            captured = False
        await world.come_to_rest()
        assert world.balance in ((PART,) if captured else (0, PART))


@pytest.mark.parametrize("minor_units", [None, PART])
@pytest.mark.parametrize("is_early", [True, False])
async def test_an_order_that_is_shipped_is_captured(
    is_early: bool, minor_units: int | None
) -> None:
    world = World()
    shipped = shipped_event(minor_units=minor_units)
    if is_early:
        await world.replicate(shipped)
    await authorized(world)
    if not is_early:
        await world.replicate(shipped, shipped)
    await world.recover()
    assert world.payment().status is PaymentStatus.SUCCEEDED
    assert world.balance == (minor_units or PRICE.minor_units)
    await world.replicate(shipped)
    await world.come_to_rest()
    assert world.count_events("payment:created") == 1


async def test_more_than_is_authorized_is_not_sent_and_an_operator_is_told() -> None:
    world = World()
    await authorized(world)
    await world.replicate(shipped_event(minor_units=PRICE.minor_units + 1))
    await world.recover()
    assert "capture" not in world.steps
    assert world.payment().waits_for_capture
    [alert] = await world.alerts.list_current()
    assert alert.kind is AlertKind.CAPTURE_FAILED
    assert "amount_too_large" in alert.text
    assert (await capture(world)).status is PaymentStatus.SUCCEEDED


@pytest.mark.parametrize("is_refused", [False, True])
async def test_a_newer_shipment_is_captured_only_if_the_capture_in_flight_fails(
    is_refused: bool,
) -> None:
    world = World()
    await authorized(world)
    await world.replicate(shipped_event(minor_units=PART))
    lost = GatewayFaultKind.REQUEST_LOST if is_refused else GatewayFaultKind.REPLY_LOST
    world.faults.add("capture", lost)
    await world.recover()
    await world.replicate(shipped_event(version=2, minor_units=400))
    assert world.payment().requested_capture == Money(PART, PRICE.currency)
    if is_refused:
        world.faults.add("capture", GatewayFaultKind.REFUSED)
    await recover(world)
    await world.come_to_rest()
    assert world.balance == (400 if is_refused else PART)
    [alert] = await world.alerts.list_current()
    assert alert.kind is AlertKind.CAPTURE_FAILED
    assert ("4.00 usd was shipped" in alert.text) is not is_refused


async def test_a_gateway_that_cannot_authorize_is_not_asked_and_nothing_is_claimed() -> None:
    class OneStepGateway(InMemoryGateway):
        capture = None  # type: ignore[assignment]
        list_charges = None  # type: ignore[assignment]

    world = World(gateway_type=OneStepGateway)
    await world.create_order(capture=CaptureMode.MANUAL)
    with pytest.raises(CaptureUnsupported):
        await world.pay(VISA)
    assert (world.order().payments, world.charges) == ((), [])


# --- released ----------------------------------------------------------------------------------


async def test_an_operator_releases_it_and_the_order_can_be_paid_again() -> None:
    world = World()
    first = await authorized(world)

    assert (await void(world)).status is PaymentStatus.CANCELLED
    assert (await void(world)).release_reason == "out of stock"  # repeating changes nothing
    assert events(world) == ["payment:authorized", "payment:voided"]
    assert (await world.pay(VISA)).payment.id != first.id
    assert world.balance == 0


async def test_while_the_gateway_is_away_it_is_released_later_and_not_captured() -> None:
    world = World()
    await authorized(world)
    world.faults.add("cancel", GatewayFaultKind.UNREACHABLE)
    assert (await void(world)).is_being_released
    with pytest.raises(BeingReleased):
        await capture(world)
    await recover(world)
    assert world.payment().status is PaymentStatus.CANCELLED
    assert world.balance == 0


@pytest.mark.parametrize("is_being_captured", [True, False])
async def test_a_cancelled_order_keeps_no_money_and_holds_none(is_being_captured: bool) -> None:
    world = World()
    await authorized(world)
    if is_being_captured:
        world.faults.add("capture", GatewayFaultKind.REPLY_LOST)
        assert (await capture(world)).status is PaymentStatus.AUTHORIZED
    await world.cancel_order()
    await world.recover()
    expected = PaymentStatus.REVERSED if is_being_captured else PaymentStatus.CANCELLED
    assert (world.payment().status, world.payment().code) == (expected, ORDER_CANCELLED)
    await world.come_to_rest()
    assert world.balance == 0
    assert (await world.gateway.record(world.payment().id)).authorized is None
    assert world.count_events("payment:created") == 0


async def test_an_authorization_for_an_order_that_was_cancelled_is_never_announced() -> None:
    world = World()
    await world.create_order(capture=CaptureMode.MANUAL)
    world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    await world.pay(VISA)
    await world.cancel_order()
    await recover(world)
    await recover(world)
    assert world.payment().status is PaymentStatus.CANCELLED
    assert events(world) == ["payment:voided"]
    await world.come_to_rest()


async def test_its_end_is_announced_once_a_day_before_and_then_it_is_released() -> None:
    world = World()
    until = (await authorized(world)).authorized_until
    assert until is not None
    while world.now() < until - EXPIRY_NOTICE - timedelta(hours=6):
        world.advance(hours=5)
        await world.recover()
    assert events(world) == ["payment:authorized"]
    world.time = until - EXPIRY_NOTICE
    for _ in range(3):
        await world.recover()
        world.advance(hours=6)
    assert events(world) == ["payment:authorized", "payment:expiring"]
    world.time = until
    await world.recover()
    assert (world.payment().status, world.payment().code) == (
        PaymentStatus.CANCELLED,
        AUTHORIZATION_EXPIRED,
    )
    await world.come_to_rest()
    assert events(world) == ["payment:authorized", "payment:expiring", "payment:voided"]


class BriefGateway(GatewayWithoutChargeList):
    """The in-memory gateway, if it held money for a few minutes."""

    async def charge(self, payment: Payment, token: CardToken) -> Outcome:
        outcome = await super().charge(payment, token)
        assert isinstance(outcome, Authorized)
        return evolve(outcome, until=payment.created_at + timedelta(minutes=5))


async def test_the_end_of_a_short_authorization_is_announced_at_once() -> None:
    world = World(gateway_type=BriefGateway)
    await authorized(world)
    assert events(world) == ["payment:authorized", "payment:expiring"]
    world.advance(minutes=5)
    await world.come_to_rest()
    assert events(world) == ["payment:authorized", "payment:expiring", "payment:voided"]


async def test_its_end_is_announced_late_if_nothing_ran_when_it_was_time() -> None:
    world = World()
    until = (await authorized(world)).authorized_until
    assert until is not None
    world.time = until - timedelta(seconds=1)
    for _ in range(2):
        await world.recover()
    assert events(world) == ["payment:authorized", "payment:expiring"]


async def test_its_end_is_announced_if_a_capture_fails_on_its_last_day() -> None:
    world = World()
    until = (await authorized(world)).authorized_until
    assert until is not None
    world.time = until - timedelta(hours=1)
    await world.replicate(shipped_event(minor_units=PRICE.minor_units + 1))
    await world.recover()
    assert world.payment().waits_for_capture
    assert events(world) == ["payment:authorized", "payment:expiring"]


async def test_a_failing_database_loses_no_release_that_was_confirmed() -> None:
    for world, failure in each_database_failure(min_commits=2):
        await authorized(world)
        world.checkpoint = failure
        try:
            is_released = (await void(world)).status is PaymentStatus.CANCELLED
        except (StorageUnavailable, Conflict):
            is_released = False
        await world.come_to_rest()
        assert not is_released or world.payment().status is PaymentStatus.CANCELLED


# --- what others do ----------------------------------------------------------------------------


async def test_what_the_gateway_reports_of_it_is_applied_in_any_state() -> None:
    world = World()
    await authorized(world)
    await world.deliver_notifications()
    await capture(world, PART)
    await world.deliver_notifications()
    assert world.payment().captured_amount == Money(PART, PRICE.currency)
    await world.come_to_rest()
    assert events(world) == ["payment:authorized", "payment:created"]


async def test_an_unknown_payment_is_neither_captured_nor_released() -> None:
    use_cases = World().use_cases()
    for use_case in (use_cases.capture_payment, use_cases.void_payment):
        with pytest.raises(PaymentNotFound):
            await use_case(PaymentId("none"))
