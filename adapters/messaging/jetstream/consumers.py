"""The durable consumers of a subscription: found, created, and set back."""

import json
import logging
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from attrs import define

from adapters.messaging.jetstream.api import ApiRefusal, ApiReply, ConsumerInfo, StreamInfo
from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.suitability import consumer_problems
from application.ports.alerts import AlertKind
from application.ports.event_publisher import BrokerUnavailable, BrokerUnsuitable
from application.ports.inbound_events import StreamProgress

logger = logging.getLogger(__name__)

ACK_WAIT_SECONDS: Final = 30
"""The time after which an unended delivery is repeated: much longer than a batch takes."""

MAX_PENDING: Final = 1024
"""Unended deliveries of all processes together: four batches of 256."""

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

_NO_MESSAGE: Final = 10037
"""JSNoMessageFoundErr (nats-server, server/errors.json)."""

_BEGINNING: Final = "payments-begins"
"""The metadata of a consumer that was set back: where it began before, as JSON."""

_BEGINNING_FIELDS: Final = ("deliver_policy", "opt_start_seq", "opt_start_time")


class _Message(msgspec.Struct):
    seq: int


class _MessageReply(ApiReply):
    message: _Message | None = None


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
        found = await self._find_or_create(self._config())
        self._check(found)
        return found

    async def _find_or_create(self, config: dict[str, Any]) -> ConsumerInfo:
        """Return the consumer; create it with these settings, also if others delete it meanwhile.

        Raises:
            BrokerUnavailable: each time it was deleted at once.
        """
        found, problem = await self._find(), "it was deleted"
        for _ in range(MAX_CREATIONS):
            if found is not None:
                break
            try:
                await self._create(config)
            except ApiRefusal as refusal:
                if refusal.err_code not in _INTERRUPTED:
                    raise
                problem = str(refusal)
            found = await self._find()
        if found is None:
            raise BrokerUnavailable(f"consumer {self.name} of stream {self.stream}: {problem}")
        return found

    def _check(self, consumer: ConsumerInfo) -> None:
        label = f"consumer {self.name} of stream {self.stream}"
        for problem in consumer_problems(consumer.config, self.subjects, is_paused=consumer.paused):
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
            self._check(found)

    async def progress(self) -> StreamProgress:
        """Return how far the stream was read."""
        return await self._progress(await self.ensure())

    async def _progress(self, consumer: ConsumerInfo) -> StreamProgress:
        stream = await self.connection.request(f"STREAM.INFO.{self.stream}", StreamInfo)
        return StreamProgress(
            stream=self.stream,
            consumer=self.name,
            stream_id=stream.created,
            consumer_id=consumer.created,
            begins=_begins(consumer),
            acknowledged=consumer.ack_floor.stream_seq,
            last=stream.state.last_seq,
            is_untouched=consumer.delivered.consumer_seq == 0,
        )

    async def has_message(self, after: int, until: int) -> bool:
        """Whether a message of our subjects is stored between these sequences."""
        for subject in self.subjects:
            body = {"seq": after + 1, "next_by_subj": subject}
            path = f"STREAM.MSG.GET.{self.stream}"
            try:
                found = await self.connection.request(path, _MessageReply, body)
            except ApiRefusal as refusal:
                if refusal.err_code != _NO_MESSAGE:
                    raise
            else:
                if found.message is not None and found.message.seq <= until:
                    return True
        return False

    async def set_back(self, begin: int | None) -> StreamProgress:
        """Delete the consumer and create it again with its own settings, to begin elsewhere."""
        stream = await self.connection.request(f"STREAM.INFO.{self.stream}", StreamInfo)
        if stream.config.get("retention") == "workqueue":
            begin = None  # it has only what is not acknowledged, and accepts no other beginning
        found = await self._find()
        if found is not None:
            await self._delete()
        # If it is missing, another process is setting it back.
        config = self._config() if found is None else found.config
        again = await self._find_or_create(_beginning_at(config, begin))
        self._check(again)
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

    async def _create(self, config: dict[str, Any]) -> None:
        """Create the consumer, unless another process has just done so."""
        body = {"stream_name": self.stream, "config": config, "action": "create"}
        # A subject in the path is required if the consumer has exactly this filter.
        filtered = config.get("filter_subject")
        path = f"{self._path}.{filtered}" if filtered else self._path
        try:
            await self.connection.request(f"CONSUMER.CREATE.{path}", ApiReply, body)
        except ApiRefusal as refusal:
            if refusal.err_code in _TAKEN:
                problem = f"stream {self.stream} is a work queue, and another consumer takes its"
                raise BrokerUnsuitable(
                    AlertKind.CONSUMER_UNSUITABLE, self._path, f"{problem} events"
                ) from refusal
            if refusal.err_code != _EXISTS:
                raise
        else:
            logger.info("created consumer %s in stream %s", self.name, self.stream)

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


def _begins(consumer: ConsumerInfo) -> int | None:
    match consumer.config.get("deliver_policy"):
        case "all":
            return 1
        case "by_start_sequence":
            return int(consumer.config["opt_start_seq"])
        case _ if consumer.delivered.consumer_seq == 0:
            # What lies before its beginning counts as acknowledged.
            return consumer.ack_floor.stream_seq + 1
        case _:
            return None


def _beginning_at(config: dict[str, Any], begin: int | None) -> dict[str, Any]:
    """Return settings that begin at a sequence, or where they began before they were set back."""
    metadata = dict(config.get("metadata") or {})
    first: dict[str, Any] = {name: config[name] for name in _BEGINNING_FIELDS if name in config}
    if _BEGINNING in metadata:
        first = json.loads(metadata[_BEGINNING])
    rest = {name: each for name, each in config.items() if name not in _BEGINNING_FIELDS}
    if begin is None:
        metadata.pop(_BEGINNING, None)
        return {**rest, **first, "metadata": metadata}
    metadata[_BEGINNING] = json.dumps(first)
    return {
        **rest,
        "deliver_policy": "by_start_sequence",
        "opt_start_seq": begin,
        "metadata": metadata,
    }
