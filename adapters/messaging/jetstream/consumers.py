"""The durable consumers of a subscription: found, created, and set back."""

import logging
from collections.abc import Sequence
from typing import Any, Final

from attrs import define

from adapters.messaging.jetstream.api import ApiRefusal, ApiReply, ConsumerInfo, StreamInfo
from adapters.messaging.jetstream.beginnings import (
    beginning_at,
    begins,
    begins_by,
    begins_late,
    continues,
    has_beginning,
    is_set_back,
)
from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.stored_messages import has_message
from adapters.messaging.jetstream.streams import check_subjects
from adapters.messaging.jetstream.suitability import consumer_problems
from application.ports.alerts import AlertKind
from application.ports.event_publisher import BrokerUnavailable, BrokerUnsuitable
from application.ports.inbound_events import StreamProgress

logger = logging.getLogger(__name__)

ACK_WAIT_SECONDS: Final = 30
"""The time after which an unended delivery is repeated: much longer than a batch takes."""

MAX_PENDING: Final = 1024
"""Unended deliveries of all processes together: four batches of 256."""

STAND_IN_SECONDS: Final = 60
"""Much longer than deleting and creating a consumer takes, which is less than REQUEST_SECONDS."""

CONSUMER_NOT_FOUND: Final = 10014
"""JSConsumerNotFoundErr (nats-server, server/errors.json)."""

_EXISTS: Final = 10148
"""JSConsumerAlreadyExists (nats-server, server/errors.json): it exists with other settings."""

_INTERRUPTED: Final = (10012, 10149)
"""JSConsumerCreateErrF, JSConsumerDoesNotExist: perhaps it was deleted while it was created."""

MAX_CREATIONS: Final = 5
"""How often it is created for one caller: processes that set it back delete it once each."""

_TAKEN: Final = (10099, 10100)
"""JSConsumerWQMultipleUnfilteredErr, JSConsumerWQConsumerNotUniqueErr."""


@define
class Consumer:
    """The durable consumer of one stream."""

    connection: JetStreamConnection
    stream: str
    name: str
    subjects: Sequence[str]
    """In full, with the prefix of our namespace."""

    @property
    def _path(self) -> str:
        return f"{self.stream}.{self.name}"

    async def ensure(self) -> ConsumerInfo:
        """Return the consumer; create it if it is missing.

        Any number of processes may do so at the same time.

        Raises:
            BrokerUnsuitable: it would lose or repeat events.
        """
        found = await self._find() or await self._create(self._config(), anywhere=True)
        await self._check(found)
        return found

    async def _create(self, config: dict[str, Any], *, anywhere: bool = False) -> ConsumerInfo:
        """Create the consumer with these settings, also if others create or delete it meanwhile.

        One that another process has created is used if it does not begin later, or `anywhere`.

        Raises:
            BrokerUnavailable: each time it was deleted at once, or left out events.
        """
        problem = "it was deleted"
        for _ in range(MAX_CREATIONS):
            created = None
            try:
                created = await self._request_creation(config)
            except ApiRefusal as refusal:
                if refusal.err_code not in _INTERRUPTED:
                    raise
                problem = str(refusal)
            found = await self._find()
            if found is None:
                continue
            if created is not None and await self._continues(created):
                problem = "it continued where one before it had ended"
            elif anywhere:
                return found
            elif not begins_by(found, config):
                problem = "it was created to begin elsewhere"
                if created is not None:
                    continue  # a server of a cluster may still know the one that was deleted
            elif not await self._continues(found):
                return found
            await self._delete()
        raise BrokerUnavailable(f"consumer {self.name} of stream {self.stream}: {problem}")

    async def _continues(self, consumer: ConsumerInfo) -> bool:
        """Whether a consumer that was just created begins where one before it had ended.

        While a server still deletes one of this name for another process, it may create one with
        what was delivered and acknowledged there. nats-server forgets the name of a consumer before
        it removes its state (`stopWithFlags` in server/consumer.go; seen on 2.15.1).
        """
        if continues(consumer):
            return True
        begin, delivered = begins(consumer), consumer.delivered
        if delivered.consumer_seq or begin is None or delivered.stream_seq < begin:
            return False
        # It has delivered nothing, and yet passed its beginning: what is deleted, or not ours.
        return await self.has_message(begin - 1, delivered.stream_seq)

    async def _check(self, consumer: ConsumerInfo) -> None:
        label = f"consumer {self.name} of stream {self.stream}"
        is_late = False
        if has_beginning(consumer):
            stream = await self.connection.request(f"STREAM.INFO.{self.stream}", StreamInfo)
            is_late = begins_late(consumer, stream.state.last_seq)
        for problem in consumer_problems(consumer, self.subjects, is_late=is_late):
            raise BrokerUnsuitable(AlertKind.CONSUMER_UNSUITABLE, self._path, f"{label} {problem}")
        denial = self.connection.denials.take_acknowledgement(self.stream, self.name)
        if denial is not None:
            raise denial

    async def check(self) -> None:
        """Check the consumer, if it exists.

        Raises:
            BrokerUnsuitable: it would lose or repeat events.
        """
        found = await self._find()
        if found is not None:
            await self._check(found)

    async def progress(self) -> StreamProgress:
        """Return how far the stream was read.

        Raises:
            SubjectMoved: the stream does not have all of our subjects any more.
        """
        return await self._progress(await self.ensure())

    async def _progress(self, consumer: ConsumerInfo) -> StreamProgress:
        stream = await self.connection.request(f"STREAM.INFO.{self.stream}", StreamInfo)
        check_subjects(stream, self.subjects)
        return StreamProgress(
            stream=self.stream,
            consumer=self.name,
            stream_id=stream.created,
            consumer_id=consumer.created,
            begins=begins(consumer),
            acknowledged=consumer.ack_floor.stream_seq,
            last=stream.state.last_seq,
            is_untouched=consumer.delivered.consumer_seq == 0 and not is_set_back(consumer),
            waiting=consumer.num_pending + consumer.num_ack_pending,
        )

    async def has_message(self, after: int, until: int) -> bool:
        """Whether a message of our subjects is stored between these sequences."""
        return await has_message(self.connection, self.stream, self.subjects, after, until)

    async def set_back(self, begin: int | None) -> StreamProgress:
        """Delete the consumer and create it again with its own settings, to begin elsewhere."""
        stream = await self.connection.request(f"STREAM.INFO.{self.stream}", StreamInfo)
        retention = stream.config.get("retention")
        if retention == "workqueue":
            begin = None  # it has only what is not acknowledged, and accepts no other beginning
        if retention == "interest":
            await self._create_stand_in()
        found = await self._find()
        if found is not None:
            await self._delete()
        # If it is missing, another process is setting it back.
        config = self._config() if found is None else found.config
        again = await self._create(beginning_at(config, begin))
        await self._check(again)
        return await self._progress(again)

    async def _find(self) -> ConsumerInfo | None:
        """Return the consumer, if it exists."""
        try:
            return await self.connection.request(f"CONSUMER.INFO.{self._path}", ConsumerInfo)
        except ApiRefusal as refusal:
            if refusal.err_code != CONSUMER_NOT_FOUND:
                raise
            return None

    async def _delete(self) -> None:
        try:
            await self.connection.request(f"CONSUMER.DELETE.{self._path}", ApiReply)
        except ApiRefusal as refusal:  # another process has just done so
            if refusal.err_code != CONSUMER_NOT_FOUND:
                raise

    async def _create_stand_in(self) -> None:
        """Let another consumer wait for our events, because the server deletes all others.

        The server also deletes the stand-in, after a time without pulls.
        """
        other = Consumer(self.connection, self.stream, f"{self.name}-stand-in", self.subjects)
        threshold = {"inactive_threshold": STAND_IN_SECONDS * 10**9}
        await other._request_creation(other._config() | threshold)

    async def _request_creation(self, config: dict[str, Any]) -> ConsumerInfo | None:
        """Return the created consumer, or one of these settings; None if it exists with others."""
        body = {"stream_name": self.stream, "config": config, "action": "create"}
        # A subject in the path is required if the consumer has exactly this filter.
        filtered = config.get("filter_subject")
        path = f"{self._path}.{filtered}" if filtered else self._path
        try:
            created = await self.connection.request(f"CONSUMER.CREATE.{path}", ConsumerInfo, body)
        except ApiRefusal as refusal:
            if refusal.err_code in _TAKEN:
                problem = f"stream {self.stream} is a work queue, and another consumer takes its"
                raise BrokerUnsuitable(
                    AlertKind.CONSUMER_UNSUITABLE, self._path, f"{problem} events"
                ) from refusal
            if refusal.err_code != _EXISTS:
                raise
            return None
        logger.info("created consumer %s in stream %s", self.name, self.stream)
        return created

    def _config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "durable_name": self.name,
            "filter_subjects": list(self.subjects),
            "deliver_policy": "all",
            "ack_policy": "explicit",
            "ack_wait": ACK_WAIT_SECONDS * 10**9,
            "max_deliver": -1,
            "max_ack_pending": MAX_PENDING,
            "replay_policy": "instant",
        }
