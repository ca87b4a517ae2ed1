"""What every subscription to the events of others promises."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import timedelta

from application.ports.inbound_events import InboundEvent, InboundEvents
from tests.contracts.brokers import BrokerUnderTest

# How long an event that must come is waited for, and one that must not.
LONG = timedelta(seconds=10)
SHORT = timedelta(seconds=0.2)


async def fetch_all(events: InboundEvents, count: int) -> list[InboundEvent]:
    """So many events, in as many fetches as it takes."""
    found: list[InboundEvent] = []
    while len(found) < count:
        came = await events.fetch(count - len(found), LONG)
        assert came, f"only {len(found)} of {count} came"
        found += came
    return found


def bodies(events: Sequence[InboundEvent]) -> list[bytes]:
    """What they carry."""
    return [event.data for event in events]


class InboundEventsContract(ABC):
    """The promises of application/ports/inbound_events.py, InboundEvents and InboundEvent."""

    @abstractmethod
    async def broker(self) -> BrokerUnderTest:
        """Override with a fixture."""

    async def test_an_event_comes_as_it_was_sent(self, broker: BrokerUnderTest) -> None:
        headers = {"ce-id": "1", "Note": 'grüße, "you": 5'}
        await broker.send("order:created", b"\x00\xff no JSON", headers)
        [event] = await broker.subscribe().fetch(10, LONG)
        assert event.subject == "order:created"
        assert event.data == b"\x00\xff no JSON"
        assert dict(event.headers) == headers
        assert event.deliveries == 1

    async def test_an_event_may_be_empty(self, broker: BrokerUnderTest) -> None:
        await broker.send("order:created", b"", {})
        [event] = await broker.subscribe().fetch(10, LONG)
        assert event.data == b""
        assert dict(event.headers) == {}

    async def test_nothing_comes_while_there_is_nothing(self, broker: BrokerUnderTest) -> None:
        assert not await broker.subscribe().fetch(10, SHORT)

    async def test_what_was_sent_before_anybody_listened_comes_too(
        self, broker: BrokerUnderTest
    ) -> None:
        await broker.send("order:created", b"1", {})
        assert bodies(await broker.subscribe("latecomer").fetch(10, LONG)) == [b"1"]

    async def test_both_subjects_come_and_no_others(self, broker: BrokerUnderTest) -> None:
        await broker.send("order:created", b"1", {})
        await broker.send("order:cancelled", b"2", {})
        events = await fetch_all(broker.subscribe(), 2)
        assert {event.subject for event in events} == {"order:created", "order:cancelled"}

    async def test_no_more_come_at_once_than_asked_for(self, broker: BrokerUnderTest) -> None:
        for number in range(5):
            await broker.send("order:created", b"%d" % number, {})
        subscription = broker.subscribe()
        first = await subscription.fetch(3, LONG)
        rest = await subscription.fetch(3, LONG)
        assert len(first) == 3
        assert sorted(bodies([*first, *rest])) == [b"0", b"1", b"2", b"3", b"4"]

    async def test_a_batch_comes_at_once(self, broker: BrokerUnderTest) -> None:
        for number in range(256):
            await broker.send("order:created", b"%d" % number, {})
        subscription = broker.subscribe()
        assert len(await subscription.fetch(256, LONG)) == 256
        assert not await subscription.fetch(256, SHORT)

    async def test_what_is_acknowledged_does_not_come_again(self, broker: BrokerUnderTest) -> None:
        await broker.send("order:created", b"1", {})
        subscription = broker.subscribe()
        [event] = await subscription.fetch(10, LONG)
        await event.ack()
        await broker.let_ack_wait_pass()
        assert not await subscription.fetch(10, SHORT)

    async def test_what_is_not_ended_comes_again_to_whoever_is_there(
        self, broker: BrokerUnderTest
    ) -> None:
        await broker.send("order:created", b"1", {})
        [lost] = await broker.subscribe().fetch(10, LONG)
        await broker.let_ack_wait_pass()
        [event] = await broker.subscribe().fetch(10, LONG)
        assert event.data == lost.data
        assert event.deliveries == 2

    async def test_replicas_share_the_events(self, broker: BrokerUnderTest) -> None:
        for number in range(6):
            await broker.send("order:created", b"%d" % number, {})
        one, other = broker.subscribe(), broker.subscribe()
        came = [*await one.fetch(3, LONG), *await other.fetch(3, LONG)]
        assert sorted(bodies(came)) == [b"0", b"1", b"2", b"3", b"4", b"5"]

    async def test_a_subscription_of_another_name_gets_everything_itself(
        self, broker: BrokerUnderTest
    ) -> None:
        await broker.send("order:created", b"1", {})
        for durable in ("payments", "others"):
            assert bodies(await broker.subscribe(durable).fetch(10, LONG)) == [b"1"]

    async def test_what_is_to_be_retried_comes_again_after_the_delay(
        self, broker: BrokerUnderTest
    ) -> None:
        await broker.send("order:created", b"1", {})
        subscription = broker.subscribe()
        [event] = await subscription.fetch(10, LONG)
        await event.retry(timedelta(seconds=1))
        assert not await subscription.fetch(10, SHORT)
        await broker.let_pass(timedelta(seconds=1))
        [again] = await subscription.fetch(10, LONG)
        assert again.data == b"1"
        assert again.deliveries == 2

    async def test_what_is_buried_is_a_dead_letter_and_does_not_come_again(
        self, broker: BrokerUnderTest
    ) -> None:
        await broker.send("order:created", b"1", {"ce-id": "1"})
        subscription = broker.subscribe()
        [event] = await subscription.fetch(10, LONG)
        await event.dead_letter("it is poison")
        [letter] = await broker.letters.list(10)
        assert (letter.subject, letter.data, letter.reason) == (
            "order:created",
            b"1",
            "it is poison",
        )
        await broker.let_ack_wait_pass()
        assert not await subscription.fetch(10, SHORT)

    async def test_what_is_buried_twice_is_one_dead_letter(self, broker: BrokerUnderTest) -> None:
        await broker.send("order:created", b"1", {})
        subscription = broker.subscribe()
        [event] = await subscription.fetch(10, LONG)
        await broker.let_ack_wait_pass()
        [again] = await subscription.fetch(10, LONG)
        await event.dead_letter("first")
        await again.dead_letter("second")
        assert len(await broker.letters.list(10)) == 1
