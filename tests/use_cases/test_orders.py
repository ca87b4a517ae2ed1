"""ReplicateOrder, CancelOrder and CompleteOrder: the same events end alike in whatever order."""

from itertools import permutations

import pytest

from adapters.gateways.in_memory import Trouble
from application.ports.unit_of_work import Conflict, StorageUnavailable
from application.use_cases.cancel_order import OrderCancellation
from domain.bill import OrderNotFound
from domain.order import OrderId, OrderStatus
from domain.payment import PaymentStatus
from tests.builders import ORDER, PRICE, after, cancelled_event, created_event, dollars
from tests.use_cases.shop import AUTHENTICATING, VISA, Raise, Shop, go_on

EVENTS = [
    created_event(),
    created_event(version=2, price=dollars("7")),
    cancelled_event(version=3),
    created_event("order-2"),
]


@pytest.mark.parametrize("order", list(permutations(range(len(EVENTS)))), ids=str)
async def test_one_batch_or_many_in_any_order_end_in_the_same_replicas(
    order: tuple[int, ...],
) -> None:
    one_batch, one_by_one = Shop(), Shop()
    await one_batch.hear(*EVENTS, *EVENTS)
    for number in order:
        await one_by_one.hear(EVENTS[number])
    assert {bill.order for bill in one_batch.bills} == {bill.order for bill in one_by_one.bills}
    assert one_batch.bill().order.is_cancelled
    assert not one_by_one.broken_promises


async def test_a_batch_is_one_read_and_one_write(shop: Shop) -> None:
    steps: list[str] = []

    async def note(step: str) -> None:
        steps.append(step)

    shop.checkpoint = note
    await shop.hear(*(created_event(f"order-{number}") for number in range(500)))
    assert steps == ["read bills", "commit", "committed"]
    assert len(shop.bills) == 500


async def test_an_event_heard_again_writes_nothing(shop: Shop) -> None:
    await shop.hear(*EVENTS)
    written = dict(shop.database.bills)
    await shop.hear(*EVENTS)
    assert shop.database.bills == written


async def test_a_batch_that_was_not_committed_is_not_acknowledged_and_leaves_nothing(
    shop: Shop,
) -> None:
    shop.checkpoint = Raise(0, StorageUnavailable("gone"), frozenset({"commit"}))
    with pytest.raises(StorageUnavailable):
        await shop.hear(*EVENTS)
    assert not shop.bills
    await shop.hear(*EVENTS)
    assert len(shop.bills) == 2


async def test_a_commit_whose_reply_is_lost_is_made_again_without_a_difference(shop: Shop) -> None:
    shop.checkpoint = Raise(0, Conflict("reply lost"), frozenset({"committed"}))
    await shop.hear(*EVENTS)
    once = Shop()
    await once.hear(*EVENTS)
    assert shop.bills == once.bills


# --- cancelling against charging ----------------------------------------------------------------


async def cancel(shop: Shop) -> None:
    """The order is cancelled, by way of the use case."""
    await shop.replica("canceller").cancel_order([OrderCancellation(ORDER, 1)])
    shop.acknowledged.append(cancelled_event())


async def test_cancelling_a_paid_order_gives_the_money_back_once(shop: Shop) -> None:
    await shop.order()
    await shop.pay()
    await cancel(shop)
    await cancel(shop)
    assert shop.kept == PRICE.minor
    await shop.come_to_rest()
    assert shop.kept == 0
    assert (shop.heard("payment:created"), shop.heard("payment:refunded")) == (1, 1)
    assert not shop.broken_promises


@pytest.mark.parametrize(
    "moment", ["read bills", "commit", "committed", "charge", "charge answered"]
)
@pytest.mark.parametrize("trouble", [None, Trouble.REPLY_LOST, Trouble.LATE], ids=str)
async def test_a_cancellation_at_any_moment_of_a_charge_ends_with_nothing_kept(
    shop: Shop, moment: str, trouble: Trouble | None
) -> None:
    await shop.order()
    if trouble is not None:
        shop.faults.add("charge", trouble, 40)

    async def at(step: str) -> None:
        if step == moment:
            shop.checkpoint = go_on
            await cancel(shop)

    shop.checkpoint = at
    try:
        await shop.pay()
    except Exception as refused:
        assert type(refused).__name__ == "OrderCancelled"  # noqa: PT017 - or it is no error at all
    shop.checkpoint = go_on
    if not shop.bill().order.is_cancelled:
        await cancel(shop)
    await shop.come_to_rest()
    assert shop.kept == 0
    assert not shop.broken_promises


async def test_a_customer_at_the_bank_is_called_back_when_the_order_is_cancelled(
    shop: Shop,
) -> None:
    await shop.order()
    await shop.pay(AUTHENTICATING)
    await cancel(shop)
    await shop.replica().recover_payments.run_once()
    assert shop.payment().status is PaymentStatus.FAILED
    await shop.gateway.complete_authentication(shop.payment().id, succeeded=True)
    assert not shop.charges
    await shop.come_to_rest()
    assert not shop.broken_promises


async def test_a_customer_who_paid_at_the_bank_just_before_the_cancellation_gets_it_back(
    shop: Shop,
) -> None:
    await shop.order()
    await shop.pay(AUTHENTICATING)
    await shop.gateway.complete_authentication(shop.payment().id, succeeded=True)
    await cancel(shop)
    await shop.come_to_rest()
    assert shop.payment().status is PaymentStatus.UNWANTED
    assert shop.kept == 0
    assert not shop.broken_promises


async def test_an_order_that_expires_during_its_charge_is_not_kept_money_for(shop: Shop) -> None:
    await shop.order(expires_at=after(seconds=2))
    shop.faults.add("charge", Trouble.SLOW, 3)
    charge = await shop.pay()
    assert charge.payment.status is PaymentStatus.UNWANTED
    await shop.come_to_rest()
    assert shop.kept == 0
    assert not shop.heard("payment:created")
    assert not shop.broken_promises


async def test_an_order_that_expires_after_it_was_paid_keeps_its_payment(shop: Shop) -> None:
    await shop.order(expires_at=after(minutes=1))
    await shop.pay()
    shop.let_pass(hours=1)
    await shop.notify()
    await shop.come_to_rest()
    assert shop.kept == PRICE.minor
    assert not shop.broken_promises


async def test_an_order_that_expires_while_its_customer_is_at_the_bank_is_called_off(
    shop: Shop,
) -> None:
    await shop.order(expires_at=after(minutes=1))
    await shop.pay(AUTHENTICATING)
    shop.let_pass(minutes=1)
    await shop.replica().recover_payments.run_once()
    assert shop.payment().status is PaymentStatus.FAILED
    assert not shop.broken_promises


# --- completing ---------------------------------------------------------------------------------


async def test_hearing_twice_that_an_order_was_paid_changes_nothing(shop: Shop) -> None:
    await shop.order()
    await shop.replica().complete_order(ORDER)
    assert shop.bill().order.status is OrderStatus.COMPLETE
    written = dict(shop.database.bills)
    await shop.replica().complete_order(ORDER)
    assert shop.database.bills == written


async def test_a_cancelled_order_never_becomes_complete(shop: Shop) -> None:
    await shop.order()
    await shop.hear(cancelled_event())
    await shop.replica().complete_order(ORDER)
    assert shop.bill().order.is_cancelled


async def test_an_order_nobody_has_heard_of_cannot_be_completed_yet(shop: Shop) -> None:
    with pytest.raises(OrderNotFound):
        await shop.replica().complete_order(OrderId("unheard"))


async def test_completing_does_not_touch_the_payment(shop: Shop) -> None:
    await shop.order()
    paid = (await shop.pay(VISA)).payment
    await shop.replica().complete_order(ORDER)
    assert shop.payment() == paid
