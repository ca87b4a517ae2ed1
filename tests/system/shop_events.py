"""ShopEvents: the rest of the shop, which publishes order events and consumes payment events."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

import nats.errors
import nats.js.errors
from attrs import define, field, frozen
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

Result = TypeVar("Result")

# The reference service's own test sends this as `expiresAt`.
INVALID_TIME: Final = "alskdfj"

# JetStream responds in milliseconds; while its server restarts, requests are repeated.
RESPONSE_SECONDS: Final = 5.0
STREAM_SECONDS: Final = 180.0
RETRY_SECONDS: Final = 0.1

# How many messages are fetched at once, and how long a fetch waits for them.
PAGE: Final = 500
FETCH_SECONDS: Final = 2.0


@frozen
class Message:
    """One message as any consumer receives it."""

    subject: str
    data: bytes
    headers: Mapping[str, str]

    @property
    def body(self) -> Any:
        return json.loads(self.data)


def new_id(kind: str) -> str:
    """Return an id that no other test uses."""
    return f"{kind}-{uuid.uuid4().hex[:16]}"


def on_subject(subject: str, messages: Sequence[Message]) -> list[Message]:
    return [message for message in messages if message.subject == subject]


@define
class _StreamReader:
    """What has been read of a stream so far."""

    created_at: object
    last_sequence: int = 0
    messages: list[Message] = field(factory=list)


class ShopEvents:
    """A NATS client that shares nothing with the service but the subjects."""

    def __init__(self, url: str, user_id: str) -> None:
        self._urls = url.split(",")
        self._user_id = user_id
        self._client: Client | None = None
        self._connecting = asyncio.Lock()
        self._readers: dict[str, _StreamReader] = {}

    async def client(self) -> Client:
        """Return a connected client; a new one if the last has lost its server."""
        async with self._connecting:
            if self._client is None or not self._client.is_connected:
                await self.close()
                self._client = Client()
                await self._client.connect(
                    self._urls, error_cb=_ignore_error, allow_reconnect=False
                )
            return self._client

    async def jetstream(self) -> JetStreamContext:
        return (await self.client()).jetstream(timeout=STREAM_SECONDS)

    async def close(self) -> None:
        if self._client is not None:
            with suppress(nats.errors.Error, OSError, TimeoutError):
                await self._client.close()

    async def publish(
        self, subject: str, body: object, headers: Mapping[str, str] | None = None
    ) -> None:
        """Publish JSON until the stream has stored it; an unconfirmed message is sent again."""
        data, to_send = json.dumps(body).encode(), dict(headers or {}) or None
        await self._repeat(lambda jetstream: jetstream.publish(subject, data, headers=to_send))

    async def create_order(
        self,
        order_id: str | None = None,
        *,
        user_id: str | None = None,
        price: object = 10,
        version: int = 0,
        **fields: object,
    ) -> str:
        """Publish `order:created` with these fields; `currency` goes into the ticket."""
        ticket = {"id": new_id("ticket"), "price": price}
        ticket |= {"currency": fields.pop("currency")} if "currency" in fields else {}
        body = {
            "id": order_id or new_id("order"),
            "version": version,
            "status": "created",
            "userId": user_id or self._user_id,
            "expiresAt": INVALID_TIME,
            "ticket": ticket,
            **fields,
        }
        await self.publish("order:created", body)
        return str(body["id"])

    async def cancel_order(self, order_id: str) -> None:
        ticket = {"id": new_id("ticket")}
        await self.publish("order:cancelled", {"id": order_id, "version": 1, "ticket": ticket})

    async def payment_events(self, order_ids: Collection[str]) -> list[Message]:
        """Return every `payment:*` event of these orders, oldest first."""
        wanted = set(order_ids)
        return [
            message
            for message in await self.messages("payment:created")
            if message.body["orderId"] in wanted
        ]

    async def dead_letters(self) -> list[Message]:
        return await self.messages("payments.dead-letters.>")

    async def messages(self, subject: str) -> list[Message]:
        """Return everything in the stream that contains a subject, oldest first."""
        return await self._repeat(lambda jetstream: self._read(jetstream, subject))

    async def leader(self, subject: str) -> str | None:
        """Return the name of the server that leads the stream with a subject, if there is one."""

        async def ask(jetstream: JetStreamContext) -> str | None:
            stream = await jetstream.find_stream_name_by_subject(subject)
            cluster = (await jetstream.stream_info(stream)).cluster
            return None if cluster is None else cluster.leader

        return await self._repeat(ask)

    async def _repeat(self, action: Callable[[JetStreamContext], Awaitable[Result]]) -> Result:
        """Do this until the broker has responded."""
        async with asyncio.timeout(STREAM_SECONDS):
            while True:
                try:
                    return await action((await self.client()).jetstream(timeout=RESPONSE_SECONDS))
                except (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError):
                    await asyncio.sleep(RETRY_SECONDS)

    async def _read(self, jetstream: JetStreamContext, subject: str) -> list[Message]:
        try:
            stream = await jetstream.find_stream_name_by_subject(subject)
        except nats.js.errors.NotFoundError:
            return []  # nothing has been published on it
        info = await jetstream.stream_info(stream)
        reader = self._readers.get(stream)
        if reader is None or reader.created_at != info.created:
            reader = self._readers[stream] = _StreamReader(info.created)
        if reader.last_sequence < info.state.last_seq:
            config = ConsumerConfig(
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=reader.last_sequence + 1,
                ack_policy=AckPolicy.NONE,
            )
            consumer = await jetstream.pull_subscribe(">", stream=stream, config=config)
            while (missing := info.state.last_seq - reader.last_sequence) > 0:
                for each in await consumer.fetch(min(PAGE, missing), timeout=FETCH_SECONDS):
                    message = Message(each.subject, each.data, each.headers or {})
                    reader.messages.append(message)
                    reader.last_sequence = each.metadata.sequence.stream
            await consumer.unsubscribe()
        return list(reader.messages)


async def _ignore_error(_: Exception) -> None:
    """Do nothing: tests stop the server on purpose, and the caller sees the failure."""
