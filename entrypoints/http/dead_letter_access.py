"""DeadLetterAccess: the dead letters for one request of an operator."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from attrs import frozen

from application.log_context import note
from application.ports.event_publisher import BrokerUnavailable
from application.ports.inbound_events import DeadLetter, DeadLetters
from entrypoints.http.dependencies import OpenDeadLetters
from entrypoints.http.errors import NotFound

# Connecting and reading a page take some milliseconds; an operator sees an error soon after.
_SECONDS: Final = 10.0


@frozen
class DeadLetterAccess:
    """Connects to NATS for one request, within a limit of time."""

    open: OpenDeadLetters

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[DeadLetters]:
        """Open the dead letters.

        Raises:
            BrokerUnavailable: NATS does not answer in time.
        """
        try:
            async with asyncio.timeout(_SECONDS), self.open() as letters:
                yield letters
        except TimeoutError as error:
            raise BrokerUnavailable("no reply in time") from error

    async def show(self, letter_id: int) -> DeadLetter:
        """Return a dead letter.

        Raises:
            NotFound: there is none with this id.
            BrokerUnavailable: as for `opened`.
        """
        async with self.opened() as letters:
            return await _existing(letters, letter_id)

    async def replay(self, *letter_ids: int) -> Sequence[DeadLetter]:
        """Have these delivered again, and return them. Each stays in the list.

        Raises:
            NotFound: there is none with one of these ids; nothing was delivered.
            BrokerUnavailable: as for `opened`; some may have been delivered.
        """
        note(dead_letter=",".join(map(str, letter_ids)))
        async with self.opened() as letters:
            found = [await _existing(letters, each) for each in letter_ids]
            for letter in found:
                await letters.replay(letter)
        return found


async def _existing(letters: DeadLetters, letter_id: int) -> DeadLetter:
    letter = await letters.show(letter_id)
    if letter is None:
        raise NotFound
    return letter
