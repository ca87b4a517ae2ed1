"""The streams: existing ones are used unchanged, missing ones are created."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from typing import Final

from adapters.messaging.jetstream.api import STREAM_NOT_FOUND, ApiRefusal, ApiReply, StreamInfo
from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.explain import as_unavailable
from adapters.messaging.jetstream.namespace import any_covers
from adapters.messaging.jetstream.plans import DEAD_LETTERS, PLANS, REPLICAS, Plan, Plans
from adapters.messaging.jetstream.suitability import stream_problems
from application.ports.alerts import AlertKind
from application.ports.event_publisher import BrokerUnavailable, BrokerUnsuitable

logger = logging.getLogger(__name__)

_NOT_CLUSTERED: Final = 10074
"""JSStreamReplicasNotSupportedErr (nats-server, server/errors.json): a single server was asked for
more than one copy."""

_OVERLAPS: Final = 10065
"""JSStreamSubjectOverlapErr (nats-server, server/errors.json)."""

LOOKUP_SECONDS: Final = 10.0
"""The timeout for finding or creating the streams of one plan."""


class SubjectMoved(BrokerUnavailable):
    """A stream does not have a subject any more; perhaps another one has it now."""


class _StreamNames(ApiReply):
    streams: list[str] | None = None


def check_stream(stream: StreamInfo, plan: Plan, subjects: Sequence[str]) -> None:
    """Check that an existing stream can be used for these subjects.

    Raises:
        BrokerUnsuitable: it would lose or repeat events.
    """
    problems = stream_problems(
        stream.config,
        subjects,
        publishes=plan.publishes,
        is_archive=plan is DEAD_LETTERS,
    )
    for problem in problems:
        name = stream.config["name"]
        raise BrokerUnsuitable(AlertKind.CONSUMER_UNSUITABLE, name, f"stream {name} {problem}")


def check_subjects(stream: StreamInfo, subjects: Sequence[str]) -> None:
    """Check that a stream found before still has these subjects.

    Raises:
        SubjectMoved: it lacks one of them.
    """
    for subject in subjects:
        if not any_covers(stream.config.get("subjects") or (), subject):
            raise SubjectMoved(f"stream {stream.config['name']} does not have {subject} any more")


class Streams:
    """Finds the stream that contains a subject, and creates missing streams.

    Subjects and plans are given without the prefix of our namespace.
    """

    def __init__(self, connection: JetStreamConnection, plans: Plans = PLANS) -> None:
        self.connection = connection
        self.plans = plans
        self._known: dict[str, str] = {}
        self._lookup = asyncio.Lock()

    def forget(self) -> None:
        """Forget the names found so far, because a stream was deleted or moved."""
        self._known.clear()

    async def find(self, plan: Plan, subject: str) -> StreamInfo | None:
        """Return the stream that contains a subject of a plan; None if there is none.

        Raises:
            BrokerUnavailable: the broker cannot be reached, or does not let us look.
        """
        return await self._find(subject, await self.own(plan))

    async def own(self, plan: Plan) -> StreamInfo | None:
        """Return the stream with the name that we give to a plan's stream."""
        return await self._info(self.connection.namespace.stream(plan.name))

    def is_ours(self, stream: StreamInfo, plan: Plan) -> bool:
        """Whether an earlier release of ours has created the stream, with fewer subjects."""
        subjects = self.connection.namespace.subjects((*plan.subjects, *plan.also))
        return plan.is_created_by_us(stream.config, subjects)

    async def _find(self, subject: str, own: StreamInfo | None) -> StreamInfo | None:
        full = self.connection.namespace.subject(subject)
        # To look at this one first needs fewer permissions.
        if own is not None and any_covers(own.config.get("subjects") or (), full):
            return own
        names = await self.connection.request("STREAM.NAMES", _StreamNames, {"subject": full})
        return await self._info(names.streams[0]) if names.streams else None

    async def ensure(self, plan: Plan) -> dict[str, str]:
        """Return the stream of each subject of the plan; create what is missing.

        Any number of processes may do so at the same time.

        Raises:
            BrokerUnavailable: the broker cannot be reached, or does not create a stream.
            BrokerUnsuitable: an existing stream would lose events, or a permission is missing.
        """
        with as_unavailable():
            async with asyncio.timeout(LOOKUP_SECONDS), self._lookup:
                if not self._known.keys() >= set(plan.subjects):
                    self._known |= await self._find_or_create(plan)
        return {subject: self._known[subject] for subject in plan.subjects}

    async def _info(self, name: str) -> StreamInfo | None:
        try:
            return await self.connection.request(f"STREAM.INFO.{name}", StreamInfo)
        except ApiRefusal as refusal:
            if refusal.err_code != STREAM_NOT_FOUND:
                raise
            return None

    async def _find_or_create(self, plan: Plan) -> dict[str, str]:
        # A second attempt is needed if another process was faster, a third one with another name if
        # the name then belongs to a stream with other settings.
        for _ in range(3):
            found, missing = await self._look_up(plan)
            if not missing:
                return found
            await self._add(plan, missing)
        found, missing = await self._look_up(plan)
        if missing:
            raise BrokerUnavailable(f"no stream for {', '.join(missing)}, and none can be created")
        return found

    async def _look_up(self, plan: Plan) -> tuple[dict[str, str], Collection[str]]:
        """Return the stream of each subject of the plan, and the subjects without a stream."""
        streams, own = dict[str, StreamInfo](), await self.own(plan)
        for subject in plan.subjects:
            found = await self._find_if_permitted(subject, own)
            if found is not None:
                streams[subject] = found
        for subject, stream in streams.items():
            check_stream(stream, plan, [self.connection.namespace.subject(subject)])
        missing = [subject for subject in plan.subjects if subject not in streams]
        return {subject: each.config["name"] for subject, each in streams.items()}, missing

    async def _find_if_permitted(self, subject: str, own: StreamInfo | None) -> StreamInfo | None:
        """Return the stream of a subject; None also if we may not look at the other streams.

        Then we try to create it, which tells whether another stream has the subject.
        """
        try:
            return await self._find(subject, own)
        except BrokerUnsuitable as denial:
            if denial.subject != f"{self.connection.namespace.api}.STREAM.NAMES":
                raise
            return None

    async def _add(self, plan: Plan, missing: Collection[str]) -> None:
        """Store subjects in the stream that an earlier release of ours has created, or a new one.

        Raises:
            BrokerUnsuitable: a permission is missing.
        """
        full = [self.connection.namespace.subject(subject) for subject in missing]
        own = await self.own(plan)
        if own is None:
            full += self.connection.namespace.subjects(await self._without_stream(plan.also))
            await self._create(plan, self.connection.namespace.stream(plan.name), full)
            return
        name, denial = own.config["name"], None
        if self.is_ours(own, plan):
            try:
                if await self._extend(own, full):
                    return
            except BrokerUnsuitable as unsuitable:
                denial = unsuitable
                logger.warning("stream %s lacks %s: %s", name, ", ".join(full), denial)
        try:
            await self._create(plan, f"{name}_2", full)
        except BrokerUnsuitable:
            if denial is None:
                raise
            text = f"stream {name} does not store {', '.join(full)}, and {denial}"
            raise BrokerUnsuitable(denial.kind, denial.subject, text) from denial

    async def _without_stream(self, subjects: Collection[str]) -> list[str]:
        """Return which of these subjects certainly have no stream."""
        try:
            return [each for each in subjects if await self._find(each, None) is None]
        except BrokerUnsuitable:
            return []

    async def _extend(self, stream: StreamInfo, subjects: Collection[str]) -> bool:
        """Add subjects to a stream, and change nothing else; whether the server has done so.

        If several processes do so at the same time, all write the same.

        Raises:
            BrokerUnsuitable: we may not.
        """
        name = stream.config["name"]
        config = stream.config | {"subjects": sorted({*stream.config["subjects"], *subjects})}
        try:
            await self.connection.request(f"STREAM.UPDATE.{name}", ApiReply, config)
        except ApiRefusal as refusal:
            logger.warning("stream %s still lacks %s: %s", name, ", ".join(subjects), refusal)
            return False
        logger.info("added %s to stream %s", ", ".join(subjects), name)
        return True

    async def _create(self, plan: Plan, name: str, full: Sequence[str]) -> None:
        """Create a stream; if the server rejects it, log why."""
        for replicas in (REPLICAS, 1):
            config = plan.config(name, full, replicas).as_dict()
            try:
                await self.connection.request(f"STREAM.CREATE.{name}", ApiReply, config)
            except ApiRefusal as refusal:
                if refusal.err_code == _NOT_CLUSTERED:
                    continue
                if refusal.err_code == _OVERLAPS:
                    await self._find_or_deny(full[0])
                logger.warning("stream %s was not created: %s", name, refusal)
            else:
                logger.info("created stream %s for %s", name, ", ".join(full))
            return

    async def _find_or_deny(self, subject: str) -> None:
        """Look for the stream with a subject, which exists.

        Raises:
            BrokerUnsuitable: we may not.
        """
        await self.connection.request("STREAM.NAMES", _StreamNames, {"subject": subject})
