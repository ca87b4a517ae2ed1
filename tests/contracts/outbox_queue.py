"""What every outbox queue promises to the relays that work it."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from application.ports.event_publisher import OutboxEntry, OutboxQueue
from application.ports.unit_of_work import BeginUnitOfWork
from domain.events import (
    Event,
    EventId,
    PaymentCreated,
    PaymentDisputed,
    PaymentFailed,
    PaymentRefunded,
)
from domain.identifiers import DisputeId, OrderId, PaymentId
from tests.builders import NOW, ORDER, PAYMENT, PRICE, a_refund, charged, claimed
from tests.contracts.elapsing import Elapse

LEASE = timedelta(seconds=15)
MOMENT = timedelta(seconds=1)


class OutboxQueueContract:
    """A subclass says where units of work put their events, and how time goes by there."""

    @pytest.fixture
    def begin(self) -> BeginUnitOfWork:
        raise NotImplementedError

    @pytest.fixture
    def queue(self) -> OutboxQueue:
        raise NotImplementedError

    @pytest.fixture
    def elapse(self) -> Elapse:
        raise NotImplementedError

    async def test_it_is_empty_at_first(self, queue: OutboxQueue) -> None:
        assert list(await queue.take("relay", LEASE, 10)) == []

    async def test_events_come_out_as_they_went_in(
        self, begin: BeginUnitOfWork, queue: OutboxQueue
    ) -> None:
        paid = claimed().settle(PAYMENT, charged(), NOW).payment(PAYMENT)
        every_kind: list[Event] = [
            PaymentCreated.of(paid),
            failure(1),
            PaymentRefunded.of(a_refund()),
            PaymentDisputed(
                PAYMENT, DisputeId("dp_1"), ORDER, charged().charge_id, PRICE, "fraudulent", "open"
            ),
        ]
        await add(begin, *every_kind)
        assert told(await queue.take("relay", LEASE, 10)) == every_kind

    async def test_events_come_in_the_order_of_their_commits(
        self, begin: BeginUnitOfWork, queue: OutboxQueue
    ) -> None:
        for number in range(20):
            await add(begin, failure(number), failure(100 + number, "order-2"))
        expected = [each for n in range(20) for each in (failure(n), failure(100 + n, "order-2"))]
        assert told(await queue.take("relay", LEASE, 100)) == expected

    async def test_the_longest_waiting_come_first(
        self, begin: BeginUnitOfWork, queue: OutboxQueue
    ) -> None:
        await add(begin, *(failure(number) for number in range(5)))
        assert told(await queue.take("relay", LEASE, 3)) == [failure(n) for n in range(3)]

    async def test_what_is_not_marked_comes_again(
        self, begin: BeginUnitOfWork, queue: OutboxQueue
    ) -> None:
        await add(begin, *(failure(number) for number in range(3)))
        captured_amount = await queue.take("relay", LEASE, 10)
        assert list(await queue.take("relay", LEASE, 10)) == list(captured_amount)
        await queue.mark_sent([failure(1).id])
        assert told(await queue.take("relay", LEASE, 10)) == [failure(0), failure(2)]

    async def test_marking_twice_or_what_is_not_there_changes_nothing(
        self, begin: BeginUnitOfWork, queue: OutboxQueue
    ) -> None:
        await add(begin, failure(0), failure(1))
        for _ in range(2):
            await queue.mark_sent([failure(0).id, EventId("unknown")])
        await queue.mark_sent([])
        await queue.park({EventId("unknown"): "too large"})
        await queue.park({})
        assert told(await queue.take("relay", LEASE, 10)) == [failure(1)]

    async def test_what_is_parked_blocks_nothing(
        self, begin: BeginUnitOfWork, queue: OutboxQueue
    ) -> None:
        await add(begin, *(failure(number) for number in range(4)))
        await queue.park({failure(0).id: "too large", failure(2).id: "too strange"})
        assert told(await queue.take("relay", LEASE, 10)) == [failure(1), failure(3)]

    async def test_one_relay_works_at_a_time(
        self, begin: BeginUnitOfWork, queue: OutboxQueue
    ) -> None:
        await add(begin, failure(0))
        assert await queue.take("first", LEASE, 10)
        assert not await queue.take("second", LEASE, 10)
        assert await queue.take("first", LEASE, 10)

    async def test_of_many_relays_that_take_at_once_one_is_given_something(
        self, begin: BeginUnitOfWork, queue: OutboxQueue
    ) -> None:
        await add(begin, failure(0))
        takes = (queue.take(f"relay-{number}", LEASE, 10) for number in range(10))
        assert sum(bool(captured_amount) for captured_amount in await asyncio.gather(*takes)) == 1

    async def test_a_relay_that_died_holds_nobody_up_for_longer_than_its_lease(
        self, begin: BeginUnitOfWork, queue: OutboxQueue, elapse: Elapse
    ) -> None:
        await add(begin, failure(0))
        await queue.take("first", LEASE, 10)
        await elapse(LEASE - MOMENT)
        assert not await queue.take("second", LEASE, 10)
        await elapse(MOMENT)
        assert await queue.take("second", LEASE, 10)
        assert not await queue.take("first", LEASE, 10)

    async def test_taking_renews_the_lease_even_when_nothing_waits(
        self, begin: BeginUnitOfWork, queue: OutboxQueue, elapse: Elapse
    ) -> None:
        await queue.take("first", LEASE, 10)
        await elapse(LEASE - MOMENT)
        await queue.take("first", LEASE, 10)
        await add(begin, failure(0))
        await elapse(LEASE - MOMENT)
        assert not await queue.take("second", LEASE, 10)

    async def test_a_relay_that_leaves_makes_room_at_once(
        self, begin: BeginUnitOfWork, queue: OutboxQueue
    ) -> None:
        await add(begin, failure(0))
        await queue.take("first", LEASE, 10)
        assert not await queue.take("first", timedelta(0), 0)
        assert await queue.take("second", LEASE, 10)


def failure(number: int, order_id: str = ORDER) -> PaymentFailed:
    """One event of many."""
    return PaymentFailed(PaymentId(f"payment-{number}"), OrderId(order_id), "card_declined")


def told(entries: Sequence[OutboxEntry]) -> list[Event]:
    """What the entries are about."""
    return [entry.event for entry in entries]


async def add(begin: BeginUnitOfWork, *events: Event) -> None:
    """Commit these events."""
    work = begin()
    for event in events:
        work.outbox.add(event)
    await work.commit()
