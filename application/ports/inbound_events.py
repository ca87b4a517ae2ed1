"""The events of others: how they reach us, and where those we cannot use are kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from attrs import frozen


class InboundEvent(Protocol):
    """One delivery of an event. Exactly one of `ack`, `retry` and `bury` ends it."""

    @property
    def subject(self) -> str:
        """What it is about, such as `order:created`."""

    @property
    def data(self) -> bytes:
        """Its bytes, as they came."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Its headers, as they came."""

    @property
    def deliveries(self) -> int:
        """How often it has been delivered, this time included."""

    async def ack(self) -> None:
        """What it says is committed; it need not come again, though it still may."""

    async def retry(self, after: timedelta) -> None:
        """It could not be handled now; have it come again."""

    async def bury(self, reason: str) -> None:
        """Keep it as a dead letter with the reason, then stop its delivery, in that order."""


class InboundEvents(Protocol):
    """A durable subscription shared by all replicas.

    Promises, checked by tests/contracts/inbound_events.py on every adapter: what is not ended comes
    again after a while, also after a crash; a buried event is in the dead letters before it stops.
    """

    async def fetch(self, limit: int, wait: timedelta) -> Sequence[InboundEvent]:
        """Up to so many deliveries; none if nothing came for that long.

        Raises:
            BrokerUnavailable: the broker cannot be reached.
        """


@frozen
class DeadLetter:
    """An event that could not be used, with everything needed to see why and to send it again."""

    id: int
    subject: str
    reason: str
    data: bytes
    headers: Mapping[str, str]
    buried_at: datetime


class DeadLetters(Protocol):
    """The events that could not be used.

    Promises, checked by tests/contracts/dead_letters.py on every adapter: subject, headers and
    bytes are kept as they came; replaying keeps the letter, and repeating it changes nothing more.
    """

    async def list(self, limit: int, after: int = 0) -> Sequence[DeadLetter]:
        """Dead letters with a greater id than `after`, oldest first."""

    async def show(self, letter_id: int) -> DeadLetter | None:
        """One dead letter."""

    async def replay(self, letter: DeadLetter) -> None:
        """Publish the event again on the subject it came from, byte for byte."""
