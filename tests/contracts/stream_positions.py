"""The promises of the positions in streams of inbound events."""

from datetime import timedelta

import pytest
from attrs import evolve

from application.ports.stream_positions import EventPosition, StreamPosition
from application.ports.unit_of_work import Conflict
from domain.events import PaymentFailed
from tests.builders import NOW, ORDER, PAYMENT, claimed
from tests.contracts.storages import Storage

KEY = ("ORDERS", "payments")
FAILED = PaymentFailed(PAYMENT, ORDER, "card_declined")
BOUND = StreamPosition("stream 1", "consumer 1", 0, None, 10, True)


def at(sequence: int, stream: str = "ORDERS") -> EventPosition:
    """Return a position; each event is stored a second after the one before."""
    return EventPosition(stream, "payments", sequence, NOW + timedelta(seconds=sequence))


async def bind(storage: Storage, position: StreamPosition = BOUND) -> None:
    """Bind the position of the stream."""
    copy = await storage.positions.copy()
    names = *KEY, position.stream_id, position.consumer_id
    assert await storage.positions.bind(copy, *names, position.floor)


async def advance(storage: Storage, *sequences: int) -> None:
    """Advance the position in one commit."""
    work = storage.begin()
    for sequence in sequences:
        work.positions.advance(at(sequence))
    await work.commit()


class StreamPositionsContract:
    """The promises of application/ports/stream_positions.py."""

    async def test_a_position_is_unknown_until_it_is_bound(self, storage: Storage) -> None:
        assert await storage.positions.read(*KEY) is None
        await bind(storage)
        assert await storage.positions.read(*KEY) == BOUND
        assert await storage.positions.read("ORDERS", "others") is None

    async def test_a_position_advances_with_the_commit(self, storage: Storage) -> None:
        await bind(storage)
        work = storage.begin()
        assert await work.orders.get(ORDER) is None
        work.orders.save(claimed())
        for sequence in (3, 7, 5):
            work.positions.advance(at(sequence))
        assert await storage.positions.read(*KEY) == BOUND
        await work.commit()
        expected = evolve(BOUND, applied=7, applied_at=at(7).stored_at)
        assert await storage.positions.read(*KEY) == expected
        assert await storage.read() == claimed()

    async def test_a_position_never_decreases(self, storage: Storage) -> None:
        await bind(storage)
        await advance(storage, 7)
        await advance(storage, 3)
        for floor in (20, 15):
            await storage.positions.raise_floor(*KEY, "consumer 1", floor)
        expected = evolve(BOUND, applied=7, applied_at=at(7).stored_at, floor=20)
        assert await storage.positions.read(*KEY) == expected

    async def test_a_commit_without_a_bound_position_is_a_conflict(self, storage: Storage) -> None:
        await bind(storage)
        work = storage.begin()
        work.outbox.add(FAILED)
        work.positions.advance(at(7))
        work.positions.advance(at(7, "OTHERS"))
        with pytest.raises(Conflict):
            await work.commit()
        assert await storage.positions.read(*KEY) == BOUND
        assert not await storage.unsent()

    async def test_a_conflict_advances_nothing(self, storage: Storage) -> None:
        await bind(storage)
        await storage.save(claimed())
        work = storage.begin()
        order = await work.orders.get(ORDER)
        assert order is not None
        await storage.save(order.complete())
        work.orders.save(order)
        work.positions.advance(at(7))
        with pytest.raises(Conflict):
            await work.commit()
        assert await storage.positions.read(*KEY) == BOUND

    async def test_only_the_bound_consumer_raises_the_floor(self, storage: Storage) -> None:
        await bind(storage)
        await storage.positions.raise_floor(*KEY, "consumer 2", 20)
        assert await storage.positions.read(*KEY) == BOUND

    async def test_binding_again_keeps_what_was_applied_from_the_same_stream(
        self, storage: Storage
    ) -> None:
        await bind(storage)
        await advance(storage, 7)
        again = evolve(BOUND, consumer_id="consumer 2", floor=4)
        await bind(storage, again)
        expected = evolve(again, applied=7, applied_at=at(7).stored_at)
        assert await storage.positions.read(*KEY) == expected
        other = StreamPosition("stream 2", "consumer 3", 0, None, 0, True)
        await bind(storage, other)
        assert await storage.positions.read(*KEY) == other

    async def test_a_copy_of_the_books_has_no_current_position_until_it_is_bound(
        self, storage: Storage
    ) -> None:
        await bind(storage)
        await advance(storage, 7)
        await storage.become_a_copy()
        expected = evolve(BOUND, applied=7, applied_at=at(7).stored_at, is_current=False)
        assert await storage.positions.read(*KEY) == expected
        with pytest.raises(Conflict):
            await advance(storage, 8)
        await storage.positions.raise_floor(*KEY, "consumer 1", 20)
        assert await storage.positions.read(*KEY) == expected
        await bind(storage)
        await advance(storage, 8)
        expected = evolve(BOUND, applied=8, applied_at=at(8).stored_at)
        assert await storage.positions.read(*KEY) == expected

    async def test_what_was_decided_on_another_copy_is_not_bound(self, storage: Storage) -> None:
        copy = await storage.positions.copy()
        assert not await storage.positions.bind(f"{copy}-before", *KEY, "stream 1", "consumer 1", 0)
        assert await storage.positions.read(*KEY) is None
        await bind(storage)
        assert not await storage.positions.bind(f"{copy}-before", *KEY, "stream 1", "consumer 2", 0)
        assert await storage.positions.read(*KEY) == BOUND
