"""ReplicateOrder, CancelOrder and CompleteOrder: the same events end alike in whatever order."""

from itertools import permutations

import pytest

from adapters.gateways.in_memory import GatewayFaultKind
from application.ports.unit_of_work import Conflict, StorageUnavailable
from application.use_cases.cancel_order import OrderCancellation
from domain.claim import OrderNotFound
from domain.identifiers import OrderId
from domain.payment import PaymentStatus
from domain.replica import OrderStatus
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
    await one_batch.apply(*EVENTS, *EVENTS)
    for number in order:
        await one_by_one.apply(EVENTS[number])
    assert {order.replica for order in one_batch.orders} == {
        order.replica for order in one_by_one.orders
    }
    assert one_batch.order().replica.is_cancelled
    assert not one_by_one.broken_promises


async def test_a_batch_is_one_read_and_one_write(shop: Shop) -> None:
    steps: list[str] = []

    async def note(step: str) -> None:
        steps.append(step)

    shop.checkpoint = note
    await shop.apply(*(created_event(f"order-{number}") for number in range(500)))
    assert steps == ["read bills", "commit", "committed"]
    assert len(shop.orders) == 500


async def test_an_event_heard_again_writes_nothing(shop: Shop) -> None:
    await shop.apply(*EVENTS)
    written = dict(shop.database.orders)
    await shop.apply(*EVENTS)
    assert shop.database.orders == written


async def test_a_batch_that_was_not_committed_is_not_acknowledged_and_leaves_nothing(
    shop: Shop,
) -> None:
    shop.checkpoint = Raise(0, StorageUnavailable("gone"), frozenset({"commit"}))
    with pytest.raises(StorageUnavailable):
        await shop.apply(*EVENTS)
    assert not shop.orders
    await shop.apply(*EVENTS)
    assert len(shop.orders) == 2


async def test_a_commit_whose_reply_is_lost_is_made_again_without_a_difference(shop: Shop) -> None:
    shop.checkpoint = Raise(0, Conflict("reply lost"), frozenset({"committed"}))
    await shop.apply(*EVENTS)
    once = Shop()
    await once.apply(*EVENTS)
    assert shop.orders == once.orders


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
    assert shop.kept == PRICE.minor_units
    await shop.come_to_rest()
    assert shop.kept == 0
    assert (shop.heard("payment:created"), shop.heard("payment:refunded")) == (1, 1)
    assert not shop.broken_promises


@pytest.mark.parametrize(
    "moment", ["read bills", "commit", "committed", "charge", "charge answered"]
)
@pytest.mark.parametrize(
    "trouble", [None, GatewayFaultKind.REPLY_LOST, GatewayFaultKind.LATE], ids=str
)
async def test_a_cancellation_at_any_moment_of_a_charge_ends_with_nothing_kept(
    shop: Shop, moment: str, kind: GatewayFaultKind | None
) -> None:
    await shop.order()
    if kind is not None:
        shop.faults.add("charge", kind, 40)

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
    if not shop.order().replica.is_cancelled:
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
    assert shop.payment().status is PaymentStatus.REVERSED
    assert shop.kept == 0
    assert not shop.broken_promises


async def test_an_order_that_expires_during_its_charge_is_not_kept_money_for(shop: Shop) -> None:
    await shop.order(expires_at=after(seconds=2))
    shop.faults.add("charge", GatewayFaultKind.SLOW, 3)
    charge = await shop.pay()
    assert charge.payment.status is PaymentStatus.REVERSED
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
    assert shop.kept == PRICE.minor_units
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
    assert shop.order().replica.status is OrderStatus.COMPLETE
    written = dict(shop.database.orders)
    await shop.replica().complete_order(ORDER)
    assert shop.database.orders == written


async def test_a_cancelled_order_never_becomes_complete(shop: Shop) -> None:
    await shop.order()
    await shop.apply(cancelled_event())
    await shop.replica().complete_order(ORDER)
    assert shop.order().replica.is_cancelled


async def test_an_order_nobody_has_heard_of_cannot_be_completed_yet(shop: Shop) -> None:
    with pytest.raises(OrderNotFound):
        await shop.replica().complete_order(OrderId("unheard"))


async def test_completing_does_not_touch_the_payment(shop: Shop) -> None:
    await shop.order()
    paid = (await shop.pay(VISA)).payment
    await shop.replica().complete_order(ORDER)
    assert shop.payment() == paid
