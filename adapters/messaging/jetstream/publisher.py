"""Publish our events to JetStream in pipelined batches."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen
from nats.js import JetStreamContext
from nats.js.api import PubAck
from nats.js.errors import APIError, NoStreamResponseError

from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.explain import as_unavailable
from adapters.messaging.jetstream.streams import PAYMENTS, Streams
from adapters.messaging.wire import Message, Unpublishable, encode
from application.ports.event_publisher import BrokerUnavailable, OutboxEntry, PublishResult
from domain.events import EventId

logger = logging.getLogger(__name__)

PUBLISH_SECONDS: Final = 2.5
"""The timeout for a whole batch: shorter than the relay's lease of 3 s, so that no second relay
sends the same events, and longer than REPLY_SECONDS, so that normally only single replies time
out."""

REPLY_SECONDS: Final = 2.0
"""The timeout for one reply: a far server replies within one second. Electing a leader takes
longer, 7.3 s when measured; until then the same events are sent again, and stored once."""

TOO_LARGE: Final = 10054
"""JSStreamMessageExceedsMaximumErr (nats-server, server/errors.json)."""


@frozen
class JetStreamPublisher:
    """Publishes events to the streams that contain their subjects."""

    _connection: JetStreamConnection
    _streams: Streams

    async def publish(self, entries: Sequence[OutboxEntry]) -> PublishResult:
        with as_unavailable():
            await self._streams.ensure(PAYMENTS)
            async with asyncio.timeout(PUBLISH_SECONDS):
                return await self._publish(entries)

    async def _publish(self, entries: Sequence[OutboxEntry]) -> PublishResult:
        client = await self._connection.client()
        messages, rejected = _encode(entries, client.max_payload)
        replies = await self._send(messages)
        if any(isinstance(reply, NoStreamResponseError) for reply in replies.values()):
            # A stream was deleted. The messages that other streams have stored are sent again as
            # well; they are duplicates there.
            self._streams.forget()
            await self._streams.ensure(PAYMENTS)
            replies = await self._send(messages)
        stored = {event_id for event_id, reply in replies.items() if isinstance(reply, PubAck)}
        for event_id, reply in replies.items():
            if isinstance(reply, APIError) and reply.err_code == TOO_LARGE:
                rejected[event_id] = f"{messages[event_id].size} bytes exceed the stream's limit"
        failed = [replies[each] for each in replies.keys() - stored - rejected.keys()]
        if failed:
            logger.warning(
                "%d of %d events are not confirmed: %r", len(failed), len(entries), failed[0]
            )
            if not stored and not rejected:
                raise BrokerUnavailable(str(failed[0]))
        return PublishResult(frozenset(stored), rejected)

    async def _send(self, messages: Mapping[EventId, Message]) -> dict[EventId, object]:
        """Publish all messages at once; return each reply (also for a duplicate) or error."""
        jetstream = await self._connection.jetstream()
        subject = self._connection.namespace.subject
        sending = [
            _send_one(jetstream, subject(message.subject), message) for message in messages.values()
        ]
        subjects = {subject(message.subject) for message in messages.values()}
        replies = await self._connection.denials.watch(
            subjects, asyncio.gather(*sending, return_exceptions=True)
        )
        return dict(zip(messages, replies, strict=True))


async def _send_one(jetstream: JetStreamContext, subject: str, message: Message) -> PubAck:
    return await jetstream.publish(
        subject, message.data, timeout=REPLY_SECONDS, headers=dict(message.headers)
    )


def _encode(
    entries: Sequence[OutboxEntry], max_size: int
) -> tuple[dict[EventId, Message], dict[EventId, str]]:
    """Return the messages, and the rejected events with the reason.

    A message above the server's limit must not be sent: the server would end the connection.
    """
    messages, rejected = dict[EventId, Message](), dict[EventId, str]()
    for entry in entries:
        try:
            message = encode(entry)
        except Unpublishable as unpublishable:
            rejected[entry.event.id] = unpublishable.reason
            continue
        if message.size > max_size:
            rejected[entry.event.id] = f"{message.size} bytes exceed the broker's limit"
        else:
            messages[entry.event.id] = message
    return messages, rejected
