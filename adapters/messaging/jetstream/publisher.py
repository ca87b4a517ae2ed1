"""Publish our events to JetStream in pipelined batches."""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import define, field

from adapters.messaging.jetstream.client import SecureClient
from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.explain import as_unavailable
from adapters.messaging.jetstream.plans import PAYMENTS
from adapters.messaging.jetstream.replies import Command, NoReply, PublishReply, Replies, Reply
from adapters.messaging.jetstream.streams import Streams
from adapters.messaging.wire import Unpublishable, encode
from application.ports.event_publisher import BrokerUnavailable, OutboxEntry, PublishResult
from domain.events import EventId

logger = logging.getLogger(__name__)

REPLY_SECONDS: Final = 2.0
"""The timeout for the replies to a batch: shorter than the relay's lease of 3 s, so that no second
relay sends the same events. A far server replies within one second. Electing a leader takes longer,
7.3 s when measured; until then the same events are sent again, and stored once."""

TOO_LARGE: Final = 10054
"""JSStreamMessageExceedsMaximumErr (nats-server, server/errors.json)."""


@define
class JetStreamPublisher:
    """Publishes events to the streams that contain their subjects."""

    _connection: JetStreamConnection
    _streams: Streams
    _replies: Replies | None = field(default=None, init=False)

    async def publish(self, entries: Sequence[OutboxEntry]) -> PublishResult:
        with as_unavailable():
            await self._streams.ensure(PAYMENTS)
            client = await self._connection.client()
            commands, rejected = self._encode(entries, client.max_payload)
            replies = await self._send(client, commands)
            if NoReply.NO_STREAM in replies.values():
                # A stream was deleted. The messages that other streams have stored are sent again
                # as well; they are duplicates there.
                self._streams.forget()
                await self._streams.ensure(PAYMENTS)
                replies = await self._send(client, commands)
        return _result(commands, replies, rejected)

    async def _send(
        self, client: SecureClient, commands: Mapping[EventId, Command]
    ) -> Mapping[EventId, Reply]:
        """Publish all messages at once; return each reply (also for a duplicate) or its absence."""
        if self._replies is None or self._replies.client is not client:
            self._replies = await Replies.open(client)
        replies = await self._connection.denials.watch(
            {command.subject for command in commands.values()},
            self._replies.publish(list(commands.values()), REPLY_SECONDS),
        )
        return dict(zip(commands, replies, strict=True))

    def _encode(
        self, entries: Sequence[OutboxEntry], max_size: int
    ) -> tuple[dict[EventId, Command], dict[EventId, str]]:
        """Return the messages, and the rejected events with the reason.

        A message above the server's limit must not be sent: the server would end the connection.
        """
        commands, rejected = dict[EventId, Command](), dict[EventId, str]()
        subject = self._connection.namespace.subject
        for entry in entries:
            event_id = entry.event.id
            try:
                message = encode(entry)
            except Unpublishable as unpublishable:
                rejected[event_id] = unpublishable.reason
                continue
            command = Command(subject(message.subject), message.header_block, message.data)
            if command.size > max_size:
                rejected[event_id] = f"{command.size} bytes exceed the broker's limit"
            else:
                commands[event_id] = command
        return commands, rejected


def _result(
    commands: Mapping[EventId, Command],
    replies: Mapping[EventId, Reply],
    rejected: dict[EventId, str],
) -> PublishResult:
    stored, failed = set[EventId](), list[str]()
    for event_id, reply in replies.items():
        match reply:
            case PublishReply(is_stored=True):
                stored.add(event_id)
            case PublishReply(error=error) if error is not None and error.err_code == TOO_LARGE:
                size = commands[event_id].size
                rejected[event_id] = f"{size} bytes exceed the stream's limit"
            case PublishReply(error=error):
                failed.append(error.description if error is not None else NoReply.READABLE)
            case NoReply():
                failed.append(reply)
    if failed:
        logger.warning(
            "%d of %d events are not confirmed: %s", len(failed), len(commands), failed[0]
        )
        if not stored and not rejected:
            raise BrokerUnavailable(failed[0])
    return PublishResult(frozenset(stored), rejected)
