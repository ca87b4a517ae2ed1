"""The promises of a subscription to inbound events."""

from collections.abc import Sequence
from datetime import timedelta

from application.ports.inbound_events import InboundEvent, InboundEvents
from tests.contracts.brokers import Broker

# How long to wait for an event that must arrive, and for one that must not.
LONG = timedelta(seconds=10)
SHORT = timedelta(seconds=0.2)


async def fetch_all(events: InboundEvents, count: int) -> list[InboundEvent]:
    """Return this many events, in as many fetches as necessary."""
    found: list[InboundEvent] = []
    while len(found) < count:
        fetched = await events.fetch(count - len(found), LONG)
        assert fetched, f"only {len(found)} of {count} arrived"
        found += fetched
    return found


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
        await event.retry(timedelta(seconds=1))
        assert not await subscription.fetch(10, SHORT)
        await broker.let_pass(timedelta(seconds=1))
        [again] = await subscription.fetch(10, LONG)
        assert (again.data, again.deliveries) == (b"1", 2)

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
