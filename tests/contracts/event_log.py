"""The promises of the log of stored events."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from application.ports.event_log import StoredEvent
from tests.contracts.brokers import Broker

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)
CREATED, CANCELLED = "order:created", "order:cancelled"
HEADERS = {"ce-id": "7", "Note": "grüße"}

# More than are requested at once.
MANY = 150


async def read(
    broker: Broker,
    *subjects: str,
    since: datetime = FIRST,
    until: datetime = LAST,
) -> list[StoredEvent]:
    wanted: Collection[str] = subjects or (CREATED, CANCELLED)
    return [each async for each in broker.log.read(wanted, since, until)]


class EventLogContract:
    """The promises of application/ports/event_log.py."""

    async def test_messages_come_as_they_were_stored(self, broker: Broker) -> None:
        await broker.send_orders(b'{"id": 1}')
        await broker.send(CANCELLED, b"\x00\xff", HEADERS)
        await broker.send(CREATED, b"", {})
        first, second, third = await read(broker)
        assert [(each.subject, each.data) for each in (first, second, third)] == [
            (CREATED, b'{"id": 1}'),
            (CANCELLED, b"\x00\xff"),
            (CREATED, b""),
        ]
        assert dict(second.headers) == HEADERS
        assert first.stored_at <= second.stored_at <= third.stored_at
        assert first.stored_at.tzinfo is not None

    async def test_only_the_wanted_subjects_are_read(self, broker: Broker) -> None:
        await broker.send_orders(b"1")
        await broker.send(CANCELLED, b"2", {})
        assert [each.data for each in await read(broker, CANCELLED)] == [b"2"]

    async def test_more_than_one_request_has_are_read_once_and_in_order(
        self, broker: Broker
    ) -> None:
        await broker.send_orders(*(b"%d" % number for number in range(MANY)))
        assert [int(each.data) for each in await read(broker)] == [*range(MANY)]

    async def test_a_time_begins_with_what_was_stored_at_it_and_ends_before(
        self, broker: Broker
    ) -> None:
        for number in range(5):
            await broker.send_orders(b"%d" % number)
            await broker.let_pass(timedelta(milliseconds=2))
        times = [each.stored_at for each in await read(broker)]
        found = await read(broker, since=times[1], until=times[3])
        assert [each.data for each in found] == [b"1", b"2"]

    async def test_nothing_is_removed_from_a_new_stream(self, broker: Broker) -> None:
        await broker.send_orders(b"1")
        assert await broker.log.complete_since([CREATED]) == FIRST
