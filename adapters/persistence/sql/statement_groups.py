"""Execute the same statement for several callers at once: one round trip and one transaction.

While groups are executed, other callers arrive; those with the same statement are the next group.
So groups grow with the load, and nobody waits while there is none. This is what PostgreSQL does
with commits that wait for the disk at the same time, but for everything that a statement costs:
the messages, the transaction, and the driver.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Any, Final

from attrs import define, field

from adapters.persistence.sql.pool import POOL_SECONDS
from adapters.persistence.sql.statement import Rows, Statement
from application.ports.unit_of_work import StorageUnavailable

Epoch = tuple[int, int]
"""How many connections had been lost before something was read, and opened until then."""

# One is executed while the replies of the other are handled; with more, groups are smaller and
# cost more.
_USUAL_GROUPS: Final = 2

# The second one is started if so many executions wait: one alone is better executed together with
# those that come until the first has ended. With four, 16 customers at once made fewer charges
# (docs/performance.md).
_ENOUGH: Final = 2

# If callers have waited this long, another group is started: the disk is slow, or a lock is held.
_PATIENCE_SECONDS: Final = 0.005

# uvloop's clock counts whole milliseconds: without this, half of the timers would be too early.
_ROUNDING: Final = 0.0005

# Each needs a connection of the pool, which other statements need, too. What is executed alone is
# not counted: it may wait for a locked order until its timeout, and the others must not.
_MAX_GROUPS: Final = 4

# If all of sixteen callers are in one group, they wait for the database, and then it waits for
# them: a quarter fewer charges when measured. So the other half is the next group.
_USUAL_EXECUTIONS: Final = 8

# With 500 callers, groups of eight were the limit, and left a third of a core idle; 64 was no
# better than 32 (docs/performance.md).
_MAX_EXECUTIONS: Final = 32


class NotGrouped(Exception):
    """The connection cannot execute groups."""


@define(eq=False)
class Execution:
    """One execution of a statement, for one caller."""

    parameters: tuple[Any, ...]
    epoch: Epoch | None
    since: float
    """When the caller came, in the event loop's seconds."""
    reply: "asyncio.Future[Rows]"

    def end(self, rows: Rows) -> None:
        """Hand the rows to the caller, if it still waits."""
        if not self.reply.done():
            self.reply.set_result(rows)

    def fail(self, error: Exception) -> None:
        """Raise the error at the caller, if it still waits."""
        if not self.reply.done():
            self.reply.set_exception(error)


@define(eq=False)
class StatementGroups:
    """The executions that wait, by statement; the statement that has waited longest is next."""

    _execute: Callable[[Statement, Sequence[Execution]], Awaitable[None]]
    """Executes a group on one connection, all or none of it, and ends each execution."""
    _execute_alone: Callable[[Statement, Execution], Awaitable[Rows]]
    _waiting: dict[Statement, list[Execution]] = field(factory=dict, init=False)
    _running: "set[asyncio.Task[None]]" = field(factory=set, init=False)
    _grouped: int = field(default=0, init=False)
    """How many groups of several executions are executed now."""
    _is_starting: bool = field(default=False, init=False)
    _timer: asyncio.TimerHandle | None = field(default=None, init=False)

    async def run(
        self, statement: Statement, parameters: tuple[Any, ...], epoch: Epoch | None
    ) -> Rows:
        """Execute a statement together with those that come at the same time.

        Raises:
            StorageUnavailable: no group took it in time.
            Exception: what the statement raises if it is executed alone.
        """
        loop = asyncio.get_running_loop()
        execution = Execution(parameters, epoch, loop.time(), loop.create_future())
        self._waiting.setdefault(statement, []).append(execution)
        if not self._is_starting:
            if self._may_start():
                self._is_starting = True
                loop.call_soon(self._start)  # after everything that is ready now
            else:
                self._limit_wait()
        return await execution.reply

    def _start(self) -> None:
        self._is_starting = False
        while self._may_start():
            self._start_group()
        if self._waiting:
            self._limit_wait()
        elif self._timer is not None:
            self._timer.cancel()  # it would wake the process for nothing
            self._timer = None

    def _may_start(self) -> bool:
        """Whether what waits is executed now, and not together with what comes next."""
        if not self._running:
            return bool(self._waiting)
        if len(self._running) >= _USUAL_GROUPS:
            return False
        return sum(map(len, self._waiting.values())) >= _ENOUGH

    def _start_group(self) -> None:
        # Not in the context of one caller, whose ids would be in the log.
        task = asyncio.get_running_loop().create_task(
            self._run_group(*self._next()), context=Context()
        )
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._start()

    def _next(self) -> tuple[Statement, list[Execution]]:
        statement = next(iter(self._waiting))
        waiting = self._waiting.pop(statement)
        size = min(max(_USUAL_EXECUTIONS, len(waiting) // 2), _MAX_EXECUTIONS)
        group, others = waiting[:size], waiting[size:]
        if others:
            self._waiting[statement] = others  # behind the other statements
        return statement, [each for each in group if not each.reply.done()]

    async def _run_group(self, statement: Statement, group: Sequence[Execution]) -> None:
        if len(group) > 1:
            self._grouped += 1
            try:
                await self._run_together(statement, group)
            finally:
                self._grouped -= 1
        remaining = [each for each in group if not each.reply.done()]
        if len(remaining) == 1:
            await self._end_alone(statement, *remaining)  # without a task of its own
        elif remaining:
            await asyncio.gather(*(self._end_alone(statement, each) for each in remaining))

    async def _run_together(self, statement: Statement, group: Sequence[Execution]) -> None:
        """Execute a group; if one of it may be at fault, leave all of it to be executed alone."""
        try:
            await self._execute(statement, _in_order(statement, group))
        except (StorageUnavailable, TimeoutError) as error:
            for each in group:
                each.fail(error)
        except Exception:
            # Of the server, or of the driver about one value or one row. Alone, only the one at
            # fault fails. What is stored nevertheless is a Conflict: its guard rejects it then.
            return

    async def _end_alone(self, statement: Statement, execution: Execution) -> None:
        try:
            execution.end(await self._execute_alone(statement, execution))
        except Exception as error:
            execution.fail(error)

    def _limit_wait(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_PATIENCE_SECONDS, self._on_time)

    def _on_time(self) -> None:
        """End the executions that have waited too long; help those that have waited long."""
        self._timer = None
        now = asyncio.get_running_loop().time()
        first = [_first_of(each, now - POOL_SECONDS) for each in self._waiting.values()]
        since = [each.since for each in first if each is not None]
        if not since:
            return
        is_late = min(since) <= now - _PATIENCE_SECONDS + _ROUNDING
        if is_late and self._grouped < _MAX_GROUPS:
            self._start_group()
        self._limit_wait()


def _first_of(executions: Sequence[Execution], too_old: float) -> Execution | None:
    """Return the execution that has waited longest; fail those that came too long ago.

    They are in the order in which they came, so most of them are not looked at.
    """
    for each in executions:
        if each.reply.done():
            continue
        if each.since > too_old:
            return each
        each.fail(StorageUnavailable("the database is busy"))
    return None


def _in_order(statement: Statement, group: Sequence[Execution]) -> Sequence[Execution]:
    """Sort a group by what each locks first, so that two groups cannot deadlock."""
    position = statement.lock
    if position is None:
        return group
    return sorted(group, key=lambda each: str(each.parameters[position]))
