"""RetryOnConflict: optimistic concurrency in one place."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from attrs import frozen

from application.ports.unit_of_work import (
    BeginUnitOfWork,
    Conflict,
    StorageUnavailable,
    UnitOfWork,
)

Result = TypeVar("Result")

# A conflict means that another writer has committed, and an order is written about five times in
# its life. This many in a row only happen if commit replies are lost again and again.
MAX_ATTEMPTS: Final = 20


@frozen
class RetryOnConflict:
    """Read, decide and commit; after a conflict, again on what is stored now."""

    begin: BeginUnitOfWork

    async def __call__(
        self,
        decision: Callable[[UnitOfWork], Awaitable[Result]],
        first: UnitOfWork | None = None,
    ) -> Result:
        """Run the decision until it commits. It must have no side effects and be repeatable.

        Args:
            decision: reads and changes orders.
            first: the unit of work of the first attempt, which continues another one.

        Raises:
            StorageUnavailable: the database cannot be reached, or every attempt had a conflict.
        """
        for attempt in range(MAX_ATTEMPTS):
            work = first if first is not None and attempt == 0 else self.begin()
            result = await decision(work)
            try:
                await work.commit()
            except Conflict:
                continue
            return result
        raise StorageUnavailable(f"no commit in {MAX_ATTEMPTS} attempts")
