"""The streams: existing ones are used unchanged, missing ones are created."""

import asyncio
import logging
from collections.abc import Collection
from datetime import timedelta
from typing import Final

from attrs import frozen
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError

from adapters.messaging.jetstream.connection import JetStreamConnection, as_unavailable
from adapters.messaging.wire import MAX_BYTES
from application.ports.event_publisher import BrokerUnavailable

logger = logging.getLogger(__name__)

REPLICAS: Final = 3
"""Copies in a cluster, so that one server may be lost. A single server stores one copy."""

_NOT_CLUSTERED: Final = 10074
"""JSStreamReplicasNotSupportedErr (nats-server, server/errors.json): a single server was asked for
more than one copy."""

LOOKUP_SECONDS: Final = 10.0
"""The timeout for finding or creating the streams of one plan."""

NO_LIMIT: Final = -1


@frozen
class Plan:
    """The settings of a stream, used only if we create it."""

    name: str
    subjects: tuple[str, ...]
    max_age: timedelta
    """How long messages are kept: longer than any consumer is offline."""
    max_size: int
    """The largest message in bytes, headers included."""
    duplicate_window: timedelta
    """How long the stream keeps message ids: longer than the time until any resend."""
    is_log: bool
    """Whether deleting and purging messages is forbidden."""

    def config(self, name: str, subjects: Collection[str], replicas: int) -> StreamConfig:
        """Return the settings of a stream for these subjects."""
        return StreamConfig(
            name=name,
            subjects=sorted(subjects),
            num_replicas=replicas,
            storage=StorageType.FILE,
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.NEW,
            max_age=self.max_age.total_seconds(),
            max_msg_size=self.max_size,
            duplicate_window=self.duplicate_window.total_seconds(),
            deny_delete=self.is_log,
            deny_purge=self.is_log,
        )


ORDERS: Final = Plan(
    name="ORDERS",
    subjects=("order:created", "order:cancelled"),
    max_age=timedelta(days=14),
    # An event that is too large becomes a dead letter. If the stream rejected it, it would be
    # lost: few publishers check the reply.
    max_size=NO_LIMIT,
    duplicate_window=timedelta(minutes=10),
    is_log=True,
)
PAYMENTS: Final = Plan(
    name="PAYMENTS",
    subjects=("payment:created", "payment:disputed", "payment:failed", "payment:refunded"),
    max_age=timedelta(days=14),
    max_size=MAX_BYTES,
    duplicate_window=timedelta(minutes=10),
    is_log=True,
)
DEAD_LETTERS: Final = Plan(
    name="PAYMENTS_DEAD_LETTERS",
    subjects=("payments.dead-letters.>",),
    # Operators need time to handle them, also during holidays.
    max_age=timedelta(days=90),
    # A dead letter contains an event of any size.
    max_size=NO_LIMIT,
    # Storing a dead letter is repeated if its confirmation was lost, also after a long outage.
    duplicate_window=timedelta(days=1),
    # Operators may delete dead letters that are handled.
    is_log=False,
)
PLANS: Final = (ORDERS, PAYMENTS, DEAD_LETTERS)


class Streams:
    """Finds the stream that contains a subject, and creates missing streams."""

    def __init__(self, connection: JetStreamConnection) -> None:
        self._connection = connection
        self._known: dict[str, str] = {}
        self._lookup = asyncio.Lock()

    def forget(self) -> None:
        """Forget the names found so far, because a stream was deleted or moved."""
        self._known.clear()

    async def find(self, subject: str) -> str | None:
        """Return the name of the stream that contains a subject; None if there is none.

        Raises:
            BrokerUnavailable: the broker cannot be reached.
        """
        jetstream = await self._connection.jetstream()
        with as_unavailable():
            return await _find(jetstream, subject)

    async def ensure(self, plan: Plan) -> dict[str, str]:
        """Return the stream of each subject of the plan; create what is missing.

        Any number of processes may do so at the same time.

        Raises:
            BrokerUnavailable: the broker cannot be reached, or does not create a stream.
        """
        with as_unavailable():
            async with asyncio.timeout(LOOKUP_SECONDS), self._lookup:
                if not self._known.keys() >= set(plan.subjects):
                    jetstream = await self._connection.jetstream()
                    self._known |= await _find_or_create(jetstream, plan)
        return {subject: self._known[subject] for subject in plan.subjects}


async def _find(jetstream: JetStreamContext, subject: str) -> str | None:
    try:
        return await jetstream.find_stream_name_by_subject(subject)
    except NotFoundError:
        return None


async def _find_or_create(jetstream: JetStreamContext, plan: Plan) -> dict[str, str]:
    # A second attempt is needed if another process was faster, a third one with another name if
    # the name belongs to a stream with other subjects.
    for name in (plan.name, plan.name, f"{plan.name}_2"):
        found, missing = await _look_up(jetstream, plan)
        if not missing:
            return found
        await _create(jetstream, plan, name, missing)
    found, missing = await _look_up(jetstream, plan)
    if missing:
        raise BrokerUnavailable(f"no stream for {', '.join(missing)}, and none can be created")
    return found


async def _look_up(
    jetstream: JetStreamContext, plan: Plan
) -> tuple[dict[str, str], Collection[str]]:
    """Return the stream of each subject of the plan, and the subjects without a stream."""
    found = dict[str, str]()
    for subject in plan.subjects:
        stream = await _find(jetstream, subject)
        if stream is not None:
            found[subject] = stream
    return found, [subject for subject in plan.subjects if subject not in found]


async def _create(
    jetstream: JetStreamContext, plan: Plan, name: str, subjects: Collection[str]
) -> None:
    """Create a stream; if the server rejects it, log why."""
    for replicas in (REPLICAS, 1):
        try:
            await jetstream.add_stream(plan.config(name, subjects, replicas))
        except APIError as error:
            if error.err_code == _NOT_CLUSTERED:
                continue
            logger.warning("stream %s was not created: %s", name, error)
        else:
            logger.info("created stream %s for %s", name, ", ".join(subjects))
        return
