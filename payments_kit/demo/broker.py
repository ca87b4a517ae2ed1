"""EventBroker: publish and receive events over NATS JetStream."""

import asyncio
import contextlib
from collections import defaultdict
from typing import Final

import nats
from attrs import frozen
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig
from nats.js.errors import NotFoundError

from payments_kit.demo.order_events import SUBJECTS, ReceivedEvent

# How long one request for the next event stays open at the broker. If a restart of the broker
# loses the request, it is sent again after this time.
FETCH_SECONDS: Final = 1.0
# After a failed request: the broker may be back in tens of milliseconds, or much later.
RETRY_SECONDS: Final = 0.1
# A publish takes less than a millisecond here.
PUBLISH_SECONDS: Final = 2.0
# Between two attempts of the client to reconnect; short, because the broker is local.
RECONNECT_SECONDS: Final = 0.1
# The durable consumer of this service in each stream.
CONSUMER: Final = "demo-orders"


class BrokerUnavailable(Exception):
    """The broker did not confirm that it stored an event, or its streams can't be read."""


@frozen
class Delivery:
    """An event from a stream, to be acknowledged after it was recorded."""

    event: ReceivedEvent
    remaining: int
    """How many events of the stream follow it."""
    _message: Msg

    async def ack(self) -> None:
        """Acknowledge the event; if that fails, it is delivered again, which is harmless."""
        with contextlib.suppress(nats.errors.Error, OSError):
            await self._message.ack()


@frozen
class Subscription:
    """The events of one stream, from its first one on."""

    _pull: JetStreamContext.PullSubscription

    async def count_pending(self) -> int:
        """Return how many events were not delivered yet.

        Raises:
            BrokerUnavailable: the stream can't be read.
        """
        try:
            return (await self._pull.consumer_info()).num_pending or 0
        except nats.errors.Error as error:
            raise BrokerUnavailable(f"the streams cannot be read: {error}") from error

    async def next(self) -> Delivery | None:
        """Return the next event; None if there is none now, or the broker is unavailable."""
        try:
            message = (await self._pull.fetch(1, timeout=FETCH_SECONDS))[0]
        except TimeoutError:
            return None
        except (nats.errors.Error, OSError):
            await asyncio.sleep(RETRY_SECONDS)
            return None
        metadata = message.metadata
        event = ReceivedEvent(metadata.timestamp, message.subject, message.data)
        return Delivery(event, metadata.num_pending, message)


class EventBroker:
    """A connection to the broker, which reconnects by itself."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def connect(self) -> None:
        """Connect to the broker."""
        self._client: Client = await nats.connect(
            self._url,
            max_reconnect_attempts=-1,
            reconnect_time_wait=RECONNECT_SECONDS,
            error_cb=_ignore,
        )
        self._jetstream = self._client.jetstream()

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()

    async def publish(self, subject: str, data: bytes, event_id: str) -> None:
        """Publish an event and wait until the broker has stored it.

        Raises:
            BrokerUnavailable: the broker did not confirm it.
        """
        if not self._client.is_connected:
            # The client would send the event after a reconnect, long after this error.
            raise BrokerUnavailable(f"{subject} could not be published")
        try:
            await self._jetstream.publish(
                subject, data, timeout=PUBLISH_SECONDS, headers={"Nats-Msg-Id": event_id}
            )
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise BrokerUnavailable(f"{subject} could not be published") from error

    async def subscribe(self) -> list[Subscription]:
        """Subscribe to all subjects in their streams; wait until the worker has created them.

        Raises:
            BrokerUnavailable: the streams can't be read.
        """
        streams: dict[str, list[str]] = defaultdict(list)
        for subject in SUBJECTS:
            streams[await self._find_stream(subject)].append(subject)
        try:
            return [await self._subscribe(*stream) for stream in streams.items()]
        except nats.errors.Error as error:
            raise BrokerUnavailable(f"the streams cannot be read: {error}") from error

    async def _find_stream(self, subject: str) -> str:
        while True:
            try:
                return await self._jetstream.find_stream_name_by_subject(subject)
            except nats.errors.Error:
                await asyncio.sleep(RETRY_SECONDS)

    async def _subscribe(self, stream: str, subjects: list[str]) -> Subscription:
        # A consumer of an earlier demo is deleted, so that the stream is read from its start.
        with contextlib.suppress(NotFoundError):
            await self._jetstream.delete_consumer(stream, CONSUMER)
        config = ConsumerConfig(durable_name=CONSUMER, filter_subjects=subjects)
        await self._jetstream.add_consumer(stream, config)
        return Subscription(await self._jetstream.pull_subscribe_bind(CONSUMER, stream))


async def _ignore(_error: Exception) -> None:
    """Ignore the client's reports of lost connections; each request reports its own errors."""
