"""The promises of an outbox queue."""

import asyncio
from datetime import timedelta

from attrs import evolve

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
from tests.contracts.storages import LEASE, Storage

MOMENT = timedelta(seconds=1)


def failure(number: int, order_id: str = ORDER) -> PaymentFailed:
    """Return one of many events."""
    return PaymentFailed(PaymentId(f"payment-{number}"), OrderId(order_id), "card_declined")


class OutboxQueueContract:
    """The promises of application/ports/event_publisher.py, OutboxQueue."""

    async def test_events_are_returned_as_they_were_added(self, storage: Storage) -> None:
        assert await storage.unsent() == []
        paid = claimed().settle(PAYMENT, charged(), NOW).payment(PAYMENT)
        ids = (PAYMENT, DisputeId("dp_1"), ORDER, charged().charge_id)
        disputed = PaymentDisputed(*ids, PRICE, "fraudulent", "open")
        refunded = PaymentRefunded.of(a_refund())
        every_kind: list[Event] = [PaymentCreated.of(paid), failure(1), refunded, disputed]
        await storage.add(*every_kind)
        assert await storage.unsent() == every_kind

    async def test_entries_come_in_the_order_of_their_commits(self, storage: Storage) -> None:
        for number in range(20):
            await storage.add(failure(number), failure(100 + number, "order-2"))
        expected = [each for n in range(20) for each in (failure(n), failure(100 + n, "order-2"))]
        assert await storage.unsent() == expected
        assert await storage.unsent(limit=3) == expected[:3]

    async def test_entries_that_were_not_marked_are_returned_again(self, storage: Storage) -> None:
        await storage.add(*(failure(number) for number in range(3)))
        assert await storage.unsent() == await storage.unsent()
        for _ in range(2):
            await storage.outbox.mark_sent([failure(1).id, EventId("unknown")])
        await storage.outbox.mark_sent([])
        assert await storage.unsent() == [failure(0), failure(2)]

    async def test_an_event_that_is_added_again_stays_as_it_was(self, storage: Storage) -> None:
        await storage.add(failure(0), failure(1))
        await storage.outbox.mark_sent([failure(0).id])
        await storage.add(*(evolve(failure(number), code="expired_card") for number in (0, 1)))
        assert await storage.unsent() == [failure(1)]

    async def test_a_parked_event_blocks_no_other(self, storage: Storage) -> None:
        await storage.add(*(failure(number) for number in range(4)))
        await storage.outbox.park({failure(0).id: "too large", failure(2).id: "not Unicode"})
        await storage.outbox.park({EventId("unknown"): "too large"})
        await storage.outbox.park({})
        assert await storage.unsent() == [failure(1), failure(3)]

    async def test_of_many_concurrent_relays_one_gets_the_entries(self, storage: Storage) -> None:
        await storage.add(failure(0))
        takes = (storage.unsent(f"relay-{number}") for number in range(10))
        assert sum(bool(entries) for entries in await asyncio.gather(*takes)) == 1

    async def test_a_crashed_relay_blocks_others_for_its_lease(self, storage: Storage) -> None:
        await storage.add(failure(0))
        assert await storage.unsent("first")
        await storage.elapse(LEASE - MOMENT)
        assert not await storage.unsent("second")
        await storage.elapse(MOMENT)
        assert await storage.unsent("second")
        assert not await storage.unsent("first")

    async def test_taking_renews_the_lease_even_if_nothing_waits(self, storage: Storage) -> None:
        await storage.unsent("first")
        await storage.elapse(LEASE - MOMENT)
        await storage.unsent("first")
        await storage.add(failure(0))
        await storage.elapse(LEASE - MOMENT)
        assert not await storage.unsent("second")
        assert await storage.unsent("first")

    async def test_a_relay_that_takes_with_no_lease_releases_it(self, storage: Storage) -> None:
        await storage.add(failure(0))
        await storage.unsent("first")
        assert not await storage.outbox.take("first", timedelta(0), 0)
        assert await storage.unsent("second")
