"""The promises of a subscription to inbound events."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import timedelta

import pytest

from application.ports.event_publisher import BrokerUnavailable
from application.ports.inbound_events import InboundEvent, InboundEvents
from tests.contracts.brokers import Broker

# How long to wait for an event that must arrive, and for one that must not.
LONG = timedelta(seconds=60)
SHORT = timedelta(seconds=0.2)


async def fetch_all(events: InboundEvents, count: int) -> list[InboundEvent]:
    """Return this many events, in as many fetches as necessary."""
    found: list[InboundEvent] = []
    while len(found) < count:
        fetched = await events.fetch(count - len(found), LONG)
        assert fetched, f"only {len(found)} of {count} arrived"
        found += fetched
    return found


async def fetch_until(events: InboundEvents, count: int) -> list[InboundEvent]:
    """Return this many events, also if other processes set the subscription back meanwhile."""
    found: list[InboundEvent] = []
    async with asyncio.timeout(LONG.total_seconds() * 3):
        while len(found) < count:
            with contextlib.suppress(BrokerUnavailable):
                found += await events.fetch(count - len(found), SHORT)
    return found


async def acknowledged(events: InboundEvents, sequence: int) -> bool:
    """Wait until the broker has processed acknowledgements up to this sequence."""
    async with asyncio.timeout(LONG.total_seconds()):
        while True:
            [progress] = await events.progress()
            if progress.acknowledged == sequence:
                return True
            await asyncio.sleep(0.01)


def bodies(events: Sequence[InboundEvent]) -> list[bytes]:
    """Return the events' bodies."""
    return [event.data for event in events]


class InboundEventsContract:
    """The promises of application/ports/inbound_events.py, InboundEvents and InboundEvent."""

    async def test_an_event_arrives_as_it_was_sent(self, broker: Broker) -> None:
        subscription = broker.subscribe()
        assert not await subscription.fetch(10, SHORT)
        headers = {"ce-id": "1", "Note": 'grüße, "you": 5'}
        await broker.send("order:created", b"\x00\xff no JSON", headers)
        await broker.send("order:cancelled", b"", {})
        found = {event.subject: event for event in await fetch_all(subscription, 2)}
        created, cancelled = found["order:created"], found["order:cancelled"]
        assert (created.data, dict(created.headers)) == (b"\x00\xff no JSON", headers)
        assert (cancelled.data, dict(cancelled.headers)) == (b"", {})
        assert created.deliveries == cancelled.deliveries == 1

    async def test_each_subscription_gets_every_event_also_older_ones(self, broker: Broker) -> None:
        await broker.send_orders(b"1")
        for durable in ("payments", "others"):
            assert bodies(await broker.subscribe(durable).fetch(10, LONG)) == [b"1"]

    async def test_a_fetch_returns_at_most_its_limit(self, broker: Broker) -> None:
        subscription = await broker.send_orders(b"0", b"1", b"2", b"3", b"4")
        first = await subscription.fetch(3, LONG)
        rest = await subscription.fetch(3, LONG)
        assert len(first) == 3
        assert sorted(bodies([*first, *rest])) == [b"0", b"1", b"2", b"3", b"4"]

    async def test_a_large_batch_arrives_in_one_fetch(self, broker: Broker) -> None:
        subscription = await broker.send_orders(*(b"%d" % number for number in range(256)))
        assert len(await subscription.fetch(256, LONG)) == 256
        assert not await subscription.fetch(256, SHORT)

    async def test_an_acknowledged_event_is_not_repeated(self, broker: Broker) -> None:
        subscription = await broker.send_orders(b"1")
        [event] = await subscription.fetch(10, LONG)
        await event.ack()
        await broker.let_ack_wait_pass()
        assert not await subscription.fetch(10, SHORT)

    async def test_an_event_that_was_not_ended_is_delivered_again_to_any_process(
        self, broker: Broker
    ) -> None:
        [lost] = await (await broker.send_orders(b"1")).fetch(10, LONG)
        await broker.let_ack_wait_pass()
        [event] = await broker.subscribe().fetch(10, LONG)
        assert event.data == lost.data
        assert event.deliveries == 2

    async def test_processes_share_the_events(self, broker: Broker) -> None:
        one = await broker.send_orders(b"0", b"1", b"2", b"3", b"4", b"5")
        other = broker.subscribe()
        events = [*await one.fetch(3, LONG), *await other.fetch(3, LONG)]
        assert sorted(bodies(events)) == [b"0", b"1", b"2", b"3", b"4", b"5"]

    async def test_a_retried_event_is_repeated_after_the_delay(self, broker: Broker) -> None:
        subscription = await broker.send_orders(b"1")
        [event] = await subscription.fetch(10, LONG)
        asked_at, delay = broker.seconds(), timedelta(seconds=1)
        await event.retry(delay)
        found = await subscription.fetch(10, SHORT)
        if not found:
            await broker.let_pass(delay)
            found = await subscription.fetch(10, LONG)
        [again] = found
        assert (again.data, again.deliveries) == (b"1", 2)
        assert broker.seconds() - asked_at >= delay.total_seconds()

    async def test_a_dead_letter_is_stored_once_and_delivery_stops(self, broker: Broker) -> None:
        subscription = await broker.send_orders(b"1")
        [event] = await subscription.fetch(10, LONG)
        await broker.let_ack_wait_pass()
        [again] = await subscription.fetch(10, LONG)
        await event.dead_letter("malformed")
        await again.dead_letter("malformed again")
        [letter] = await broker.letters.list(10)
        assert (letter.subject, letter.data, letter.reason) == ("order:created", b"1", "malformed")
        await broker.let_ack_wait_pass()
        assert not await subscription.fetch(10, SHORT)

    async def test_an_event_whose_dead_letter_is_not_stored_is_delivered_again(
        self, broker: Broker
    ) -> None:
        subscription = await broker.send_orders(b"1")
        [event] = await subscription.fetch(10, LONG)
        await broker.refuse_dead_letters(True)
        with pytest.raises(BrokerUnavailable):
            await event.dead_letter("malformed")
        await broker.refuse_dead_letters(False)
        assert not await broker.letters.list(10)
        await broker.let_ack_wait_pass()
        [again] = await subscription.fetch(10, LONG)
        await again.dead_letter("malformed again")
        assert [letter.reason for letter in await broker.letters.list(10)] == ["malformed again"]

    async def test_an_event_is_a_dead_letter_once_however_often_it_is_delivered(
        self, broker: Broker
    ) -> None:
        subscription = await broker.send_orders(b"1", b"2")
        for event in await fetch_all(subscription, 2):
            await event.dead_letter("malformed")
        [progress] = await subscription.progress()
        await subscription.set_back(progress, None)
        await broker.forget_message_ids()
        for event in await fetch_all(subscription, 2):
            await event.dead_letter("malformed again")
        assert {letter.reason for letter in await broker.letters.list(10)} == {"malformed"}
        assert len(await broker.letters.list(10)) == 2

    # --- positions -----------------------------------------------------------------------------

    async def test_events_have_increasing_positions_in_their_stream(self, broker: Broker) -> None:
        subscription = await broker.send_orders(b"1", b"2")
        first, second = await fetch_all(subscription, 2)
        [progress] = await subscription.progress()
        for event in (first, second):
            position = event.position
            assert (position.stream, position.consumer) == (progress.stream, progress.consumer)
            assert position.stored_at.tzinfo is not None
        assert (first.position.sequence, second.position.sequence) == (1, 2)
        assert first.position.stored_at <= second.position.stored_at

    async def test_progress_ends_before_the_first_event_that_is_not_ended(
        self, broker: Broker
    ) -> None:
        subscription = await broker.send_orders(b"1", b"2", b"3")
        [untouched] = await subscription.progress()
        assert untouched.is_untouched
        assert (untouched.begins, untouched.acknowledged, untouched.last) == (1, 0, 3)
        assert untouched.waiting == 3
        first, second, third = await fetch_all(subscription, 3)
        await third.ack()
        assert await acknowledged(subscription, 0)
        for ended, expected, waiting in ((first, 1, 1), (second, 3, 0)):
            await ended.ack()
            assert await acknowledged(subscription, expected)
            [progress] = await subscription.progress()
            assert (progress.waiting, progress.is_untouched) == (waiting, False)
            assert progress.consumer_id == untouched.consumer_id

    async def test_an_acknowledged_event_is_found_unless_it_comes_after_the_progress(
        self, broker: Broker
    ) -> None:
        subscription = await broker.send_orders(b"1", b"2", b"3")
        first, second, _ = await fetch_all(subscription, 3)
        await first.ack()
        await second.ack()
        assert await acknowledged(subscription, 2)
        [progress] = await subscription.progress()
        found = [await subscription.has_acknowledged(progress, after) for after in range(4)]
        assert found == [True, True, False, False]

    async def test_an_acknowledged_event_is_found_whichever_of_the_subjects_it_has(
        self, broker: Broker
    ) -> None:
        subscription = await broker.send_orders()
        await broker.send("order:cancelled", b"1", {})
        await broker.send("order:created", b"2", {})
        first, _ = await fetch_all(subscription, 2)
        await first.ack()
        assert await acknowledged(subscription, 1)
        [progress] = await subscription.progress()
        found = [await subscription.has_acknowledged(progress, after) for after in range(2)]
        assert found == [True, False]

    @pytest.mark.parametrize(("begin", "expected"), [(None, b"123"), (1, b"123"), (3, b"3")])
    async def test_events_are_delivered_again_after_it_was_set_back(
        self, broker: Broker, begin: int | None, expected: bytes
    ) -> None:
        subscription = await broker.send_orders(b"1", b"2", b"3")
        for event in await fetch_all(subscription, 3):
            await event.ack()
        assert await acknowledged(subscription, 3)
        [before] = await subscription.progress()
        after = await broker.subscribe().set_back(before, begin)
        assert after.is_untouched == (begin is None)
        assert after.consumer_id != before.consumer_id
        assert (after.begins, after.acknowledged) == (begin or 1, (begin or 1) - 1)
        events = await fetch_until(subscription, len(expected))
        assert b"".join(bodies(events)) == expected
        assert all(event.deliveries == 1 for event in events)

    async def test_a_subscription_that_was_set_back_can_return_to_its_beginning(
        self, broker: Broker
    ) -> None:
        subscription = await broker.send_orders(b"1", b"2")
        [progress] = await subscription.progress()
        for begin in (2, 3, None):
            progress = await subscription.set_back(progress, begin)
        assert bodies(await fetch_until(subscription, 2)) == [b"1", b"2"]

    async def test_the_end_of_a_delivery_before_counts_once_the_event_is_delivered_again(
        self, broker: Broker
    ) -> None:
        subscription = await broker.send_orders(b"1", b"2")
        before = await fetch_all(subscription, 2)
        [progress] = await subscription.progress()
        await subscription.set_back(progress, None)
        await before[0].ack()
        again = await fetch_until(subscription, 2)
        assert bodies(again) == [b"1", b"2"]
        await before[1].ack()
        await again[0].ack()
        assert await acknowledged(subscription, 2)

    async def test_processes_that_set_it_back_at_once_agree(self, broker: Broker) -> None:
        subscription = await broker.send_orders(b"1", b"2")
        for event in await fetch_all(subscription, 2):
            await event.ack()
        assert await acknowledged(subscription, 2)
        [progress] = await subscription.progress()
        processes = [broker.subscribe() for _ in range(4)]
        await asyncio.gather(*(process.set_back(progress, 2) for process in processes))
        assert bodies(await fetch_until(subscription, 1)) == [b"2"]
