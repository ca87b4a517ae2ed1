"""Our events, brought to JetStream in pipelined batches."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen
from nats.js import JetStreamContext
from nats.js.api import PubAck
from nats.js.errors import APIError, NoStreamResponseError

from adapters.messaging.jetstream.connection import JetStreamConnection, as_unavailable
from adapters.messaging.jetstream.streams import PAYMENTS, Streams
from adapters.messaging.wire import Message, Unpublishable, encode
from application.ports.event_publisher import BrokerUnavailable, OutboxEntry, PublishResult
from domain.events import EventId

logger = logging.getLogger(__name__)

PUBLISH_SECONDS: Final = 10.0
"""For a whole batch: shorter than the lease of the relay."""

REPLY_SECONDS: Final = 8.0
"""For one reply: longer than the stalls seen when the leader of a stream was killed (7.3 s), and
early enough to still tell of the replies that came."""

TOO_LARGE: Final = 10054
"""JSStreamMessageExceedsMaximumErr (nats-server, server/errors.json)."""


@frozen
class JetStreamPublisher:
    """Brings events to the streams that hold their subjects."""

    _connection: JetStreamConnection
    _streams: Streams

    async def publish(self, entries: Sequence[OutboxEntry]) -> PublishResult:
        with as_unavailable():
            async with asyncio.timeout(PUBLISH_SECONDS):
                return await self._publish(entries)

    async def _publish(self, entries: Sequence[OutboxEntry]) -> PublishResult:
        client = await self._connection.client()
        messages, refused = _encode(entries, client.max_payload)
        replies = await self._send(messages)
        if any(isinstance(reply, NoStreamResponseError) for reply in replies.values()):
            # A stream is gone. What is in another one already is only found to be there.
            self._streams.forget()
            replies = await self._send(messages)
        stored = {event_id for event_id, reply in replies.items() if isinstance(reply, PubAck)}
        for event_id, reply in replies.items():
            if isinstance(reply, APIError) and reply.err_code == TOO_LARGE:
                refused[event_id] = (
                    f"{messages[event_id].size} bytes are more than the stream takes"
                )
        for problem in [replies[each] for each in replies.keys() - stored - refused.keys()][:1]:
            logger.warning("not everything is known to be stored: %r", problem)
            if not stored and not refused:
                raise BrokerUnavailable(str(problem))
        return PublishResult(frozenset(stored), refused)

    async def _send(self, messages: Mapping[EventId, Message]) -> dict[EventId, object]:
        """Publish everything at once; each reply, or what came instead. A duplicate counts as stored."""
        await self._streams.holding(PAYMENTS)
        jetstream = await self._connection.jetstream()
        sending = (_send_one(jetstream, message) for message in messages.values())
        replies = await asyncio.gather(*sending, return_exceptions=True)
        return dict(zip(messages, replies, strict=True))


async def _send_one(jetstream: JetStreamContext, message: Message) -> PubAck:
    return await jetstream.publish(
        message.subject, message.data, timeout=REPLY_SECONDS, headers=dict(message.headers)
    )


def _encode(
    entries: Sequence[OutboxEntry], largest: int
) -> tuple[dict[EventId, Message], dict[EventId, str]]:
    """The messages, and what can be none: a server ends the connection over a too large one."""
    messages, refused = dict[EventId, Message](), dict[EventId, str]()
    for entry in entries:
        try:
            message = encode(entry)
        except Unpublishable as unpublishable:
            refused[entry.event.id] = unpublishable.reason
            continue
        if message.size > largest:
            refused[entry.event.id] = f"{message.size} bytes are more than the broker takes"
        else:
            messages[entry.event.id] = message
    return messages, refused
