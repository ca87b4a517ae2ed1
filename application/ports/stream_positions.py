"""How far each stream was read into these books: recorded in the commits that apply its events."""

from datetime import datetime
from typing import Protocol

from attrs import frozen


@frozen
class EventPosition:
    """Where an event is stored, and for which consumer it was delivered."""

    stream: str
    consumer: str
    sequence: int
    """Its number in the stream; later events have higher ones."""
    stored_at: datetime
    """When the stream stored it."""


@frozen
class StreamPosition:
    """How far one stream was read for one consumer."""

    stream_id: str
    """Which stream of this name; see StreamProgress."""
    consumer_id: str
    """Which consumer of this name."""
    applied: int
    """The highest sequence that was applied."""
    applied_at: datetime | None
    """When the stream stored that event; None if none was applied."""
    floor: int
    """All events up to this sequence are in these books, or in the dead letters."""
    is_current: bool
    """Whether these are the books that were bound: not a copy, a standby or a restored backup. It
    is False after any restart as well, because that may have lost transactions."""


class StreamPositions(Protocol):
    """The recorded positions; a unit of work advances them.

    Promises, checked by tests/contracts/stream_positions.py on every adapter:

    - A position advances in the commit that applies the event, or not at all.
    - It never decreases until it is bound again.
    - In a copy of the books (a restored backup, a promoted standby) no position is current, and no
      commit that advances one succeeds, until it is bound again.
    - What was decided on one copy is not bound in another one, whose events may be lost meanwhile.
    """

    async def copy(self) -> str:
        """Return a text that tells this copy of the books from any other one.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """

    async def read(self, stream: str, consumer: str) -> StreamPosition | None:
        """Return a position; None if none is recorded.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """

    async def bind(
        self, copy: str, stream: str, consumer: str, stream_id: str, consumer_id: str, floor: int
    ) -> bool:
        """Record that this consumer delivers, or has delivered, all events after `floor`.

        It must be true for this copy of the books. What was applied is kept if the stream is the
        same. Returns whether it was recorded: not if these books are another copy by now.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """

    async def raise_floor(self, stream: str, consumer: str, consumer_id: str, floor: int) -> None:
        """Record that all events up to `floor` were acknowledged by this consumer.

        It changes nothing if another consumer is bound, or if the position is not current.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
