"""The promises of the roots over all histories."""

import asyncio
from datetime import timedelta

import pytest
from attrs import evolve

from domain.history_tree import FANOUT, HistoryRoot
from domain.identifiers import OrderId
from domain.order import Order
from domain.replica import OrderReplica
from tests.builders import NOW, ORDER, PAYMENT, an_order, charged, claimed, created_event
from tests.contracts.storages import Storage


async def create(storage: Storage, first: int, end: int) -> list[OrderId]:
    """Create orders with these numbers, in one commit."""
    ids = [OrderId(f"order-{number}") for number in range(first, end)]
    work = storage.begin()
    await work.orders.get_many(ids)
    for order_id in ids:
        created = Order(OrderReplica.unknown(order_id)).apply(created_event(order_id), NOW)
        work.orders.save(created)
    await work.commit()
    return ids


async def assert_proved(storage: Storage, order_id: OrderId) -> None:
    """Check that the newest root contains the newest entry of an order."""
    proof, [root] = await storage.roots.prove(order_id), await storage.roots.newest(1)
    newest = (await storage.histories.read(order_id))[-1]
    assert proof is not None
    assert (proof.root, proof.order_id, proof.is_valid) == (root, order_id, True)
    assert (proof.seq, proof.hash) == (newest.seq, newest.hash)


class HistoryRootsContract:
    """The promises of application/ports/history_roots.py."""

    async def test_there_is_no_root_without_a_history(self, storage: Storage) -> None:
        assert await storage.roots.record() is None
        assert await storage.roots.newest(10) == []
        assert await storage.roots.prove(ORDER) is None

    async def test_a_root_contains_the_newest_entry_of_every_order(self, storage: Storage) -> None:
        for first, end in ((0, 1), (1, FANOUT), (FANOUT, FANOUT + 1), (FANOUT + 1, 300)):
            ids = await create(storage, first, end)
            root = await storage.roots.record()
            assert root is not None
            assert (root.orders, root.is_complete) == (end, True)
            assert abs(root.at - storage.now()) < timedelta(minutes=10)
            for order_id in (ids[0], ids[-1], OrderId("order-0")):
                await assert_proved(storage, order_id)

    async def test_each_change_gives_another_root(self, storage: Storage) -> None:
        await create(storage, 0, 40)
        await storage.save(an_order())
        roots = list[HistoryRoot]()
        for order in (claimed(), claimed().settle(PAYMENT, charged(), NOW)):
            await storage.save(order)
            root = await storage.roots.record()
            assert root is not None
            roots.append(root)
            await assert_proved(storage, ORDER)
        await storage.roots.record()
        assert [root.root for root in await storage.roots.newest(2)] == [roots[1].root] * 2
        assert roots[0].root != roots[1].root

    async def test_what_is_not_recorded_yet_is_not_proved(self, storage: Storage) -> None:
        await create(storage, 2, 5)
        await storage.roots.record()
        await storage.save(an_order())
        assert await storage.roots.prove(ORDER) is None
        await storage.roots.record()
        await assert_proved(storage, ORDER)

    async def test_a_proof_of_another_end_is_not_valid(self, storage: Storage) -> None:
        await create(storage, 0, 20)
        await storage.save(claimed())
        await storage.roots.record()
        proof = await storage.roots.prove(ORDER)
        assert proof is not None
        assert not evolve(proof, seq=proof.seq + 1).is_valid
        assert not evolve(proof, hash="0" * 64).is_valid
        assert not evolve(proof, order_id=OrderId("order-9")).is_valid

    @pytest.mark.parametrize("processes", [4])
    async def test_any_number_of_processes_may_record_while_orders_change(
        self, storage: Storage, processes: int
    ) -> None:
        async def change(number: int) -> None:
            await create(storage, 50 * number, 50 * number + 50)

        recording = (storage.roots.record() for _ in range(processes))
        await asyncio.gather(*(change(number) for number in range(4)), *recording)
        await storage.roots.record()
        for number in range(200):
            await assert_proved(storage, OrderId(f"order-{number}"))
