"""The promises of the signal of new events."""

import asyncio
from typing import Final

from adapters.persistence.sql.outbox_signal import SqlOutboxSignal
from domain.events import PaymentCreated
from domain.identifiers import OrderId
from tests.builders import NOW, ORDER, PAYMENT, charged, claimed
from tests.contracts.outbox_queue import failure
from tests.contracts.storages import Storage

# A notification takes milliseconds; on a busy machine, seconds.
SECONDS: Final = 60.0

# How long to wait for a signal that must not come.
SHORT: Final = 0.3


async def has_signal(storage: Storage, seconds: float = SHORT) -> bool:
    """Whether there is a signal within this time."""
    try:
        async with asyncio.timeout(seconds):
            await storage.signal.wait()
    except TimeoutError:
        return False
    return True


async def listen(storage: Storage) -> None:
    """Begin to listen, which the first wait does; where that takes time, it ends with a signal."""
    is_connecting = isinstance(storage.signal, SqlOutboxSignal)
    assert await has_signal(storage, SECONDS if is_connecting else 0) == is_connecting


class OutboxSignalContract:
    """The promises of application/ports/event_publisher.py, OutboxSignal."""

    async def test_a_commit_with_events_ends_the_wait_of_a_relay_that_has_found_nothing(
        self, storage: Storage
    ) -> None:
        await listen(storage)
        for number in range(3):
            assert await storage.unsent() == []
            waiting = asyncio.create_task(has_signal(storage, SECONDS))
            await asyncio.sleep(0)
            await storage.add(failure(number))
            assert await waiting
            await storage.outbox.mark_sent([failure(number).id])

    async def test_a_commit_that_changes_an_order_ends_the_wait_too(self, storage: Storage) -> None:
        await storage.save(claimed())
        await listen(storage)
        assert await storage.unsent() == []
        work = storage.begin()
        order = await work.orders.get(OrderId(ORDER))
        assert order is not None
        paid = order.settle(PAYMENT, charged(), NOW)
        work.orders.save(paid)
        work.outbox.add(PaymentCreated.of(paid.payment(PAYMENT)))
        await work.commit()
        assert await has_signal(storage, SECONDS)

    async def test_a_signal_that_comes_before_the_wait_is_kept(self, storage: Storage) -> None:
        await listen(storage)
        assert await storage.unsent() == []
        await storage.add(failure(0))
        assert await has_signal(storage, SECONDS)
        assert not await has_signal(storage)

    async def test_a_commit_without_events_ends_no_wait(self, storage: Storage) -> None:
        await listen(storage)
        assert await storage.unsent() == []
        await storage.save(claimed())
        assert not await has_signal(storage)
