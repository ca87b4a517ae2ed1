"""Publish our events to JetStream in pipelined batches."""

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
"""The timeout for a whole batch: longer than REPLY_SECONDS, so that normally only single replies
time out. It may exceed the relay's lease, which is safe (application/use_cases/relay_outbox.py)."""

REPLY_SECONDS: Final = 8.0
"""The timeout for one reply: longer than the longest pause measured after the leader of a stream
was killed (7.3 s), and short enough that the other replies are still reported."""

TOO_LARGE: Final = 10054
"""JSStreamMessageExceedsMaximumErr (nats-server, server/errors.json)."""


@frozen
class JetStreamPublisher:
    """Publishes events to the streams that contain their subjects."""

    _connection: JetStreamConnection
    _streams: Streams

    async def publish(self, entries: Sequence[OutboxEntry]) -> PublishResult:
        with as_unavailable():
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
        await self._streams.ensure(PAYMENTS)
        jetstream = await self._connection.jetstream()
        sending = (_send_one(jetstream, message) for message in messages.values())
        replies = await asyncio.gather(*sending, return_exceptions=True)
        return dict(zip(messages, replies, strict=True))


async def _send_one(jetstream: JetStreamContext, message: Message) -> PubAck:
    return await jetstream.publish(
        message.subject, message.data, timeout=REPLY_SECONDS, headers=dict(message.headers)
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
