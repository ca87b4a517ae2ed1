"""The rest of the shop: an orders service as the seed's, and everybody who listens to payments."""

import asyncio
import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import nats.errors
import nats.js.errors
from attrs import define, field, frozen
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

# The seed's own test writes this into `expiresAt`.
NONSENSE: Final = "alskdfj"

# JetStream answers in milliseconds; while its server restarts it is asked again and again.
ANSWER_SECONDS: Final = 5.0
STREAM_SECONDS: Final = 60.0
RETRY_SECONDS: Final = 0.1

# How long nothing may come until a stream is taken for read to its end.
QUIET_SECONDS: Final = 2.0
PAGE: Final = 500


@frozen
class Heard:
    """One message on a subject of ours, as any consumer gets it."""

    subject: str
    data: bytes
    headers: Mapping[str, str]

    @property
    def body(self) -> Any:
        """Its JSON."""
        return json.loads(self.data)


def new_name(kind: str) -> str:
    """An id that no other test uses."""
    return f"{kind}-{uuid.uuid4().hex[:16]}"


def created(order_id: str, user_id: str, **more: object) -> dict[str, object]:
    """The body of the seed's `order:created`."""
    ticket: dict[str, object] = {"id": new_name("ticket"), "price": more.pop("price", 10)}
    if "currency" in more:
        ticket["currency"] = more.pop("currency")
    return {
        "id": order_id,
        "version": 0,
        "status": "created",
        "userId": user_id,
        "expiresAt": NONSENSE,
        "ticket": ticket,
        **more,
    }


def in_seconds(seconds: float) -> str:
    """A time from now, as JavaScript writes it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


@define
class _Read:
    """What has been read of one stream."""

    made_at: object
    last: int = 0
    messages: list[Heard] = field(factory=list)


class Shop:
    """One plain NATS client. It knows nothing of ours but the subjects."""

    def __init__(self, servers: str) -> None:
        self._servers = servers
        self._client: Client | None = None
        self._connecting = asyncio.Lock()
        self._read_so_far: dict[str, _Read] = {}

    async def client(self) -> Client:
        """The client, connected; a new one where the last lost its server."""
        async with self._connecting:
            if self._client is None or not self._client.is_connected:
                await self.close()
                self._client = Client()
                await self._client.connect(
                    self._servers, error_cb=_say_nothing, allow_reconnect=False
                )
            return self._client

    async def close(self) -> None:
        """Leave."""
        if self._client is not None:
            with suppress(nats.errors.Error, OSError, TimeoutError):
                await self._client.close()

    async def publish(
        self, subject: str, data: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        """Publish until the stream has it; what is sent twice for that comes twice."""
        async with asyncio.timeout(STREAM_SECONDS):
            while True:
                try:
                    jetstream = (await self.client()).jetstream(timeout=ANSWER_SECONDS)
                    sent = dict(headers) if headers else None
                    await jetstream.publish(subject, data, headers=sent)
                except (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError):
                    await asyncio.sleep(RETRY_SECONDS)
                else:
                    return

    async def order(self, user_id: str, **more: object) -> str:
        """Somebody orders a ticket; the order's id. `more` are fields of the event."""
        order_id = str(more.pop("order_id", None) or new_name("order"))
        body = created(order_id, user_id, **more)
        await self.publish("order:created", json.dumps(body).encode())
        return order_id

    async def cancel(self, order_id: str, version: int = 1) -> None:
        """The order is cancelled: its time ran out, or its owner did not want it."""
        body = {"id": order_id, "version": version, "ticket": {"id": new_name("ticket")}}
        await self.publish("order:cancelled", json.dumps(body).encode())

    async def heard(self, order_ids: Collection[str] | None = None) -> list[Heard]:
        """Everything on `payment:*` from the beginning, in order; of some orders only."""
        found = await self.messages("payment:created")
        if order_ids is None:
            return found
        wanted = set(order_ids)
        return [each for each in found if each.body["orderId"] in wanted]

    async def messages(self, subject: str) -> list[Heard]:
        """Everything in the stream that holds a subject, from the beginning."""
        async with asyncio.timeout(STREAM_SECONDS):
            while True:
                try:
                    return await self._read(subject)
                except nats.js.errors.NotFoundError:
                    return []  # nothing has ever been published there
                except (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError):
                    await asyncio.sleep(RETRY_SECONDS)

    async def _read(self, subject: str) -> list[Heard]:
        jetstream = (await self.client()).jetstream(timeout=ANSWER_SECONDS)
        stream = await jetstream.find_stream_name_by_subject(subject)
        info = await jetstream.stream_info(stream)
        read = self._read_so_far.get(stream)
        if read is None or read.made_at != info.created:
            read = self._read_so_far[stream] = _Read(info.created)
        if read.last < info.state.last_seq:
            start = ConsumerConfig(
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=read.last + 1,
                ack_policy=AckPolicy.NONE,
            )
            consumer = await jetstream.pull_subscribe(">", stream=stream, config=start)
            while (missing := info.state.last_seq - read.last) > 0:
                for each in await consumer.fetch(min(PAGE, missing), timeout=QUIET_SECONDS):
                    read.messages.append(Heard(each.subject, each.data, each.headers or {}))
                    read.last = each.metadata.sequence.stream
            await consumer.unsubscribe()
        return list(read.messages)


async def _say_nothing(_: Exception) -> None:
    """The server is taken away on purpose; whoever asks it sees that."""


def of_kind(subject: str, heard: Sequence[Heard]) -> list[Heard]:
    """Those on one subject."""
    return [each for each in heard if each.subject == subject]
