"""Subscribe to inbound events through a durable consumer in each stream with their subjects."""

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from datetime import timedelta
from typing import Final

from attrs import field, frozen
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from adapters.messaging.jetstream.connection import JetStreamConnection, as_unavailable
from adapters.messaging.jetstream.dead_letters import JetStreamDeadLetters
from adapters.messaging.jetstream.pulls import Pulls, Source
from adapters.messaging.jetstream.streams import Plan, Streams
from application.ports.event_publisher import BrokerUnavailable

logger = logging.getLogger(__name__)

ACK_WAIT_SECONDS: Final = 30
"""The time after which an unended delivery is repeated: much longer than a batch takes."""

MAX_PENDING: Final = 1024
"""Unended deliveries of all processes together: four batches of 256."""

END_SECONDS: Final = 5.0
"""The timeout for writing an acknowledgement to the socket; only a broken connection is slower."""


class JetStreamSubscription:
    """A durable subscription, shared by all processes that use its name.

    An existing consumer of that name is used unchanged.
    """

    def __init__(
        self,
        connection: JetStreamConnection,
        streams: Streams,
        letters: JetStreamDeadLetters,
        plan: Plan,
        *,
        durable: str,
        subjects: Sequence[str] = (),
    ) -> None:
        """Create a subscription to these subjects of the plan; to all of them if empty."""
        self._connection = connection
        self._streams = streams
        self._letters = letters
        self._plan = plan
        self._durable = durable
        self._subjects = tuple(subjects) or plan.subjects
        self._pulls: Pulls | None = None

    async def fetch(self, limit: int, wait: timedelta) -> "Sequence[JetStreamDelivery]":
        with as_unavailable():
            pulls = await self._open()
            messages = await pulls.collect(limit, wait.total_seconds())
        return [JetStreamDelivery(message, self._letters) for message in messages]

    async def _open(self) -> Pulls:
        """Return usable pulls; open new ones and look up the streams again if necessary."""
        client = await self._connection.client()
        pulls, self._pulls = self._pulls, None
        if pulls is None or not pulls.is_usable(client):
            if pulls is not None:
                await pulls.close()
                self._streams.forget()
            pulls = await Pulls.open(client, await self._sources())
        self._pulls = pulls
        return pulls

    async def _sources(self) -> list[Source]:
        jetstream = await self._connection.jetstream()
        stream_of = await self._streams.ensure(self._plan)
        streams = sorted({stream_of[subject] for subject in self._subjects})
        for stream in streams:
            subjects = [each for each in self._subjects if stream_of[each] == stream]
            await self._find_or_create(jetstream, stream, subjects)
        return [Source(stream, self._durable) for stream in streams]

    async def _find_or_create(
        self, jetstream: JetStreamContext, stream: str, subjects: list[str]
    ) -> None:
        try:
            found = await jetstream.consumer_info(stream, self._durable)
        except NotFoundError:
            config = ConsumerConfig(
                durable_name=self._durable,
                filter_subjects=subjects,
                deliver_policy=DeliverPolicy.ALL,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=ACK_WAIT_SECONDS,
                max_deliver=-1,
                max_ack_pending=MAX_PENDING,
            )
            await jetstream.add_consumer(stream, config)
            logger.info("created consumer %s in stream %s", self._durable, stream)
        else:
            if found.config.deliver_subject is not None:
                raise BrokerUnavailable(
                    f"consumer {self._durable} of stream {stream} is not a pull consumer"
                )


@frozen
class JetStreamDelivery:
    """One delivery of an event."""

    _message: Msg
    _letters: JetStreamDeadLetters = field(repr=False)

    @property
    def subject(self) -> str:
        return self._message.subject

    @property
    def data(self) -> bytes:
        return self._message.data

    @property
    def headers(self) -> Mapping[str, str]:
        return self._message.headers or {}

    @property
    def deliveries(self) -> int:
        return self._message.metadata.num_delivered

    async def ack(self) -> None:
        await _send(self._message.ack())

    async def retry(self, after: timedelta) -> None:
        await _send(self._message.nak(delay=after.total_seconds()))

    async def dead_letter(self, reason: str) -> None:
        await self._letters.add(self._message, reason)
        await _send(self._message.term())


async def _send(acknowledgement: Awaitable[None]) -> None:
    with as_unavailable():
        async with asyncio.timeout(END_SECONDS):
            await acknowledgement
