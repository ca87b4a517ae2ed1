"""Run a decision until it commits: optimistic concurrency in one place."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from attrs import frozen

from application.ports.unit_of_work import (
    BeginUnitOfWork,
    Conflict,
    StorageUnavailable,
    UnitOfWork,
)

Decided = TypeVar("Decided")

# Each conflict means that somebody else got through, and a bill is written some five times in its
# life; so many in a row only happen when commit replies are lost again and again.
MOST_TRIES: Final = 20


@frozen
class Decide:
    """Read, decide, commit; and again on what is there now, if somebody was faster."""

    begin: BeginUnitOfWork

    async def __call__(self, decision: Callable[[UnitOfWork], Awaitable[Decided]]) -> Decided:
        """Run the decision, which must have no side effects and bear repeating.

        Raises:
            StorageUnavailable: the database cannot be reached, or never let us through.
        """
        for _ in range(MOST_TRIES):
            work = self.begin()
            decided = await decision(work)
            try:
                await work.commit()
            except Conflict:
                continue
            return decided
        raise StorageUnavailable(f"no commit in {MOST_TRIES} tries")
