"""Subscribe to inbound events through a durable consumer in each stream with their subjects."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from attrs import field, frozen

from adapters.messaging.jetstream.api import STREAM_NOT_FOUND, ApiRefusal
from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.consumers import Consumer
from adapters.messaging.jetstream.dead_letters import JetStreamDeadLetters
from adapters.messaging.jetstream.delivered import Delivered
from adapters.messaging.jetstream.explain import as_unavailable
from adapters.messaging.jetstream.plans import Plan
from adapters.messaging.jetstream.pulls import Pulls, Source
from adapters.messaging.jetstream.streams import Streams, SubjectMoved
from application.ports.event_publisher import BrokerUnavailable
from application.ports.inbound_events import StreamProgress
from application.ports.stream_positions import EventPosition

# How a delivery ends (ADR-15 of nats-architecture-and-design).
_ACK: Final = b"+ACK"
_RETRY: Final = b'-NAK {"delay": %d}'
_STOP: Final = b"+TERM"


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
        namespace = self._connection.namespace
        with self._as_unavailable():
            pulls = await self._open()
            messages = await self._connection.denials.watch(
                pulls.subjects, pulls.collect(limit, wait.total_seconds())
            )
            found: list[JetStreamDelivery] = []
            for message in messages:
                subject = namespace.without(message.subject)
                if subject in self._subjects:
                    found.append(JetStreamDelivery(message, subject, self._letters))
                else:  # a consumer that exists may deliver other subjects, too
                    await message.end(_ACK)
            return found

    async def progress(self) -> Sequence[StreamProgress]:
        with self._as_unavailable():
            return [await each.progress() for each in await self._consumers()]

    async def has_acknowledged(self, progress: StreamProgress, after: int) -> bool:
        with self._as_unavailable():
            consumer = await self._consumer(progress.stream)
            return await consumer.has_message(after, progress.acknowledged)

    async def set_back(self, progress: StreamProgress, begin: int | None) -> StreamProgress:
        with self._as_unavailable():
            return await (await self._consumer(progress.stream)).set_back(begin)

    @contextmanager
    def _as_unavailable(self) -> Iterator[None]:
        """Convert errors to BrokerUnavailable; look up streams again that were changed."""
        with as_unavailable():
            try:
                yield
            except SubjectMoved:
                self._streams.forget()
                raise
            except ApiRefusal as refusal:
                if refusal.err_code == STREAM_NOT_FOUND:
                    self._streams.forget()
                raise

    async def _open(self) -> Pulls:
        """Return usable pulls from the streams with our subjects; open new ones if necessary."""
        client = await self._connection.client()
        if self._pulls is not None and not self._pulls.is_usable(client):
            await self._close()
            self._streams.forget()
        consumers, api = await self._consumers(), self._connection.namespace.api
        sources = [Source(api, consumer.stream, consumer.name) for consumer in consumers]
        if self._pulls is None or self._pulls.subjects != [each.subject for each in sources]:
            await self._close()
            for consumer in consumers:
                await consumer.ensure()
            self._pulls = await Pulls.open(client, sources)
        return self._pulls

    async def _close(self) -> None:
        pulls, self._pulls = self._pulls, None
        if pulls is not None:
            await pulls.close()

    async def _consumers(self) -> list[Consumer]:
        """Return the consumer of each stream that has a subject of ours."""
        stream_of = await self._streams.ensure(self._plan)
        names = self._connection.namespace
        return [
            Consumer(
                connection=self._connection,
                stream=stream,
                name=names.consumer(self._durable),
                subjects=[
                    names.subject(each) for each in self._subjects if stream_of[each] == stream
                ],
            )
            for stream in sorted({stream_of[subject] for subject in self._subjects})
        ]

    async def _consumer(self, stream: str) -> Consumer:
        for consumer in await self._consumers():
            if consumer.stream == stream:
                return consumer
        raise BrokerUnavailable(f"stream {stream} has none of our subjects any more")


@frozen
class JetStreamDelivery:
    """One delivery of an event."""

    _message: Delivered
    subject: str
    _letters: JetStreamDeadLetters = field(repr=False)

    @property
    def data(self) -> bytes:
        return self._message.data

    @property
    def headers(self) -> Mapping[str, str]:
        return self._message.headers

    @property
    def deliveries(self) -> int:
        return self._message.deliveries

    @property
    def position(self) -> EventPosition:
        delivered = self._message
        return EventPosition(
            delivered.stream, delivered.consumer, delivered.sequence, delivered.stored_at
        )

    async def ack(self) -> None:
        await self._end(_ACK)

    async def retry(self, after: timedelta) -> None:
        await self._end(_RETRY % int(after.total_seconds() * 1e9))

    async def dead_letter(self, reason: str) -> None:
        await self._letters.add(self._message, reason)
        await self._end(_STOP)

    async def _end(self, how: bytes) -> None:
        """Write it to the connection's buffer, which the library sends at once, with all others."""
        with as_unavailable():
            await self._message.end(how)
