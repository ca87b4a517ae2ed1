"""DatabaseFaults: the faults between a process and the database."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from attrs import define, field

from application.ports.unit_of_work import Conflict, StorageUnavailable
from payments_kit.simulation.faults import FaultInjector, FaultKind
from payments_kit.simulation.loop import SimulatedLoop
from payments_kit.simulation.round_trip import RoundTrip

_SLOWEST: Final = 61.0
"""At the edge of a limit: longer than every lease of a payment, a refund or a request."""

_OF_COMMITS: Final = ("commit", "committed")
_OF_READS: Final = (FaultKind.DATABASE_SLOW, FaultKind.CONNECTION_GONE)


@define
class DatabaseFaults:
    """Raises the errors of the port at the steps of the in-memory database."""

    loop: SimulatedLoop
    injector: FaultInjector
    round_trip: RoundTrip
    before_commit: Callable[[], None] = lambda: None
    """Called when a commit is certain to reach the database."""
    down_until: float = 0.0

    _reads_may_fail: bool = field(init=False)
    """Whether any fault of a statement that only reads is possible: most statements only read."""

    @_reads_may_fail.default
    def _a_read_may_fail(self) -> bool:
        return any(map(self.injector.is_possible, _OF_READS))

    def go_down(self, seconds: float) -> None:
        """Refuse every statement for a while."""
        self.down_until = max(self.down_until, self.loop.seconds + seconds)

    def step(self, step: str) -> Awaitable[None]:
        """Wait for a round trip, which may fail.

        Raises:
            StorageUnavailable: the statement failed, or was committed and the reply is lost.
            Conflict: another transaction was faster, or the reply to a commit is lost.
        """
        if self._reads_may_fail or step in _OF_COMMITS or self.loop.seconds < self.down_until:
            return self._step(step)
        return self.round_trip()

    async def _step(self, step: str) -> None:
        occurs = self.injector.occurs
        if self.loop.seconds < self.down_until:
            await self.round_trip()
            raise StorageUnavailable("the database is down")
        if occurs(FaultKind.DATABASE_SLOW):
            seconds = 10 ** self.injector.uniform(FaultKind.DATABASE_SLOW, -1.0, 1.5)
            await asyncio.sleep(self.injector.edges.of(seconds, _SLOWEST))
        await self.round_trip()
        if step == "committed":
            if occurs(FaultKind.COMMIT_REPLY_LOST):
                raise Conflict("the reply was lost")
            if occurs(FaultKind.COMMITTED_THEN_GONE):
                raise StorageUnavailable("connection lost")
            return
        if step == "commit" and occurs(FaultKind.SERIALIZATION_FAILURE):
            raise Conflict("could not serialize access")
        if occurs(FaultKind.CONNECTION_GONE):
            raise StorageUnavailable("connection lost")
        if step == "commit":
            self.before_commit()
