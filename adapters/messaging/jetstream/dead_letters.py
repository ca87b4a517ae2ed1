"""Dead letters: events that could not be processed, stored in a stream of their own.

The body of a dead letter is the event's body, byte for byte. Headers contain the rest. The event's
own headers are one JSON text in one header, so that this stream does not interpret them.
"""

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from attrs import evolve, frozen
from nats.js.api import RawStreamMsg
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

from adapters.messaging.jetstream.api import StreamInfo, headers_of
from adapters.messaging.jetstream.connection import (
    REQUEST_SECONDS,
    JetStreamConnection,
)
from adapters.messaging.jetstream.delivered import Delivered
from adapters.messaging.jetstream.explain import as_unavailable
from adapters.messaging.jetstream.namespace import Namespace, any_covers, covers
from adapters.messaging.jetstream.plans import DEAD_LETTERS
from adapters.messaging.jetstream.publisher import TOO_LARGE
from adapters.messaging.jetstream.streams import Streams
from adapters.messaging.replay import is_replay_of, replay_headers, replayed_letter
from adapters.messaging.wire import ID_HEADER, Message
from application.ports.inbound_events import MAX_PAGE_BYTES, DeadLetter, DeadLetterCount

logger = logging.getLogger(__name__)

_PREFIX: Final = "payments.dead-letters"
_ALL: Final = f"{_PREFIX}.>"

_SUBJECT: Final = "Dead-Letter-Subject"
_REASON: Final = "Dead-Letter-Reason"
_HEADERS: Final = "Dead-Letter-Headers"
_STREAM: Final = "Dead-Letter-Stream"
_SEQUENCE: Final = "Dead-Letter-Sequence"
_STORED_AT: Final = "Dead-Letter-Stored-At"
_NOT_COPIED: Final = "Dead-Letter-Left-There"
"""Set if the event is too large to be copied with these headers: then its body and headers are
read from its original stream. Stored dead letters contain this name, so it stays."""

_EXPECTED_LAST: Final = "Nats-Expected-Last-Subject-Sequence"
"""With 0, the stream stores a message only if it has none with this subject
(https://docs.nats.io/nats-concepts/jetstream/headers)."""

_ALREADY_STORED: Final = 10071
"""JSStreamWrongLastSequenceErrF (nats-server, server/errors.json)."""

_TIME_TOLERANCE: Final = timedelta(milliseconds=1)
"""The library converts the time of a delivery, in nanoseconds, through a float."""


@frozen
class JetStreamDeadLetters:
    """The stream of dead letters; the id of a dead letter is its sequence in the stream."""

    _connection: JetStreamConnection
    _streams: Streams

    async def add(self, event: Delivered, reason: str) -> None:
        """Store a delivered event as a dead letter, unless it is stored already.

        A replay of a dead letter that fails again is already stored.

        Raises:
            BrokerUnavailable: it may not be stored.
        """
        headers = event.headers
        number = replayed_letter(headers)
        replayed = await self.show(number) if number else None
        if replayed is not None and is_replay_of(replayed, event.subject, event.data, headers):
            logger.error("dead letter %d was replayed and failed again: %s", replayed.id, reason)
            return
        client = await self._connection.client()
        letter = _letter(event, reason, self._connection.namespace)
        if letter.size > client.max_payload:
            letter = _without_content(letter)
        with as_unavailable():
            try:
                await self._publish(letter)
            except APIError as error:
                if error.err_code == _ALREADY_STORED:
                    return
                if error.err_code != TOO_LARGE:
                    raise
                await self._publish(_without_content(letter))

    async def list(self, limit: int, after: int = 0) -> Sequence[DeadLetter]:
        letters: list[DeadLetter] = []
        size = 0
        with as_unavailable():
            stream = await self._find_stream()
            while stream and len(letters) < limit and size < MAX_PAGE_BYTES:
                stored = await self._get(stream, seq=after + 1, subject=self._all, next=True)
                if stored is None:
                    break
                letters.append(await self._read(stored))
                after = letters[-1].id
                size += len(letters[-1].data)
        return letters

    async def count(self) -> DeadLetterCount:
        with as_unavailable():
            found = await self._streams.find(DEAD_LETTERS, _ALL)
            if found is None:
                return DeadLetterCount(0)
            stream = str(found.config["name"])
            oldest = await self._get(stream, seq=1, subject=self._all, next=True)
            newest = await self._get(stream, subject=self._all)
            if oldest is None or newest is None:
                return DeadLetterCount(0)
            number = found.state.messages
            if found.config.get("subjects") != [self._all]:  # it has other messages, too
                number = await self._count_in_shared(stream)
        return DeadLetterCount(number, oldest.time, newest.time)

    async def _count_in_shared(self, stream: str) -> int:
        path, body = f"STREAM.INFO.{stream}", {"subjects_filter": self._all}
        info = await self._connection.request(path, StreamInfo, body)
        return sum((info.state.subjects or {}).values())

    async def show(self, letter_id: int) -> DeadLetter | None:
        with as_unavailable():
            stream = await self._find_stream()
            if stream is None or letter_id < 1:
                return None
            stored = await self._get(stream, seq=letter_id)
            if stored is None or not covers(self._all, stored.subject or ""):
                return None
            return await self._read(stored)

    async def replay(self, letter: DeadLetter) -> None:
        """Publish the event again on its original subject, byte for byte.

        Repeating it within the stream's duplicate window stores nothing. After that, or if the
        event is so large that no message id fits, the event is delivered once more, which changes
        nothing if it has been processed.

        Raises:
            BrokerUnavailable: it may not be stored.
        """
        message = Message(letter.subject, letter.data, replay_headers(letter))
        if message.size > (await self._connection.client()).max_payload:
            message = _without(message, ID_HEADER)
        with as_unavailable():
            await self._publish(message)

    @property
    def _all(self) -> str:
        return self._connection.namespace.subject(_ALL)

    async def _find_stream(self) -> str | None:
        found = await self._streams.find(DEAD_LETTERS, _ALL)
        return str(found.config["name"]) if found else None

    async def _get(self, stream: str, **which: Any) -> RawStreamMsg | None:
        """Return a stored message; None if there is none."""
        jetstream = await self._connection.jetstream()
        try:
            return await self._connection.denials.watch(
                [f"{self._connection.namespace.api}.STREAM.MSG.GET.{stream}"],
                jetstream.get_msg(stream, **which),
            )
        except NotFoundError:
            return None

    async def _publish(self, message: Message) -> None:
        await self._streams.ensure(DEAD_LETTERS)
        try:
            await self._send(message)
        except NoStreamResponseError:
            # Its stream was deleted.
            self._streams.forget()
            subject = self._connection.namespace.without(message.subject)
            for plan in self._streams.plans:
                if any_covers(plan.subjects, subject):
                    await self._streams.ensure(plan)
            await self._send(message)

    async def _send(self, message: Message) -> None:
        jetstream = await self._connection.jetstream()
        sending = jetstream.publish(
            message.subject, message.data, timeout=REQUEST_SECONDS, headers=dict(message.headers)
        )
        await self._connection.denials.watch([message.subject], sending)

    async def _read(self, stored: RawStreamMsg) -> DeadLetter:
        headers = headers_of(stored)
        letter = DeadLetter(
            id=stored.seq or 0,
            subject=headers.get(_SUBJECT, ""),
            reason=json.loads(headers.get(_REASON, '""')),
            data=stored.data or b"",
            headers=json.loads(headers.get(_HEADERS, "{}")),
            recorded_at=stored.time or datetime.fromtimestamp(0, UTC),
        )
        if _NOT_COPIED not in headers:
            return letter
        event = await self._get(headers[_STREAM], seq=int(headers[_SEQUENCE]))
        stored_at = datetime.fromisoformat(headers[_STORED_AT])
        if event is None or event.time is None or abs(event.time - stored_at) > _TIME_TOLERANCE:
            reason = f"{letter.reason} (too large to be copied, and deleted from its stream since)"
            return evolve(letter, reason=reason)
        return evolve(letter, data=event.data or b"", headers=headers_of(event))


def _letter(event: Delivered, reason: str, namespace: Namespace) -> Message:
    stored_at = event.stored_at
    headers = {
        # The id includes the time, because a stream that is created again counts from 1 again.
        ID_HEADER: f"{event.stream}:{event.sequence}:{stored_at.isoformat()}",
        _EXPECTED_LAST: "0",
        _SUBJECT: event.subject,
        _REASON: json.dumps(reason),
        _STREAM: event.stream,
        _SEQUENCE: str(event.sequence),
        _STORED_AT: stored_at.isoformat(),
        _HEADERS: json.dumps(event.headers),
    }
    # Each event has a subject of its own, so that it is stored once also if it is delivered again
    # when the stream has forgotten the id.
    own = f"{event.stream}.{event.sequence}.{stored_at:%Y%m%dT%H%M%S%f}"
    subject = namespace.subject(f"{_PREFIX}.{namespace.without(event.subject)}.{own}")
    return Message(subject, event.data, headers)


def _without_content(letter: Message) -> Message:
    rest = _without(letter, _HEADERS)
    return evolve(rest, data=b"", headers={**rest.headers, _NOT_COPIED: "true"})


def _without(message: Message, header: str) -> Message:
    rest = {name: value for name, value in message.headers.items() if name != header}
    return evolve(message, headers=rest)
