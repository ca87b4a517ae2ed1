"""The streams: those that exist are used as they are, missing ones are created."""

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
"""What a cluster is asked for: one server may be lost. A single server keeps one copy."""

_NOT_CLUSTERED: Final = 10074
"""JSStreamReplicasNotSupportedErr (nats-server, server/errors.json): more than one copy was asked
of a server that stands alone."""

LOOK_SECONDS: Final = 10.0
"""For finding or creating the streams of one plan, however many wait for it."""

NO_LIMIT: Final = -1


@frozen
class Plan:
    """A stream as we create it if nobody has."""

    name: str
    subjects: tuple[str, ...]
    max_age: timedelta
    """The services that read are never away for as long."""
    largest: int
    """Bytes of a message, headers included."""
    duplicate_window: timedelta
    """How long ids are remembered: longer than any resend takes to follow."""
    is_log: bool
    """Whether nothing may ever be taken out of it."""

    def config(self, name: str, subjects: Collection[str], replicas: int) -> StreamConfig:
        """Its settings, for so much of it as is missing."""
        return StreamConfig(
            name=name,
            subjects=sorted(subjects),
            num_replicas=replicas,
            storage=StorageType.FILE,
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.NEW,
            max_age=self.max_age.total_seconds(),
            max_msg_size=self.largest,
            duplicate_window=self.duplicate_window.total_seconds(),
            deny_delete=self.is_log,
            deny_purge=self.is_log,
        )


ORDERS: Final = Plan(
    name="ORDERS",
    subjects=("order:created", "order:cancelled"),
    max_age=timedelta(days=14),
    # An event that is too large becomes a dead letter. Were it refused here, it would be lost:
    # hardly a publisher looks at the reply.
    largest=NO_LIMIT,
    duplicate_window=timedelta(minutes=10),
    is_log=True,
)
PAYMENTS: Final = Plan(
    name="PAYMENTS",
    subjects=("payment:created", "payment:disputed", "payment:failed", "payment:refunded"),
    max_age=timedelta(days=14),
    largest=MAX_BYTES,
    duplicate_window=timedelta(minutes=10),
    is_log=True,
)
DEAD_LETTERS: Final = Plan(
    name="PAYMENTS_DEAD_LETTERS",
    subjects=("payments.dead-letters.>",),
    # Somebody has to look at them, and may be on holiday.
    max_age=timedelta(days=90),
    # A letter holds an event of any size.
    largest=NO_LIMIT,
    # A burial whose end was not heard is repeated after an outage, however long.
    duplicate_window=timedelta(days=1),
    # The operator may delete what is dealt with.
    is_log=False,
)
PLANS: Final = (ORDERS, PAYMENTS, DEAD_LETTERS)


class Streams:
    """Which stream holds a subject."""

    def __init__(self, connection: JetStreamConnection) -> None:
        self._connection = connection
        self._known: dict[str, str] = {}
        self._looking = asyncio.Lock()

    def forget(self) -> None:
        """Look again: a stream is not where it was."""
        self._known.clear()

    async def find(self, subject: str) -> str | None:
        """The name of the stream that holds a subject; None if there is none.

        Raises:
            BrokerUnavailable: it could not be asked.
        """
        jetstream = await self._connection.jetstream()
        with as_unavailable():
            return await _find(jetstream, subject)

    async def holding(self, plan: Plan) -> dict[str, str]:
        """The names of the streams that hold the plan's subjects; what is missing is created.

        Any number of replicas may do so at once.

        Raises:
            BrokerUnavailable: they could not be asked, or not be created.
        """
        with as_unavailable():
            async with asyncio.timeout(LOOK_SECONDS), self._looking:
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
    # The second try follows when another replica was faster, the third when a stream of another
    # kind bears the name.
    for name in (plan.name, plan.name, f"{plan.name}_2"):
        found, missing = await _look_up(jetstream, plan)
        if not missing:
            return found
        await _create(jetstream, plan, name, missing)
    found, missing = await _look_up(jetstream, plan)
    if missing:
        raise BrokerUnavailable(f"no stream holds {', '.join(missing)}, and none can be created")
    return found


async def _look_up(
    jetstream: JetStreamContext, plan: Plan
) -> tuple[dict[str, str], Collection[str]]:
    """The streams that hold the plan's subjects, and the subjects that none holds."""
    found = dict[str, str]()
    for subject in plan.subjects:
        stream = await _find(jetstream, subject)
        if stream is not None:
            found[subject] = stream
    return found, [subject for subject in plan.subjects if subject not in found]


async def _create(
    jetstream: JetStreamContext, plan: Plan, name: str, subjects: Collection[str]
) -> None:
    """Create a stream, if the server lets us."""
    for replicas in (REPLICAS, 1):
        try:
            await jetstream.add_stream(plan.config(name, subjects, replicas))
        except APIError as refusal:
            if refusal.err_code == _NOT_CLUSTERED:
                continue
            logger.warning("stream %s was not created: %s", name, refusal)
        else:
            logger.info("created stream %s for %s", name, ", ".join(subjects))
        return
