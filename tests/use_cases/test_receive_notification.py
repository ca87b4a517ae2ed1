"""ReceiveNotification gives the same result for repeated, early, late and reordered webhooks."""

import random
from itertools import permutations

import pytest

from adapters.gateways.in_memory import GatewayFaultKind
from application.ports.gateway_notifications import (
    Notification,
    PaymentNotification,
    RefundNotification,
    UnrelatedNotification,
)
from domain.identifiers import PaymentId, RefundId
from domain.payment_status import PaymentStatus
from domain.refund import Refunded, ReportedRefund
from tests.builders import PRICE, charged, declined
from tests.checkpoints import proceed
from tests.world import AUTHENTICATING, World

UNKNOWN = PaymentId("unknown")
REPORTED = ReportedRefund("re", PRICE, Refunded("re", PRICE), RefundId("r"), "r:0")


async def pay_with_lost_reply(world: World) -> PaymentId:
    """Pay for the default order without receiving the gateway's reply."""
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    return (await world.pay()).payment.id


async def test_a_notification_settles_a_payment_with_an_unknown_outcome_once(world: World) -> None:
    await pay_with_lost_reply(world)
    (notification,) = world.ledger.notifications
    assert [await world.receive(notification) for _ in range(3)] == [True, False, False]
    assert world.payment().status is PaymentStatus.SUCCEEDED
    assert len(world.database.outbox) == 1
    await world.come_to_rest()


async def test_a_notification_before_the_reply_settles_the_payment_once(world: World) -> None:
    await world.create_order()

    async def overtake(step: str) -> None:
        if step == "charge replied":
            world.checkpoint = proceed
            await world.deliver_notifications()

    world.checkpoint = overtake
    assert (await world.pay()).payment.status is PaymentStatus.SUCCEEDED
    await world.deliver_notifications()
    await world.come_to_rest()
    assert world.count_events("payment:created") == 1


async def test_a_late_decline_does_not_change_a_successful_payment(world: World) -> None:
    await world.create_order()
    first = (await world.pay(AUTHENTICATING)).payment.id
    await world.gateway.complete_authentication(first, succeeded=False)
    await world.pay()
    paid = (await world.pay()).payment
    for payment_id in (first, paid.id):
        late = PaymentNotification(f"evt_late_{payment_id}", payment_id, declined(payment_id))
        await world.receive(late)
    assert world.order().payment(paid.id) == paid
    await world.come_to_rest()


@pytest.mark.parametrize("sequence", list(permutations(range(3))), ids=str)
async def test_notifications_of_an_authentication_give_one_result_in_every_sequence(
    world: World, sequence: tuple[int, ...]
) -> None:
    await world.create_order()
    payment_id = (await world.pay(AUTHENTICATING)).payment.id
    await world.gateway.complete_authentication(payment_id, succeeded=True)
    notifications: list[Notification] = [
        *world.ledger.notifications,
        UnrelatedNotification("evt_other"),
    ]
    for number in sequence:
        await world.receive(notifications[number])
    await world.come_to_rest()
    assert world.payment().status is PaymentStatus.SUCCEEDED


@pytest.mark.parametrize("seed", range(10))
async def test_every_notification_delivered_twice_in_any_sequence_changes_nothing(
    world: World, seed: int
) -> None:
    await world.create_order()
    payment_id = (await world.pay()).payment.id
    await world.use_cases().refund_payment(payment_id, 6_000)
    await world.use_cases().refund_payment(payment_id)
    orders, notifications = world.orders, list(world.ledger.notifications) * 2
    random.Random(seed).shuffle(notifications)
    for notification in notifications:
        await world.receive(notification)
    assert world.orders == orders
    await world.come_to_rest()


@pytest.mark.parametrize("seconds_late", [0, 7200])
async def test_a_notification_without_an_outcome_makes_the_check_of_a_payment_due(
    world: World, seconds_late: int
) -> None:
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.LATE, seconds_late)
    payment_id = (await world.pay()).payment.id
    if seconds_late:
        for seconds in (60, seconds_late - 61, 1):
            world.advance(seconds=seconds)
            await world.recover()
        assert world.payment().status is PaymentStatus.ABANDONED
    assert await world.recover() == 0
    await world.receive(PaymentNotification("evt_check", payment_id))
    assert await world.recover() == 1
    assert world.payment().status is PaymentStatus.SUCCEEDED


@pytest.mark.parametrize("was_late", [True, False])
async def test_money_that_may_be_late_is_looked_for_although_the_payment_has_ended(
    world: World, was_late: bool
) -> None:
    await world.create_order()
    payment_id = (await world.pay(AUTHENTICATING)).payment.id
    if was_late:
        await world.gateway.complete_authentication(payment_id, succeeded=True)
    failed = PaymentNotification("evt_failed", payment_id, declined(payment_id))
    await world.receive(failed)
    assert await world.recover() == 0
    await world.receive(PaymentNotification("evt_1", payment_id))
    assert await world.recover() == 0
    await world.receive(PaymentNotification("evt_2", payment_id, may_be_late=True))
    assert await world.recover() == 1
    expected = PaymentStatus.REVERSED if was_late else PaymentStatus.FAILED
    assert world.payment().status is expected
    assert world.payment().next_check_at is None
    await world.recover()
    assert world.balance == 0


async def test_a_notification_about_an_unknown_payment_changes_nothing(world: World) -> None:
    await world.create_order()
    for notification, is_new in (
        (PaymentNotification("evt_1", UNKNOWN, charged(UNKNOWN)), False),
        (PaymentNotification("evt_2", UNKNOWN), False),
        (RefundNotification("evt_3", UNKNOWN, charged(UNKNOWN).charge_id, REPORTED), True),
        (UnrelatedNotification("evt_4"), True),
    ):
        assert await world.receive(notification) is is_new
    assert world.order().payments == ()


async def test_a_refund_reported_by_notification_is_published_once(world: World) -> None:
    await world.create_order()
    payment_id = (await world.pay()).payment.id
    world.faults.add("refund", GatewayFaultKind.REPLY_LOST)
    await world.use_cases().refund_payment(payment_id)
    for _ in range(2):
        await world.deliver_notifications()
    assert len(world.database.outbox) == 2
    await world.come_to_rest()
    assert (world.balance, world.count_events("payment:refunded")) == (0, 1)


async def test_a_wrong_amount_reported_by_notification_is_reviewed(world: World) -> None:
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.REQUEST_LOST)
    payment_id = (await world.pay()).payment.id
    wrong = charged(payment_id, PRICE + PRICE)
    await world.receive(PaymentNotification("evt_1", payment_id, wrong))
    assert world.payment().status is PaymentStatus.REVIEW
    assert not world.order().refunds
