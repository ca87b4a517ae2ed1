"""RelayOutbox brings every event out at least once, under one id, in order for each order."""

import pytest

from adapters.gateways.in_memory import GatewayFaultKind
from adapters.messaging.in_memory import InMemoryBroker
from application.ports.event_publisher import BrokerUnavailable
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.relay_outbox import LEASE
from domain.identifiers import OrderId
from tests.builders import ORDER, cancelled_event
from tests.use_cases.shop import DECLINED, Raise, Shop


async def busy(shop: Shop, orders: int = 3) -> None:
    """Orders declined, then paid, then cancelled and refunded: three events each, none relayed."""
    for number in range(1, orders + 1):
        order_id = await shop.order(f"order-{number}")
        await shop.pay(DECLINED, order_id)
        await shop.pay(order_id=order_id)
        await shop.apply(cancelled_event(order_id))
    await shop.replica().recover_payments.run_once()


def subjects(shop: Shop, order_id: str = ORDER) -> list[str]:
    """What was heard of an order, each event when it came first."""
    first = {seen.id: seen for seen in reversed(shop.seen) if seen.order_id == order_id}
    heard = sorted(first.values(), key=shop.seen.index)
    return [seen.subject for seen in heard]


IN_ORDER = ["payment:failed", "payment:created", "payment:refunded"]


async def test_the_events_of_an_order_leave_in_the_order_they_were_committed(shop: Shop) -> None:
    await busy(shop)
    assert await shop.replica().relay_outbox.run_once() == 9
    for number in range(1, 4):
        assert subjects(shop, f"order-{number}") == IN_ORDER
    assert await shop.replica().relay_outbox.run_once() == 0
    assert not shop.broken_promises


async def test_the_first_events_of_all_orders_leave_in_one_batch(shop: Shop) -> None:
    await busy(shop)
    steps: list[str] = []

    async def note(step: str) -> None:
        steps.append(step)

    shop.checkpoint = note
    await shop.replica().relay_outbox.run_once()
    assert steps.count("publish") == len(IN_ORDER)


async def test_a_broker_that_is_down_delays_events_and_loses_none(shop: Shop) -> None:
    await busy(shop)
    relay = shop.replica().relay_outbox
    for _ in range(60):
        shop.checkpoint = Raise(0, BrokerUnavailable("down"), frozenset({"publish"}))
        with pytest.raises(BrokerUnavailable):
            await relay.run_once()
        shop.let_pass(seconds=10)
    assert not shop.seen
    await shop.come_to_rest()
    assert subjects(shop) == IN_ORDER
    assert not shop.broken_promises


@pytest.mark.parametrize("forgetful", [False, True], ids=["dedup", "dedup forgotten"])
async def test_a_broker_that_stored_without_telling_gets_the_same_ids_again(
    shop: Shop, forgetful: bool
) -> None:
    await busy(shop)
    for round_lost in (0, 0, 1):
        shop.checkpoint = Raise(round_lost, BrokerUnavailable("lost"), frozenset({"published"}))
        with pytest.raises(BrokerUnavailable):
            await shop.replica().relay_outbox.run_once()
        if forgetful:
            shop.broker.forget_ids()
    await shop.come_to_rest()
    assert (len(shop.seen) > 9) == forgetful
    assert subjects(shop) == IN_ORDER
    assert not shop.broken_promises


async def test_an_event_that_is_not_surely_stored_holds_up_its_own_order_only(
    shop: Shop,
) -> None:
    await busy(shop)
    first = next(iter(shop.database.outbox))
    shop.broker.loses_reply = lambda event_id: event_id == first
    assert await shop.replica().relay_outbox.run_once() == 6
    assert subjects(shop) == IN_ORDER[:1]
    assert subjects(shop, "order-2") == subjects(shop, "order-3") == IN_ORDER
    shop.broker.loses_reply = InMemoryBroker(shop.now).loses_reply
    await shop.come_to_rest()
    assert subjects(shop) == IN_ORDER
    assert not shop.broken_promises


async def test_an_event_too_large_to_be_stored_is_parked_and_holds_up_nothing(
    shop: Shop,
) -> None:
    await shop.order()
    payment_id = (await shop.pay()).payment.id
    await shop.replica().refund_payment(payment_id, 1_000, reason="x" * 70_000)
    await shop.replica().refund_payment(payment_id, 2_000)
    assert await shop.replica().relay_outbox.run_once() == 3
    parked = [each for each in shop.database.outbox.values() if each.parked is not None]
    assert [(each.entry.event.subject, each.sent) for each in parked] == [
        ("payment:refunded", False)
    ]
    assert subjects(shop) == ["payment:created", "payment:refunded"]
    assert shop.waiting_events == 0


async def test_one_relay_works_at_a_time_and_a_dead_one_holds_the_others_up_only_shortly(
    shop: Shop,
) -> None:
    await busy(shop)
    shop.checkpoint = Raise(0, StorageUnavailable("gone"), frozenset({"mark sent"}))
    with pytest.raises(StorageUnavailable):
        await shop.replica("one").relay_outbox.run_once()
    assert await shop.replica("two").relay_outbox.run_once() == 0
    shop.let_pass(seconds=LEASE.total_seconds())
    assert await shop.replica("two").relay_outbox.run_once() == 9
    assert subjects(shop) == IN_ORDER
    assert not shop.broken_promises


@pytest.mark.parametrize("slept_at", ["published", "mark sent"])
@pytest.mark.parametrize("forgetful", [False, True], ids=["dedup", "dedup forgotten"])
async def test_a_relay_that_slept_through_its_lease_sends_nothing_out_of_order(
    shop: Shop, slept_at: str, forgetful: bool
) -> None:
    await busy(shop)
    awake = shop.checkpoint

    async def sleep(step: str) -> None:
        if step == slept_at:
            shop.checkpoint = awake
            shop.let_pass(seconds=LEASE.total_seconds())
            if forgetful:
                shop.broker.forget_ids()
            await shop.replica("two").relay_outbox.run_once()

    shop.checkpoint = sleep
    await shop.replica("one").relay_outbox.run_once()
    await shop.come_to_rest()
    assert subjects(shop) == IN_ORDER
    assert not shop.broken_promises


@pytest.mark.parametrize("limit", [1, 2, 4])
async def test_a_small_batch_leaves_the_rest_for_the_next_one(shop: Shop, limit: int) -> None:
    await busy(shop)
    relay, relayed = shop.replica().relay_outbox, 0
    while done := await relay.run_once(limit):
        assert done <= limit
        relayed += done
    assert relayed == 9
    assert subjects(shop, OrderId("order-2")) == IN_ORDER


async def test_an_event_committed_twice_leaves_once(shop: Shop) -> None:
    await shop.order()
    shop.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    await shop.pay()
    shop.let_pass(seconds=5)
    await shop.replica().recover_payments.run_once()
    await shop.notify()
    await shop.come_to_rest()
    assert subjects(shop) == ["payment:created"]
    assert len(shop.seen) == 1


async def test_a_relay_that_leaves_gives_its_lease_back_and_takes_nobody_elses(
    shop: Shop,
) -> None:
    await busy(shop)
    one, two = shop.replica("one").relay_outbox, shop.replica("two").relay_outbox
    await one.run_once(limit=1)
    await two.leave()
    assert await two.run_once() == 0
    await one.leave()
    assert await two.run_once() == 8
    assert subjects(shop) == IN_ORDER
