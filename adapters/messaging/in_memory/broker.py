"""The broker in memory, and subscriptions to it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import define, field, frozen

from adapters.messaging.in_memory.consumer import Consumer, StoredMessage
from adapters.messaging.replay import is_replay_of, replayed_letter
from adapters.messaging.wire import ID_HEADER, Message
from application.ports.clock import Clock
from application.ports.inbound_events import DeadLetter, StreamProgress
from application.ports.stream_positions import EventPosition
from domain.events import EventId

STREAM: Final = "EVENTS"
"""The name of the one stream, which has the messages of all subjects."""

Checkpoint = Callable[[str], Awaitable[None]]
"""Awaited with the step's name before and after everything that would be a round trip. It may let
time pass, or raise `BrokerUnavailable` as the real adapter would. At the step "published",
everything is stored but not confirmed."""

DUPLICATE_WINDOW: Final = timedelta(minutes=10)
"""How long a message id is kept after its message was stored; as in the streams that we create."""

ACK_WAIT: Final = timedelta(seconds=30)
"""The time after which an unended delivery is repeated; as in our JetStream consumers."""


async def no_delay(_step: str) -> None:
    """Continue at once."""


def in_order(stored: Sequence[StoredMessage]) -> Sequence[StoredMessage]:
    """Return the messages in the order in which they were stored."""
    return stored


def no_loss(_event_id: EventId) -> bool:
    """Lose no confirmation."""
    return False


@define
class InMemoryBroker:
    """The broker, which outlives the processes that use it, with the faults of a real broker.

    `arrange` chooses the order of deliveries, because a real broker guarantees no order once it
    repeats a delivery. `loses_reply` chooses the events whose confirmation is lost although they
    are stored.
    """

    now: Clock
    checkpoint: Checkpoint = no_delay
    arrange: Callable[[Sequence[StoredMessage]], Sequence[StoredMessage]] = in_order
    loses_reply: Callable[[EventId], bool] = no_loss
    log: list[StoredMessage] = field(factory=list)
    letters: dict[int, DeadLetter] = field(factory=dict)
    _ids: dict[tuple[str, str], datetime] = field(factory=dict)
    _dead_lettered: set[int] = field(factory=set)
    _consumers: dict[str, Consumer] = field(factory=dict)

    def store(self, message: Message) -> None:
        """Store a message, unless its id was stored in the same stream within the window."""
        message_id = message.headers.get(ID_HEADER)
        if message_id is not None:
            key = (message.subject.partition(":")[0], message_id)
            first = self._ids.get(key)
            if first is not None and self.now() < first + DUPLICATE_WINDOW:
                return
            self._ids[key] = self.now()
        self.log.append(StoredMessage(len(self.log) + 1, message, self.now()))

    def forget_ids(self) -> None:
        """Forget all message ids, as after the duplicate window or on a server that lost them."""
        self._ids.clear()

    def deliver_again(self, durable: str, sequence: int) -> None:
        """Lose an acknowledgement, as a server that is killed soon after it may do."""
        self._consumers[durable].due[sequence] = self.now()

    @property
    def durables(self) -> Sequence[str]:
        """The names of the durable subscriptions."""
        return [*self._consumers]

    def count_unended(self, durable: str) -> tuple[int, int]:
        """Return how many messages a subscription has not delivered, and not ended."""
        consumer = self._consumers[durable]
        new = (each for each in self.log[consumer.seen :])
        waiting = sum(each.message.subject in consumer.subjects for each in new)
        return waiting, len(consumer.due)

    def subscribe(self, durable: str, *subjects: str) -> "InMemorySubscription":
        """Join a durable subscription, or create one that begins with the first stored message."""
        self._consumers.setdefault(durable, Consumer(frozenset(subjects)))
        return InMemorySubscription(self, durable)

    def replace_consumer(self, durable: str, begin: int | None) -> None:
        """Replace a durable subscription by one that begins elsewhere; nothing is delivered yet."""
        old, first = self._consumers[durable], begin or 1
        new = Consumer(old.subjects, old.id + 1, first, begin is not None, first - 1)
        self._consumers[durable] = new

    def dead_letter(self, stored: StoredMessage, reason: str) -> None:
        """Store a dead letter once; the failed replay of a dead letter is not stored again."""
        message = stored.message
        replayed = self.letters.get(replayed_letter(message.headers) or 0)
        if stored.sequence in self._dead_lettered or (
            replayed is not None
            and is_replay_of(replayed, message.subject, message.data, message.headers)
        ):
            return
        self._dead_lettered.add(stored.sequence)
        letter = DeadLetter(
            id=len(self.letters) + 1,
            subject=message.subject,
            reason=reason,
            data=message.data,
            headers=message.headers,
            recorded_at=self.now(),
        )
        self.letters[letter.id] = letter


@frozen
class InMemorySubscription:
    """A durable subscription, shared by any number of processes."""

    _broker: InMemoryBroker = field(repr=False)
    _durable: str

    @property
    def _consumer(self) -> Consumer:
        return self._broker._consumers[self._durable]

    async def progress(self) -> Sequence[StreamProgress]:
        await self._broker.checkpoint("read progress")
        return [self._progress()]

    async def has_acknowledged(self, progress: StreamProgress, after: int) -> bool:
        await self._broker.checkpoint("find acknowledged event")
        subjects = self._consumer.subjects
        stored = self._broker.log[after : progress.acknowledged]
        return any(each.message.subject in subjects for each in stored)

    async def set_back(self, progress: StreamProgress, begin: int | None) -> StreamProgress:
        await self._broker.checkpoint("set back")
        self._broker.replace_consumer(self._durable, begin)
        await self._broker.checkpoint("was set back")
        return self._progress()

    def _progress(self) -> StreamProgress:
        consumer = self._consumer
        unseen = self._broker.log[consumer.seen :]
        return StreamProgress(
            stream=STREAM,
            consumer=self._durable,
            stream_id=STREAM,
            consumer_id=str(consumer.id),
            begins=consumer.begins,
            acknowledged=consumer.acknowledged,
            last=len(self._broker.log),
            is_untouched=not consumer.deliveries and not consumer.is_set_back,
            waiting=len(consumer.due)
            + sum(each.message.subject in consumer.subjects for each in unseen),
        )

    async def fetch(self, limit: int, wait: timedelta) -> "Sequence[InMemoryDelivery]":
        await self._broker.checkpoint("fetch")
        deliveries = self._deliver(limit)
        if not deliveries:
            await asyncio.sleep(wait.total_seconds())
            deliveries = self._deliver(limit)
        await self._broker.checkpoint("fetched")
        return deliveries

    def _deliver(self, limit: int) -> "list[InMemoryDelivery]":
        broker, consumer = self._broker, self._consumer
        now = broker.now()
        for stored in broker.log[consumer.seen :]:
            if stored.message.subject in consumer.subjects:
                consumer.due[stored.sequence] = now
        consumer.seen = len(broker.log)
        due = [broker.log[sequence - 1] for sequence, at in consumer.due.items() if at <= now]
        deliveries = []
        for stored in broker.arrange(due)[:limit]:
            consumer.due[stored.sequence] = now + ACK_WAIT
            consumer.deliveries[stored.sequence] += 1
            count = consumer.deliveries[stored.sequence]
            position = EventPosition(STREAM, self._durable, stored.sequence, stored.stored_at)
            deliveries.append(InMemoryDelivery(broker, self._durable, stored, count, position))
        return deliveries


@frozen
class InMemoryDelivery:
    """One delivery of an event; its end counts for the consumer of its name, as in JetStream."""

    _broker: InMemoryBroker = field(repr=False)
    _durable: str
    _stored: StoredMessage
    deliveries: int
    position: EventPosition

    @property
    def subject(self) -> str:
        return self._stored.message.subject

    @property
    def data(self) -> bytes:
        return self._stored.message.data

    @property
    def headers(self) -> Mapping[str, str]:
        return self._stored.message.headers

    async def ack(self) -> None:
        await self._broker.checkpoint("ack")
        self._end()

    async def retry(self, after: timedelta) -> None:
        await self._broker.checkpoint("retry")
        if self._is_waited_for:
            self._consumer.due[self._stored.sequence] = self._broker.now() + after

    async def dead_letter(self, reason: str) -> None:
        await self._broker.checkpoint("dead letter")
        self._broker.dead_letter(self._stored, reason)
        await self._broker.checkpoint("dead letter stored")
        self._end()

    @property
    def _consumer(self) -> Consumer:
        return self._broker._consumers[self._durable]

    @property
    def _is_waited_for(self) -> bool:
        """Whether the event was delivered, perhaps once more after a set-back, and not ended."""
        sequence = self._stored.sequence
        return sequence in self._consumer.due and self._consumer.deliveries[sequence] > 0

    def _end(self) -> None:
        if self._is_waited_for:
            del self._consumer.due[self._stored.sequence]
