"""The promises of the histories of orders."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from application.acting import acting
from application.ports.unit_of_work import Conflict, UnitOfWork
from application.retry import RetryOnConflict
from domain.actor import Actor
from domain.history import HistoryEntry
from domain.identifiers import OrderId, PaymentId
from domain.order import Order
from domain.order_changes import changes_of
from domain.replica import OrderReplica
from tests.builders import (
    NOW,
    ORDER,
    PAYMENT,
    an_order,
    cancelled_event,
    charged,
    claimed,
    created_event,
    declined,
    start_payment,
)
from tests.chains import assert_chain, replayed
from tests.contracts.continued_work import claim, settle
from tests.contracts.storages import Storage
from tests.contracts.unit_of_work import history_of_an_order


async def entries_of(storage: Storage, order_id: str = ORDER) -> Sequence[HistoryEntry]:
    """Return the history of an order, which must be a chain that ends with what is stored."""
    entries = await storage.histories.read(OrderId(order_id))
    assert_chain(entries)
    order = await storage.begin().orders.get(OrderId(order_id))
    assert replayed(entries) == ({} if order is None else state_of(order))
    return entries


def state_of(order: Order) -> Mapping[str, Any]:
    """Return the state of an order by path."""
    return {path: after for path, (_, after) in changes_of(None, order).items()}


class OrderHistoriesContract:
    """The promises of application/ports/order_histories.py."""

    async def test_an_unknown_order_has_no_history(self, storage: Storage) -> None:
        assert await entries_of(storage) == []

    async def test_each_change_is_an_entry_with_when_who_and_why(self, storage: Storage) -> None:
        with acting(Actor("orders")):
            await storage.save(an_order())
        with acting(Actor.operator("alice", "asked by phone")):
            await storage.save(claimed())
        first, second = await entries_of(storage)
        assert (first.who, first.why) == ("orders", "order created")
        assert (second.who, second.why) == ("alice", "asked by phone")
        for entry in (first, second):
            assert abs(entry.at - storage.now()) < timedelta(minutes=10)

    async def test_every_step_of_an_order_is_recorded(self, storage: Storage) -> None:
        expected, before = 0, None
        for order in history_of_an_order():
            expected += bool(changes_of(before, order))
            before = order
            await storage.save(order)
            assert len(await entries_of(storage)) == expected

    async def test_what_changes_nothing_is_not_recorded(self, storage: Storage) -> None:
        await storage.save(claimed())
        await storage.save(claimed())
        check = claimed().payment(PAYMENT).check_now(NOW + timedelta(hours=1))
        await storage.save(claimed().with_payment(check))
        assert len(await entries_of(storage)) == 1
        await storage.save(claimed().settle(PAYMENT, charged(), NOW))
        assert len(await entries_of(storage)) == 2

    async def test_what_is_not_committed_is_not_recorded(self, storage: Storage) -> None:
        await storage.save(an_order())
        work, late = storage.begin(), storage.begin()
        for each in (work, late):
            order = await each.orders.get(ORDER)
            assert order is not None
            each.orders.save(start_payment(order, PAYMENT))
        await storage.save(an_order().apply(cancelled_event(), NOW))
        with pytest.raises(Conflict):
            await late.commit()
        assert [entry.why for entry in await entries_of(storage)] == [
            "order created",
            "order cancelled",
        ]

    async def test_the_continued_work_continues_the_chain(self, storage: Storage) -> None:
        work = await claim(storage)
        await settle(work)
        await work.commit()
        third = work.continued()
        order = await third.orders.get(ORDER)
        assert order is not None
        third.orders.save(order.apply(cancelled_event(), NOW))
        await third.commit()
        assert len(await entries_of(storage)) == 4

    async def test_a_decision_that_runs_again_is_recorded_once(self, storage: Storage) -> None:
        await storage.save(claimed())

        async def decision(work: UnitOfWork) -> None:
            order = await work.orders.get(ORDER)
            assert order is not None
            work.orders.save(order.settle(PAYMENT, charged(), NOW))

        for _ in range(2):  # the reply of the first commit was lost
            await RetryOnConflict(storage.begin)(decision)
        assert len(await entries_of(storage)) == 2

    async def test_orders_of_one_commit_have_a_chain_each(self, storage: Storage) -> None:
        ids = [OrderId(f"order-{number}") for number in range(20)]
        for event in (created_event, cancelled_event):
            work = storage.begin()
            known = await work.orders.get_many(ids)
            for order_id in ids:
                order = known.get(order_id) or Order(OrderReplica.unknown(order_id))
                work.orders.save(order.apply(event(order_id), NOW))
            await work.commit()
        for order_id in ids:
            whys = [entry.why for entry in await entries_of(storage, order_id)]
            assert whys == ["order created", "order cancelled"]

    async def test_the_chain_is_intact_after_races(self, storage: Storage) -> None:
        await storage.save(an_order())

        async def attempt(number: int) -> None:
            payment_id = PaymentId(f"payment-{number}")

            async def decision(work: UnitOfWork) -> None:
                order = await work.orders.get(ORDER)
                assert order is not None
                failed = start_payment(order, payment_id).settle(payment_id, declined(), NOW)
                work.orders.save(failed)

            await RetryOnConflict(storage.begin)(decision)

        await asyncio.gather(*(attempt(number) for number in range(8)))
        entries = await entries_of(storage)
        assert len(entries) == 9

    async def test_a_history_is_read_in_pages(self, storage: Storage) -> None:
        for order in history_of_an_order():
            await storage.save(order)
        entries = await entries_of(storage)
        pages: list[HistoryEntry] = []
        while page := await storage.histories.read(ORDER, len(pages), limit=2):
            assert len(page) <= 2
            pages += page
        assert pages == entries

    async def test_what_has_changed_in_a_time_is_read_in_pages(self, storage: Storage) -> None:
        for number in range(5):
            await storage.save(an_order(replica=created_event(OrderId(f"order-{number}"))))
        first = (await storage.histories.read(OrderId("order-0")))[0].at
        hour = timedelta(hours=1)
        found = list[OrderId]()
        while page := await storage.histories.changed(
            first - hour, first + hour, found[-1] if found else "", limit=2
        ):
            assert len(page) <= 2
            found += page
        assert sorted(found) == [f"order-{number}" for number in range(5)]
        assert not await storage.histories.changed(first - hour, first)
        assert not await storage.histories.changed(first + hour, first + 2 * hour)

    async def test_an_order_that_changed_twice_is_returned_once(self, storage: Storage) -> None:
        for order in history_of_an_order():
            await storage.save(order)
        at = (await storage.histories.read(ORDER))[0].at
        hour = timedelta(hours=1)
        assert list(await storage.histories.changed(at - hour, at + hour)) == [ORDER]
