"""What every keeper of dead letters promises."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from application.ports.inbound_events import DeadLetter
from tests.contracts.brokers import BrokerUnderTest
from tests.contracts.inbound_events import LONG, SHORT

HEADERS = {"ce-id": "7", "Nats-Msg-Id": "theirs", "Note": 'grüße, "you"'}
BODY = b'\x00\xff{"id": '


async def dead_letter(
    broker: BrokerUnderTest, data: bytes = BODY, headers: Mapping[str, str] = HEADERS
) -> DeadLetter:
    """Have an event sent, delivered and buried."""
    await broker.send("order:created", data, headers)
    [event] = await broker.subscribe().fetch(1, LONG)
    await event.dead_letter("ticket.price: must be a number")
    return (await broker.letters.list(100))[-1]


class DeadLettersContract(ABC):
    """The promises of application/ports/inbound_events.py, DeadLetters."""

    @abstractmethod
    async def broker(self) -> BrokerUnderTest:
        """Override with a fixture."""

    async def test_there_are_none_at_first(self, broker: BrokerUnderTest) -> None:
        assert list(await broker.letters.list(10)) == []
        assert await broker.letters.show(1) is None

    async def test_a_letter_keeps_the_event_as_it_came(self, broker: BrokerUnderTest) -> None:
        letter = await dead_letter(broker)
        assert letter.subject == "order:created"
        assert letter.data == BODY
        assert dict(letter.headers) == HEADERS
        assert letter.reason == "ticket.price: must be a number"
        assert letter.recorded_at.tzinfo is not None
        assert await broker.letters.show(letter.id) == letter

    async def test_a_letter_may_be_empty(self, broker: BrokerUnderTest) -> None:
        letter = await dead_letter(broker, b"", {})
        assert letter.data == b""
        assert dict(letter.headers) == {}

    async def test_letters_are_listed_from_the_oldest_page_by_page(
        self, broker: BrokerUnderTest
    ) -> None:
        for number in range(5):
            await dead_letter(broker, b"%d" % number, {})
        first = await broker.letters.list(3)
        rest = await broker.letters.list(3, after=first[-1].id)
        assert [letter.data for letter in (*first, *rest)] == [b"0", b"1", b"2", b"3", b"4"]
        assert not await broker.letters.list(3, after=rest[-1].id)

    async def test_there_is_no_letter_with_an_id_never_given(self, broker: BrokerUnderTest) -> None:
        letter = await dead_letter(broker)
        for unknown in (-1, 0, letter.id + 1):
            assert await broker.letters.show(unknown) is None

    async def test_a_replay_sends_the_event_again_and_keeps_the_letter(
        self, broker: BrokerUnderTest
    ) -> None:
        letter = await dead_letter(broker)
        await broker.letters.replay(letter)
        [event] = await broker.subscribe().fetch(10, LONG)
        assert event.subject == letter.subject
        assert event.data == letter.data
        assert event.headers["ce-id"] == "7"
        assert event.headers["Note"] == HEADERS["Note"]
        assert list(await broker.letters.list(10)) == [letter]

    async def test_a_repeated_replay_changes_nothing_more(self, broker: BrokerUnderTest) -> None:
        letter = await dead_letter(broker)
        for _ in range(3):
            await broker.letters.replay(letter)
        assert len(await broker.stored("order:created")) == 2

    async def test_a_replay_that_fails_again_is_no_second_letter(
        self, broker: BrokerUnderTest
    ) -> None:
        letter = await dead_letter(broker)
        await broker.letters.replay(letter)
        subscription = broker.subscribe()
        [event] = await subscription.fetch(10, LONG)
        await event.dead_letter("still poison")
        assert list(await broker.letters.list(10)) == [letter]
        await broker.let_ack_wait_pass()
        assert not await subscription.fetch(10, SHORT)

    async def test_who_only_pretends_to_be_a_replay_is_kept(self, broker: BrokerUnderTest) -> None:
        letter = await dead_letter(broker)
        pretending = {"Nats-Msg-Id": f"replay:{letter.id}:{letter.recorded_at.isoformat()}"}
        await dead_letter(broker, b"something else", pretending)
        await dead_letter(broker, b"another", {"Nats-Msg-Id": f"replay:{'9' * 30}"})
        assert len(await broker.letters.list(10)) == 3
