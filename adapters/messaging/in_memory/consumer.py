"""A durable subscription in the broker, and the messages that are stored there."""

from collections import Counter
from datetime import datetime

from attrs import define, field, frozen

from adapters.messaging.wire import Message


@frozen
class StoredMessage:
    """A message in the broker, with its sequence number."""

    sequence: int
    message: Message
    stored_at: datetime


@define
class Consumer:
    """The state of a durable subscription in the broker."""

    subjects: frozenset[str]
    id: int = 1
    begins: int = 1
    is_set_back: bool = False
    seen: int = 0
    due: dict[int, datetime] = field(factory=dict)
    """When each message that is not ended is delivered next, by sequence number."""
    deliveries: Counter[int] = field(factory=Counter)

    @property
    def acknowledged(self) -> int:
        """The sequence up to which every delivery was ended."""
        return min(self.due, default=self.seen + 1) - 1
