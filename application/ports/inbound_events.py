"""The events of other services: how they arrive, and where unusable ones are kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from attrs import frozen

from application.ports.stream_positions import EventPosition

MAX_PAGE_BYTES: Final = 8 * 2**20
"""A page of dead letters ends with the one that reaches this size: an event may have 1 MiB, the
default limit of NATS, or more."""


class InboundEvent(Protocol):
    """One delivery of an event. Exactly one of `ack`, `retry` and `dead_letter` ends it."""

    @property
    def subject(self) -> str:
        """The subject, such as `order:created`."""

    @property
    def data(self) -> bytes:
        """The body, byte for byte."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, unchanged."""

    @property
    def deliveries(self) -> int:
        """How often it has been delivered, including this time."""

    @property
    def position(self) -> EventPosition:
        """Where it is stored."""

    async def ack(self) -> None:
        """Confirm that it is committed; it should not be delivered again, though it may be."""

    async def retry(self, after: timedelta) -> None:
        """Have it delivered again after this time."""

    async def dead_letter(self, reason: str) -> None:
        """Store it as a dead letter with the reason, then stop its delivery, in that order."""


@frozen
class StreamProgress:
    """How far a durable subscription has read one stream, as the broker knows it."""

    stream: str
    consumer: str
    stream_id: str
    """Changes when the stream is deleted and created again, which starts its sequence anew."""
    consumer_id: str
    """Changes when the consumer is deleted and created again."""
    begins: int | None
    """The first sequence that the consumer delivers; None if it is not known."""
    acknowledged: int
    """All events up to this sequence were ended: acknowledged, or stored as dead letters."""
    last: int
    """The last sequence of the stream."""
    is_untouched: bool
    """Whether nothing was ever delivered, from where the consumer first began.

    A consumer that was set back has been used before: something was delivered.
    """
    waiting: int
    """How many events are not ended yet, delivered or not."""


class InboundEvents(Protocol):
    """A durable subscription shared by all processes.

    Promises, checked by tests/contracts/inbound_events.py on every adapter: a delivery that was
    not ended is repeated after a while, also after a crash; a dead letter is stored before its
    delivery stops, and once, however often its event is delivered; after `set_back` every event
    from that sequence on is delivered again, to all processes.
    """

    async def fetch(self, limit: int, wait: timedelta) -> Sequence[InboundEvent]:
        """Return up to `limit` deliveries; an empty sequence if none arrived within `wait`.

        Raises:
            BrokerUnavailable: the broker cannot be reached.
        """

    async def progress(self) -> Sequence[StreamProgress]:
        """Return how far each stream was read.

        Raises:
            BrokerUnavailable: the broker cannot be reached.
        """

    async def has_acknowledged(self, progress: StreamProgress, after: int) -> bool:
        """Whether an event after this sequence was acknowledged and is still stored.

        Raises:
            BrokerUnavailable: the broker cannot be reached.
        """

    async def set_back(self, progress: StreamProgress, begin: int | None) -> StreamProgress:
        """Deliver all events from this sequence on again; from the first one if it is None.

        Any number of processes may do so at the same time.

        Raises:
            BrokerUnavailable: the broker cannot be reached, or refuses; it may have been done.
        """


@frozen
class DeadLetter:
    """An unusable event, with everything needed to find the cause and to publish it again."""

    id: int
    subject: str
    reason: str
    data: bytes
    headers: Mapping[str, str]
    recorded_at: datetime


@frozen
class DeadLetterCount:
    """How many dead letters are stored, and when the first and the last were recorded."""

    number: int
    oldest_at: datetime | None = None
    newest_at: datetime | None = None


class DeadLetters(Protocol):
    """The stored dead letters.

    Promises, checked by tests/contracts/dead_letters.py on every adapter: subject, headers and
    body are kept unchanged; a replay keeps the dead letter, and repeating it changes nothing more;
    a page of large ones is short.
    """

    async def list(self, limit: int, after: int = 0) -> Sequence[DeadLetter]:
        """Return dead letters with an id greater than `after`, oldest first.

        There are fewer than `limit` if they reach MAX_PAGE_BYTES, but none only if there are none.
        """

    async def count(self) -> DeadLetterCount:
        """Return how many there are.

        Raises:
            BrokerUnavailable: the broker cannot be reached.
        """

    async def show(self, letter_id: int) -> DeadLetter | None:
        """Return one dead letter."""

    async def replay(self, letter: DeadLetter) -> None:
        """Publish the event again on its original subject, byte for byte."""
