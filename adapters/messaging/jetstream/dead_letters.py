"""Dead letters: events that could not be processed, stored in a stream of their own.

The body of a dead letter is the event's body, byte for byte. Headers contain the rest. The event's
own headers are one JSON text in one header, so that this stream does not interpret them.
"""

import json
import logging
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import evolve, frozen
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

from adapters.messaging.jetstream.connection import (
    REQUEST_SECONDS,
    JetStreamConnection,
    as_unavailable,
)
from adapters.messaging.jetstream.publisher import TOO_LARGE
from adapters.messaging.jetstream.streams import DEAD_LETTERS, PLANS, Streams
from adapters.messaging.replay import is_replay_of, replay_headers, replayed_letter
from adapters.messaging.wire import ID_HEADER, Message
from application.ports.inbound_events import DeadLetter, DeadLetterCount

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

    async def add(self, event: Msg, reason: str) -> None:
        """Store a delivered event as a dead letter, unless it is stored already.

        A replay of a dead letter that fails again is already stored.

        Raises:
            BrokerUnavailable: it may not be stored.
        """
        number = replayed_letter(event.headers or {})
        replayed = await self.show(number) if number else None
        if replayed is not None and is_replay_of(
            replayed, event.subject, event.data, event.headers or {}
        ):
            logger.error("dead letter %d was replayed and failed again: %s", replayed.id, reason)
            return
        client = await self._connection.client()
        letter = _letter(event, reason)
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
        stream = await self._streams.find(_ALL)
        if stream is None:
            return letters
        jetstream = await self._connection.jetstream()
        with as_unavailable():
            while len(letters) < limit:
                try:
                    stored = await jetstream.get_msg(stream, seq=after + 1, subject=_ALL, next=True)
                except NotFoundError:
                    break
                letters.append(await _read(jetstream, stored))
                after = letters[-1].id
        return letters

    async def count(self) -> DeadLetterCount:
        stream = await self._streams.find(_ALL)
        if stream is None:
            return DeadLetterCount(0)
        jetstream = await self._connection.jetstream()
        with as_unavailable():
            # The stream may have other subjects, too, if it was not created by us.
            info = await jetstream.stream_info(stream, subjects_filter=_ALL)
            number = sum((info.state.subjects or {}).values())
            try:
                oldest = await jetstream.get_msg(stream, seq=1, subject=_ALL, next=True)
                newest = await jetstream.get_last_msg(stream, _ALL)
            except NotFoundError:
                return DeadLetterCount(0)
        return DeadLetterCount(number, oldest.time, newest.time)

    async def show(self, letter_id: int) -> DeadLetter | None:
        stream = await self._streams.find(_ALL)
        if stream is None or letter_id < 1:
            return None
        jetstream = await self._connection.jetstream()
        with as_unavailable():
            try:
                stored = await jetstream.get_msg(stream, seq=letter_id)
            except NotFoundError:
                return None
            if not (stored.subject or "").startswith(f"{_PREFIX}."):
                return None
            return await _read(jetstream, stored)

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

    async def _publish(self, message: Message) -> None:
        await self._streams.ensure(DEAD_LETTERS)
        try:
            await self._send(message)
        except NoStreamResponseError:
            # Its stream was deleted.
            self._streams.forget()
            for plan in PLANS:
                await self._streams.ensure(plan)
            await self._send(message)

    async def _send(self, message: Message) -> None:
        jetstream = await self._connection.jetstream()
        await jetstream.publish(
            message.subject, message.data, timeout=REQUEST_SECONDS, headers=dict(message.headers)
        )


def _letter(event: Msg, reason: str) -> Message:
    origin = event.metadata
    stored_at = origin.timestamp.isoformat()
    headers = {
        # The id includes the time, because a stream that is created again counts from 1 again.
        ID_HEADER: f"{origin.stream}:{origin.sequence.stream}:{stored_at}",
        _EXPECTED_LAST: "0",
        _SUBJECT: event.subject,
        _REASON: json.dumps(reason),
        _STREAM: origin.stream,
        _SEQUENCE: str(origin.sequence.stream),
        _STORED_AT: stored_at,
        _HEADERS: json.dumps(event.headers or {}),
    }
    # Each event has a subject of its own, so that it is stored once also if it is delivered again
    # when the stream has forgotten the id.
    own = f"{origin.stream}.{origin.sequence.stream}.{origin.timestamp:%Y%m%dT%H%M%S%f}"
    return Message(f"{_PREFIX}.{event.subject}.{own}", event.data, headers)


def _without_content(letter: Message) -> Message:
    rest = _without(letter, _HEADERS)
    return evolve(rest, data=b"", headers={**rest.headers, _NOT_COPIED: "true"})


def _without(message: Message, header: str) -> Message:
    rest = {name: value for name, value in message.headers.items() if name != header}
    return evolve(message, headers=rest)


async def _read(jetstream: JetStreamContext, stored: RawStreamMsg) -> DeadLetter:
    headers = _headers(stored)
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
    try:
        event = await jetstream.get_msg(headers[_STREAM], seq=int(headers[_SEQUENCE]))
    except NotFoundError:
        event = None
    stored_at = datetime.fromisoformat(headers[_STORED_AT])
    if event is None or event.time is None or abs(event.time - stored_at) > _TIME_TOLERANCE:
        reason = f"{letter.reason} (too large to be copied, and deleted from its stream since)"
        return evolve(letter, reason=reason)
    return evolve(letter, data=event.data or b"", headers=_headers(event))


def _headers(stored: RawStreamMsg) -> Mapping[str, str]:
    """Parse the headers of a stored message as those of a delivered one.

    The library parses them as the headers of an e-mail, which changes some values.
    """
    lines = b64decode(stored.hdrs or "").decode("utf-8", "replace").split("\r\n")[1:]
    named = (line.partition(":") for line in lines if line)
    return {name: value.strip() for name, _, value in named}
