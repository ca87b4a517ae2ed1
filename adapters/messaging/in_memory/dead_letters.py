"""The dead letters of the broker in memory."""

from collections.abc import Sequence

from attrs import frozen

from adapters.messaging.in_memory.broker import InMemoryBroker
from adapters.messaging.replay import replay_headers
from adapters.messaging.wire import Message
from application.ports.inbound_events import MAX_PAGE_BYTES, DeadLetter, DeadLetterCount


@frozen
class InMemoryDeadLetters:
    """The stored dead letters."""

    _broker: InMemoryBroker

    async def list(self, limit: int, after: int = 0) -> Sequence[DeadLetter]:
        await self._broker.checkpoint("list dead letters")
        page, size = list[DeadLetter](), 0
        for letter in self._broker.letters.values():
            if letter.id > after and len(page) < limit and size < MAX_PAGE_BYTES:
                page.append(letter)
                size += len(letter.data)
        return page

    async def count(self) -> DeadLetterCount:
        await self._broker.checkpoint("count dead letters")
        moments = [letter.recorded_at for letter in self._broker.letters.values()]
        if not moments:
            return DeadLetterCount(0)
        return DeadLetterCount(len(moments), min(moments), max(moments))

    async def show(self, letter_id: int) -> DeadLetter | None:
        await self._broker.checkpoint("show dead letter")
        return self._broker.letters.get(letter_id)

    async def replay(self, letter: DeadLetter) -> None:
        await self._broker.checkpoint("replay dead letter")
        self._broker.store(Message(letter.subject, letter.data, replay_headers(letter)))
        await self._broker.checkpoint("replayed dead letter")
