"""Dead letters: events that could not be used, kept whole in a stream of their own.

A letter's body is the event's, byte for byte; what else belongs to it stands in headers, the
event's own headers as one JSON text, so that none of them means anything to this stream.
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
from application.ports.inbound_events import DeadLetter

logger = logging.getLogger(__name__)

_PREFIX: Final = "payments.dead-letters"
_ALL: Final = f"{_PREFIX}.>"

_SUBJECT: Final = "Dead-Letter-Subject"
_REASON: Final = "Dead-Letter-Reason"
_HEADERS: Final = "Dead-Letter-Headers"
_STREAM: Final = "Dead-Letter-Stream"
_SEQUENCE: Final = "Dead-Letter-Sequence"
_STORED_AT: Final = "Dead-Letter-Stored-At"
_LEFT_THERE: Final = "Dead-Letter-Left-There"
"""Set where the event is as large as a message may be: then its bytes and headers are not copied,
but read from the stream it came from."""

_SAME_MOMENT: Final = timedelta(milliseconds=1)
"""A delivery tells its time in nanoseconds, which pass through a float in the library."""


@frozen
class JetStreamDeadLetters:
    """The stream of dead letters; a letter's id is its sequence there."""

    _connection: JetStreamConnection
    _streams: Streams

    async def keep(self, event: Msg, reason: str) -> None:
        """Make a dead letter of a delivered event; once, and not again when its own replay fails.

        Raises:
            BrokerUnavailable: it is not known to be kept.
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
            letter = _left_there(letter)
        with as_unavailable():
            try:
                await self._publish(letter)
            except APIError as refusal:
                if refusal.err_code != TOO_LARGE:
                    raise
                await self._publish(_left_there(letter))

    async def list(self, limit: int, after: int = 0) -> Sequence[DeadLetter]:
        letters: list[DeadLetter] = []
        stream = await self._streams.find(_ALL)
        if stream is None:
            return letters
        jetstream = await self._connection.jetstream()
        with as_unavailable():
            while len(letters) < limit:
                try:
                    kept = await jetstream.get_msg(stream, seq=after + 1, subject=_ALL, next=True)
                except NotFoundError:
                    break
                letters.append(await _read(jetstream, kept))
                after = letters[-1].id
        return letters

    async def show(self, letter_id: int) -> DeadLetter | None:
        stream = await self._streams.find(_ALL)
        if stream is None or letter_id < 1:
            return None
        jetstream = await self._connection.jetstream()
        with as_unavailable():
            try:
                kept = await jetstream.get_msg(stream, seq=letter_id)
            except NotFoundError:
                return None
            if not (kept.subject or "").startswith(f"{_PREFIX}."):
                return None
            return await _read(jetstream, kept)

    async def replay(self, letter: DeadLetter) -> None:
        """Publish the event again on the subject it came from, byte for byte.

        Repeating it within the duplicate window of that stream stores nothing; after that, or if the
        event leaves no room for an id, it comes once more and changes nothing if it has been used.

        Raises:
            BrokerUnavailable: it is not known to be stored.
        """
        message = Message(letter.subject, letter.data, replay_headers(letter))
        if message.size > (await self._connection.client()).max_payload:
            message = _without(message, ID_HEADER)
        with as_unavailable():
            await self._publish(message)

    async def _publish(self, message: Message) -> None:
        await self._streams.holding(DEAD_LETTERS)
        try:
            await self._send(message)
        except NoStreamResponseError:
            # The stream it belongs to is gone.
            self._streams.forget()
            for plan in PLANS:
                await self._streams.holding(plan)
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
        # The time is part of it, as a stream that was made anew counts from one again.
        ID_HEADER: f"{origin.stream}:{origin.sequence.stream}:{stored_at}",
        _SUBJECT: event.subject,
        _REASON: json.dumps(reason),
        _STREAM: origin.stream,
        _SEQUENCE: str(origin.sequence.stream),
        _STORED_AT: stored_at,
        _HEADERS: json.dumps(event.headers or {}),
    }
    return Message(f"{_PREFIX}.{event.subject}", event.data, headers)


def _left_there(letter: Message) -> Message:
    rest = _without(letter, _HEADERS)
    return evolve(rest, data=b"", headers={**rest.headers, _LEFT_THERE: "true"})


def _without(message: Message, header: str) -> Message:
    rest = {name: text for name, text in message.headers.items() if name != header}
    return evolve(message, headers=rest)


async def _read(jetstream: JetStreamContext, kept: RawStreamMsg) -> DeadLetter:
    said = _headers(kept)
    letter = DeadLetter(
        id=kept.seq or 0,
        subject=said.get(_SUBJECT, ""),
        reason=json.loads(said.get(_REASON, '""')),
        data=kept.data or b"",
        headers=json.loads(said.get(_HEADERS, "{}")),
        recorded_at=kept.time or datetime.fromtimestamp(0, UTC),
    )
    if _LEFT_THERE not in said:
        return letter
    try:
        event = await jetstream.get_msg(said[_STREAM], seq=int(said[_SEQUENCE]))
    except NotFoundError:
        event = None
    stored_at = datetime.fromisoformat(said[_STORED_AT])
    if event is None or event.time is None or abs(event.time - stored_at) > _SAME_MOMENT:
        return evolve(letter, reason=f"{letter.reason} (too large to be copied, and gone since)")
    return evolve(letter, data=event.data or b"", headers=_headers(event))


def _headers(kept: RawStreamMsg) -> Mapping[str, str]:
    """Headers as delivered ones are read; the library takes those of a kept message for an e-mail's."""
    lines = b64decode(kept.hdrs or "").decode("utf-8", "replace").split("\r\n")[1:]
    named = (line.partition(":") for line in lines if line)
    return {name: text.strip() for name, _, text in named}
