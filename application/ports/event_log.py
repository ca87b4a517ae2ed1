"""What the broker has stored of some subjects: other services' events, and ours."""

from collections.abc import AsyncIterator, Collection, Mapping
from datetime import datetime
from typing import Protocol

from attrs import field, frozen


@frozen
class StoredEvent:
    """A stored message."""

    subject: str
    data: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    stored_at: datetime
    """By the broker's clock."""


class EventLog(Protocol):
    """Reads stored messages; nothing about them changes.

    Promises, checked by tests/contracts/event_log.py on every adapter:

    - Messages of one stream come in the order in which they were stored, each once.
    - Their number is not bounded, and the memory that is needed for them is.
    """

    async def complete_since(self, subjects: Collection[str]) -> datetime:
        """Return since when no message of these subjects has been removed.

        It is the first time that there is if none ever was, and the last one if none is kept.

        Raises:
            BrokerUnavailable: the broker cannot be reached, or does not let us look.
        """

    def read(
        self, subjects: Collection[str], since: datetime, until: datetime
    ) -> AsyncIterator[StoredEvent]:
        """Yield the messages of these subjects that were stored in this time, without its end.

        Raises:
            BrokerUnavailable: the broker cannot be reached, or does not let us look.
        """
