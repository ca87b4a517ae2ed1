"""ReceiveNotice: what the gateway tells by itself may come twice, early, late and in any order."""

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
from application.ports.unit_of_work import Conflict, StorageUnavailable
from domain.identifiers import PaymentId, RefundId
from domain.payment import PaymentStatus
from domain.refund import Refunded
from tests.builders import ORDER, PRICE, charged, declined
from tests.use_cases.shop import AUTHENTICATING, Raise, Shop, go_on

STRANGE = PaymentId("somebody else's")


async def waiting(shop: Shop) -> PaymentId:
    """An order whose charge was made without our hearing of it."""
    await shop.order()
    shop.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    return (await shop.pay()).payment.id


async def test_a_notice_settles_what_our_request_could_not(shop: Shop) -> None:
    await waiting(shop)
    await shop.notify()
    assert shop.payment().status is PaymentStatus.SUCCEEDED
    await shop.come_to_rest()
    assert not shop.broken_promises


async def test_a_notice_heard_twice_is_news_once(shop: Shop) -> None:
    await waiting(shop)
    (notification,) = shop.ledger.notifications
    receive = shop.replica().receive_notification
    assert [await receive(notification) for _ in range(3)] == [True, False, False]
    assert len(shop.database.outbox) == 1


async def test_a_notice_that_overtakes_the_answer_ends_like_one_that_comes_after(
    shop: Shop,
) -> None:
    await shop.order()

    async def overtake(step: str) -> None:
        if step == "charge answered":
            shop.checkpoint = go_on
            await shop.notify()

    shop.checkpoint = overtake
    assert (await shop.pay()).payment.status is PaymentStatus.SUCCEEDED
    await shop.notify()
    await shop.come_to_rest()
    assert shop.heard("payment:created") == 1
    assert not shop.broken_promises


async def test_a_late_failure_of_an_earlier_attempt_never_touches_a_later_success(
    shop: Shop,
) -> None:
    await shop.order()
    first = (await shop.pay(AUTHENTICATING)).payment.id
    await shop.gateway.complete_authentication(first, succeeded=False)
    await shop.pay()
    paid = (await shop.pay()).payment
    for payment_id in (first, paid.id):
        late = PaymentNotification(f"evt_late_{payment_id}", payment_id, declined(payment_id))
        await shop.replica().receive_notification(late)
    assert shop.order().payment(paid.id) == paid
    await shop.come_to_rest()
    assert not shop.broken_promises


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
async def test_notices_in_any_order_end_alike(order: tuple[int, ...]) -> None:
    shop = Shop()
    await shop.order()
    payment_id = (await shop.pay(AUTHENTICATING)).payment.id
    await shop.gateway.complete_authentication(payment_id, succeeded=True)
    refund = await shop.gateway.refund_externally(payment_id, None)
    assert refund is not None
    told: list[Notification] = [*shop.ledger.notifications[:2], UnrelatedNotification("evt_other")]
    for number in order:
        await shop.replica().receive_notification(told[number])
    await shop.come_to_rest()
    assert shop.payment().status is PaymentStatus.SUCCEEDED


@pytest.mark.parametrize("seed", range(10))
async def test_a_whole_life_told_twice_and_shuffled_changes_nothing(seed: int) -> None:
    shop = Shop()
    await shop.order()
    payment_id = (await shop.pay()).payment.id
    await shop.replica().refund_payment(payment_id, 6_000)
    await shop.replica().refund_payment(payment_id)
    orders, told = shop.orders, list(shop.ledger.notifications) * 2
    random.Random(seed).shuffle(told)
    for notification in told:
        await shop.replica().receive_notification(notification)
    assert shop.orders == orders
    await shop.come_to_rest()
    assert not shop.broken_promises


async def test_a_notice_without_an_outcome_has_the_payment_looked_at_at_once(shop: Shop) -> None:
    payment_id = await waiting(shop)
    assert await shop.replica().receive_notification(PaymentNotification("evt_look", payment_id))
    assert await shop.replica().recover_payments.run_once() == 1
    assert shop.payment().status is PaymentStatus.SUCCEEDED


async def test_a_notice_about_an_abandoned_payment_has_it_looked_at_at_once(shop: Shop) -> None:
    await shop.order()
    shop.faults.add("charge", GatewayFaultKind.LATE, 7200)
    payment_id = (await shop.pay()).payment.id
    for seconds in (60, 7_139):
        shop.let_pass(seconds=seconds)
        await shop.replica().recover_payments.run_once()
    assert shop.payment().status is PaymentStatus.ABANDONED
    shop.let_pass(seconds=1)
    assert await shop.replica().recover_payments.run_once() == 0
    await shop.replica().receive_notification(PaymentNotification("evt_look", payment_id))
    await shop.replica().recover_payments.run_once()
    assert shop.payment().status is PaymentStatus.SUCCEEDED


async def test_a_notice_about_somebody_elses_payment_is_no_news_and_no_harm(shop: Shop) -> None:
    await shop.order()
    receive = shop.replica().receive_notification
    for notification in (
        PaymentNotification("evt_1", STRANGE, charged(STRANGE)),
        PaymentNotification("evt_2", STRANGE),
    ):
        assert await receive(notification) is False
    assert await receive(RefundNotification("evt_3", STRANGE, RefundId("r"), Refunded("re", PRICE)))
    assert await receive(UnrelatedNotification("evt_4"))
    assert shop.order().payments == ()


@pytest.mark.parametrize("error", [StorageUnavailable("gone"), Conflict("lost")], ids=repr)
async def test_a_notice_whose_effect_is_not_committed_is_not_remembered(
    error: Exception,
) -> None:
    among = frozenset({"commit", "committed"})
    if isinstance(error, StorageUnavailable):
        among |= {"read inbox", "read bills"}
    for step in range(50):
        shop = Shop()
        await waiting(shop)
        (notification,) = shop.ledger.notifications
        failure = Raise(step, error, among)
        shop.checkpoint = failure
        try:
            await shop.replica().receive_notification(notification)
        except StorageUnavailable:
            shop.checkpoint = go_on
            await shop.replica().receive_notification(notification)
        assert shop.payment().status is PaymentStatus.SUCCEEDED, failure.step
        await shop.come_to_rest()
        assert not shop.broken_promises
        if not failure.step:
            return
    raise AssertionError("it never went through")


async def test_a_refund_told_by_notice_is_announced_once(shop: Shop) -> None:
    await shop.order()
    payment_id = (await shop.pay()).payment.id
    shop.faults.add("refund", GatewayFaultKind.REPLY_LOST)
    await shop.replica().refund_payment(payment_id)
    await shop.notify()
    await shop.notify()
    await shop.come_to_rest()
    assert (shop.kept, shop.heard("payment:refunded")) == (0, 1)
    assert not shop.broken_promises


async def test_a_wrong_amount_told_by_notice_is_reviewed(shop: Shop) -> None:
    await shop.order()
    shop.faults.add("charge", GatewayFaultKind.REQUEST_LOST)
    payment_id = (await shop.pay()).payment.id
    wrong = PaymentNotification("evt_1", payment_id, charged(payment_id, PRICE + PRICE))
    await shop.replica().receive_notification(wrong)
    assert shop.payment().status is PaymentStatus.REVIEW
    assert not shop.order(ORDER).refunds
