"""What others than we do to a payment: a bank that disputes it, a person who refunds it by hand."""

from itertools import permutations

import pytest
from attrs import evolve

from application.ports.gateway_notifications import (
    DisputeNotification,
    ExternalRefundNotification,
    Notification,
)
from application.use_cases.cancel_order import OrderCancellation
from domain.dispute import DisputeStatus
from domain.identifiers import ChargeId, DisputeId
from domain.money import Money
from domain.payment import Payment
from domain.refund import SETTLEMENT_CHECK_INTERVAL, Refunded, RefundPending, RefundStatus
from tests.builders import ORDER, PRICE
from tests.use_cases.shop import Shop


async def paid(shop: Shop) -> tuple[Payment, ChargeId]:
    """An order's payment, and what the gateway calls it."""
    await shop.order()
    payment = (await shop.pay()).payment
    assert payment.charge_id is not None
    return payment, payment.charge_id


def disputed(
    notification_id: str, charge_id: ChargeId, status: DisputeStatus
) -> DisputeNotification:
    return DisputeNotification(
        notification_id, charge_id, DisputeId("dp_1"), PRICE, "fraudulent", status
    )


def told(charge_id: ChargeId, reference: str, amount: Money = PRICE) -> ExternalRefundNotification:
    return ExternalRefundNotification(
        "evt_1", charge_id, reference, amount, Refunded(reference, amount)
    )


async def refunded_by_hand(shop: Shop, amount: Money = PRICE) -> ExternalRefundNotification:
    """Somebody gives money back at the gateway's own pages; what the gateway tells of it."""
    payment = shop.payment()
    reference = await shop.gateway.refund_externally(payment.id, amount)
    assert payment.charge_id is not None
    assert reference is not None
    return told(payment.charge_id, reference, amount)


async def cancel(shop: Shop) -> None:
    await shop.replica().cancel_order([OrderCancellation(ORDER, 1)])


async def test_a_dispute_is_recorded_and_announced_in_each_of_its_states_once(shop: Shop) -> None:
    payment, charge_id = await paid(shop)
    receive = shop.replica().receive_notification
    opened = disputed("evt_1", charge_id, DisputeStatus.OPEN)
    lost = disputed("evt_2", charge_id, DisputeStatus.LOST)
    late = disputed("evt_3", charge_id, DisputeStatus.OPEN)
    for notification in (opened, opened, lost, lost, late):
        await receive(notification)
    (dispute,) = shop.order().disputes
    assert dispute.payment_id == payment.id
    assert dispute.status is DisputeStatus.LOST
    await shop.come_to_rest()
    assert shop.heard("payment:disputed") == 2


async def test_what_concerns_nothing_of_ours_changes_nothing(shop: Shop) -> None:
    await paid(shop)
    before = shop.order()
    stranger = ChargeId("ch_somebody_else")
    notifications: list[Notification] = [
        disputed("evt_1", stranger, DisputeStatus.OPEN),
        told(stranger, "re_1"),
    ]
    for notification in notifications:
        await shop.replica().receive_notification(notification)
    assert shop.order() == before


async def test_a_refund_by_hand_is_recorded_and_announced_once(shop: Shop) -> None:
    payment, _ = await paid(shop)
    notification = await refunded_by_hand(shop)
    for _ in range(2):
        await shop.replica().receive_notification(notification)
    (refund,) = shop.order().refunds
    assert refund.status is RefundStatus.SUCCEEDED
    assert shop.order().refundable(payment).is_zero
    await shop.come_to_rest()
    assert shop.heard("payment:refunded") == 1


async def test_a_refund_by_hand_that_waits_for_a_bank_is_asked_after_and_never_sent(
    shop: Shop,
) -> None:
    await paid(shop)
    notification = await refunded_by_hand(shop)
    under_way = evolve(notification, outcome=RefundPending(notification.reference))
    await shop.replica().receive_notification(under_way)
    shop.let_pass(seconds=SETTLEMENT_CHECK_INTERVAL.total_seconds() - 1)
    assert await shop.replica().recover_payments.run_once() == 0
    shop.let_pass(seconds=1)
    assert await shop.replica().recover_payments.run_once() == 1
    assert [refund.status for refund in shop.order().refunds] == [RefundStatus.SUCCEEDED]
    await shop.come_to_rest()
    assert (len(shop.refunds), shop.heard("payment:refunded")) == (1, 1)
    assert not shop.broken_promises


async def test_a_refund_by_hand_that_is_gone_from_the_gateway_is_never_sent(shop: Shop) -> None:
    _, charge_id = await paid(shop)
    gone = told(charge_id, "re_gone")
    await shop.replica().receive_notification(evolve(gone, outcome=RefundPending("re_gone")))
    for _ in range(5):
        shop.let_pass(seconds=SETTLEMENT_CHECK_INTERVAL.total_seconds())
        assert await shop.replica().recover_payments.run_once() == 1
    assert not shop.refunds
    assert [refund.status for refund in shop.order().refunds] == [RefundStatus.PENDING]


async def test_a_refund_by_hand_leaves_the_rest_of_a_cancelled_order_to_us(shop: Shop) -> None:
    await paid(shop)
    part = Money(PRICE.minor_units // 4, PRICE.currency)
    await shop.replica().receive_notification(await refunded_by_hand(shop, part))
    await cancel(shop)
    await shop.come_to_rest()
    assert shop.kept == 0
    assert not shop.broken_promises


@pytest.mark.parametrize("order", list(permutations(("tell", "cancel", "rest"))))
async def test_a_refund_by_hand_and_a_cancellation_end_alike_in_any_order(
    shop: Shop, order: tuple[str, ...]
) -> None:
    await paid(shop)
    notification = await refunded_by_hand(shop)
    for step in order:
        match step:
            case "tell":
                await shop.replica().receive_notification(notification)
            case "cancel":
                await cancel(shop)
            case _:
                await shop.come_to_rest()
    await shop.come_to_rest()
    returned = [each for each in shop.order().refunds if each.status is RefundStatus.SUCCEEDED]
    assert sum(each.amount.minor_units for each in returned) == PRICE.minor_units
    assert shop.kept == 0
