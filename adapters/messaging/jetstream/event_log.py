"""The stored messages of JetStream, by their sequence: nothing is created for it on the server."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Collection
from datetime import UTC, datetime
from typing import Final

import msgspec
from attrs import frozen

from adapters.messaging.jetstream.api import ApiRefusal, ApiReply, StreamInfo, parse_headers
from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.explain import as_unavailable
from adapters.messaging.jetstream.plans import Plan
from adapters.messaging.jetstream.streams import Streams
from application.ports.event_log import StoredEvent

_NO_MESSAGE: Final = 10037
"""JSNoMessageFoundErr (nats-server, server/errors.json)."""

_AT_ONCE: Final = 64
"""Messages that are requested together: 64 of the largest of ours need 4 MiB."""

FIRST: Final = datetime.min.replace(tzinfo=UTC)
LAST: Final = datetime.max.replace(tzinfo=UTC)


class _Stored(msgspec.Struct):
    subject: str
    seq: int
    time: datetime
    data: str = ""
    hdrs: str = ""


class _Reply(ApiReply):
    message: _Stored | None = None


@frozen
class JetStreamEventLog:
    """Reads single messages (https://docs.nats.io/reference/reference-protocols/nats_api_reference).

    For the number of messages that a shop has in weeks it is fast enough: thousands a second.
    """

    _connection: JetStreamConnection
    _streams: Streams

    async def complete_since(self, subjects: Collection[str]) -> datetime:
        with as_unavailable():
            streams = [await self._stream(each) for each in sorted(subjects)]
            return max([await self._begin(each) for each in streams if each], default=LAST)

    async def read(
        self, subjects: Collection[str], since: datetime, until: datetime
    ) -> AsyncIterator[StoredEvent]:
        with as_unavailable():
            found = [each for name in sorted(subjects) if (each := await self._stream(name))]
            streams = {each.config["name"]: each for each in found}
        for name, stream in streams.items():
            with as_unavailable():
                sequence = await self._first_since(name, stream, since)
            while sequence <= stream.state.last_seq:
                with as_unavailable():
                    messages = await self._window(name, sequence, stream.state.last_seq)
                for message in messages:
                    event = self._event(message)
                    if event.stored_at >= until:
                        sequence = stream.state.last_seq
                    elif event.subject in subjects and event.stored_at >= since:
                        yield event
                sequence += _AT_ONCE
                if not messages and sequence <= stream.state.last_seq:
                    with as_unavailable():
                        following = await self._next(name, sequence)
                    sequence = stream.state.last_seq + 1 if following is None else following.seq

    async def _stream(self, subject: str) -> StreamInfo | None:
        return await self._streams.find(self._plan(subject), subject)

    def _plan(self, subject: str) -> Plan:
        return next(each for each in self._streams.plans if subject in each.subjects)

    async def _begin(self, stream: StreamInfo) -> datetime:
        if stream.config.get("retention") != "limits":
            return LAST  # what was acknowledged is removed
        if stream.state.first_seq <= 1:
            return FIRST
        oldest = await self._next(stream.config["name"], stream.state.first_seq)
        return LAST if oldest is None else oldest.time

    async def _first_since(self, name: str, stream: StreamInfo, since: datetime) -> int:
        """Return the sequence of the first message of this time, or of an earlier one."""
        # A stream that never had a message has 0, which no message has.
        low, high = max(1, stream.state.first_seq), stream.state.last_seq + 1
        while low < high:
            middle = (low + high) // 2
            found = await self._next(name, middle)
            if found is None or found.time >= since:
                high = middle
            else:
                low = found.seq + 1
        return low

    async def _window(self, name: str, first: int, last: int) -> list[_Stored]:
        sequences = range(first, min(first + _AT_ONCE, last + 1))
        found = await asyncio.gather(*(self._get(name, {"seq": each}) for each in sequences))
        return [each for each in found if each is not None]

    async def _next(self, name: str, sequence: int) -> _Stored | None:
        return await self._get(name, {"seq": sequence, "next_by_subj": ">"})

    async def _get(self, name: str, which: dict[str, object]) -> _Stored | None:
        try:
            reply = await self._connection.request(f"STREAM.MSG.GET.{name}", _Reply, which)
        except ApiRefusal as refusal:
            if refusal.err_code != _NO_MESSAGE:
                raise
            return None
        return reply.message

    def _event(self, message: _Stored) -> StoredEvent:
        return StoredEvent(
            self._connection.namespace.without(message.subject),
            b64decode(message.data),
            parse_headers(b64decode(message.hdrs)),
            message.time.astimezone(UTC),
        )
