"""The promises of a store of dead letters."""

from collections.abc import Mapping

from application.ports.inbound_events import MAX_PAGE_BYTES, DeadLetter, DeadLetterCount
from tests.contracts.brokers import Broker
from tests.contracts.inbound_events import LONG, SHORT

HEADERS = {"ce-id": "7", "Nats-Msg-Id": "theirs", "Note": 'grüße, "you"'}
BODY = b'\x00\xff{"id": '
REASON = "ticket.price: must be a number"


async def dead_letter(
    broker: Broker, data: bytes = BODY, headers: Mapping[str, str] = HEADERS
) -> DeadLetter:
    """Send an event, receive it and make it a dead letter."""
    await broker.send("order:created", data, headers)
    [event] = await broker.subscribe().fetch(1, LONG)
    await event.dead_letter(REASON)
    return (await broker.letters.list(100))[-1]


class DeadLettersContract:
    """The promises of application/ports/inbound_events.py, DeadLetters."""

    async def test_a_dead_letter_contains_the_event_unchanged(self, broker: Broker) -> None:
        for data, headers in ((BODY, HEADERS), (b"", {})):
            letter = await dead_letter(broker, data, headers)
            assert (letter.subject, letter.data, letter.reason) == ("order:created", data, REASON)
            assert dict(letter.headers) == headers
            assert letter.recorded_at.tzinfo is not None
            assert await broker.letters.show(letter.id) == letter

    async def test_dead_letters_are_listed_oldest_first_in_pages(self, broker: Broker) -> None:
        assert list(await broker.letters.list(10)) == []
        for number in range(5):
            await dead_letter(broker, b"%d" % number, {})
        first = await broker.letters.list(3)
        rest = await broker.letters.list(3, after=first[-1].id)
        assert [letter.data for letter in (*first, *rest)] == [b"0", b"1", b"2", b"3", b"4"]
        assert not await broker.letters.list(3, after=rest[-1].id)

    async def test_a_page_of_large_ones_is_short_and_only_an_empty_one_is_the_last(
        self, broker: Broker
    ) -> None:
        large = bytes(1_000_000)
        subscription = broker.subscribe()
        for _ in range(MAX_PAGE_BYTES // len(large) + 2):
            await broker.send("order:created", large, {})
            [event] = await subscription.fetch(1, LONG)
            await event.dead_letter(REASON)
        first = await broker.letters.list(100)
        rest = await broker.letters.list(100, after=first[-1].id)
        assert sum(len(letter.data) for letter in first[:-1]) < MAX_PAGE_BYTES
        assert [len(first), len(rest)] == [MAX_PAGE_BYTES // len(large) + 1, 1]
        assert not await broker.letters.list(100, after=rest[-1].id)

    async def test_they_are_counted_with_the_times_of_the_first_and_the_last(
        self, broker: Broker
    ) -> None:
        assert await broker.letters.count() == DeadLetterCount(0)
        letters = [await dead_letter(broker, b"%d" % number, {}) for number in range(3)]
        moments = [letter.recorded_at for letter in letters]
        count = await broker.letters.count()
        assert count == DeadLetterCount(3, moments[0], moments[-1])

    async def test_an_unknown_id_has_no_dead_letter(self, broker: Broker) -> None:
        assert await broker.letters.show(1) is None
        letter = await dead_letter(broker)
        for unknown in (-1, 0, letter.id + 1):
            assert await broker.letters.show(unknown) is None

    async def test_a_replay_publishes_the_event_and_keeps_the_letter(self, broker: Broker) -> None:
        letter = await dead_letter(broker)
        await broker.letters.replay(letter)
        [event] = await broker.subscribe().fetch(10, LONG)
        assert (event.subject, event.data) == (letter.subject, letter.data)
        assert event.headers["ce-id"] == "7"
        assert event.headers["Note"] == HEADERS["Note"]
        assert list(await broker.letters.list(10)) == [letter]

    async def test_a_repeated_replay_changes_nothing_more(self, broker: Broker) -> None:
        letter = await dead_letter(broker)
        for _ in range(3):
            await broker.letters.replay(letter)
        assert len(await broker.stored("order:created")) == 2

    async def test_a_replay_that_fails_is_not_a_second_dead_letter(self, broker: Broker) -> None:
        letter = await dead_letter(broker)
        await broker.letters.replay(letter)
        subscription = broker.subscribe()
        [event] = await subscription.fetch(10, LONG)
        await event.dead_letter("malformed again")
        assert list(await broker.letters.list(10)) == [letter]
        await broker.let_ack_wait_pass()
        assert not await subscription.fetch(10, SHORT)

    async def test_an_event_that_only_claims_to_be_a_replay_is_stored(self, broker: Broker) -> None:
        letter = await dead_letter(broker)
        claim = {"Nats-Msg-Id": f"replay:{letter.id}:{letter.recorded_at.isoformat()}"}
        await dead_letter(broker, b"another event", claim)
        await dead_letter(broker, b"a third one", {"Nats-Msg-Id": f"replay:{'9' * 30}"})
        assert len(await broker.letters.list(10)) == 3
