"""Publish many messages at once, and collect the stream's replies at one inbox."""

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Self

import msgspec
from attrs import define, field, frozen
from nats.aio.subscription import Subscription

from adapters.messaging.jetstream.api import ApiReply
from adapters.messaging.jetstream.client import Arrival, SecureClient

_NO_RESPONDERS: Final = b"NATS/1.0 503"
"""The status of a reply if no stream has the subject (ADR-4 of nats-architecture-and-design)."""


class PublishReply(ApiReply):
    """A stream's reply: where it has stored a message, or why not.

    That of a duplicate has the sequence of the message that it repeats.
    """

    stream: str = ""
    seq: int = 0

    @property
    def is_stored(self) -> bool:
        """Whether the message is stored, now or before."""
        return self.error is None and bool(self.stream) and self.seq > 0


class NoReply(StrEnum):
    """Why there is no reply of a stream."""

    NO_STREAM = "no stream has the subject, or it has no leader"
    IN_TIME = "no reply in time; the message may be stored, now or later"
    READABLE = "the reply is not one of JetStream's"


Reply = PublishReply | NoReply

_DECODER: Final = msgspec.json.Decoder(PublishReply)


@frozen
class Command:
    """A message that is ready to be sent."""

    subject: str
    header_block: bytes
    data: bytes

    @property
    def size(self) -> int:
        """The size in bytes, as the server counts it."""
        return len(self.header_block) + len(self.data)

    def encode(self, reply_to: str) -> bytes:
        """Return the command of the protocol that publishes it."""
        head = f"HPUB {self.subject} {reply_to} {len(self.header_block)} {self.size}\r\n"
        return b"%b%b%b\r\n" % (head.encode(), self.header_block, self.data)


@define
class _Window:
    """The messages of one call, and the replies that have arrived."""

    waiting: int
    replies: list[Reply]
    is_complete: asyncio.Event = field(factory=asyncio.Event)


@define
class Replies:
    """One inbox of one client."""

    client: SecureClient
    _inbox: str
    _waiting: dict[str, tuple[_Window, int]] = field(factory=dict)
    """By the subject of the reply: the call that waits for it, and the message's place in it."""
    _sent: int = 0
    _subscription: Subscription | None = None

    @classmethod
    async def open(cls, client: SecureClient) -> Self:
        """Subscribe to the inbox."""
        replies = cls(client, client.new_inbox())
        replies._subscription = await client.receive_directly(f"{replies._inbox}.*", replies._take)
        return replies

    async def publish(self, commands: Sequence[Command], seconds: float) -> Sequence[Reply]:
        """Send all messages; return the reply to each that has arrived within this time.

        Raises:
            nats.errors.OutboundBufferLimitError: it is not connected; nothing is sent.
        """
        if not commands:
            return ()
        window = _Window(len(commands), [NoReply.IN_TIME] * len(commands))
        subjects = [f"{self._inbox}.{self._sent + number}" for number in range(len(commands))]
        self._sent += len(commands)
        self._waiting.update((subject, (window, place)) for place, subject in enumerate(subjects))
        try:
            async with asyncio.timeout(seconds):
                encoded = map(Command.encode, commands, subjects)
                await self.client.write(b"".join(encoded))
                await window.is_complete.wait()
        except TimeoutError:
            pass
        finally:
            for subject in subjects:
                self._waiting.pop(subject, None)
        return window.replies

    def _take(self, arrival: Arrival) -> None:
        found = self._waiting.pop(arrival.subject, None)
        if found is None:
            return  # too late
        window, place = found
        window.replies[place] = _read(arrival)
        window.waiting -= 1
        if not window.waiting:
            window.is_complete.set()


def _read(arrival: Arrival) -> Reply:
    if arrival.header_block.startswith(_NO_RESPONDERS):
        return NoReply.NO_STREAM
    try:
        return _DECODER.decode(arrival.data)
    except msgspec.MsgspecError:
        return NoReply.READABLE
