"""Run statements, each in a transaction of its own, and translate errors to the port's errors."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import asyncpg
from attrs import field, frozen

from adapters.persistence.sql.engine import connections_of
from adapters.persistence.sql.errors import Fault, fault_of, reason_of, translating_errors
from adapters.persistence.sql.pool import AllInUse, Connection, ConnectionPool, says_read_only
from adapters.persistence.sql.pooler import is_pooled
from adapters.persistence.sql.refusals import Refusals
from adapters.persistence.sql.statement import Rows, Statement
from adapters.persistence.sql.statement_groups import (
    Epoch,
    Execution,
    NotGrouped,
    StatementGroups,
)
from application.ports.unit_of_work import Conflict, StorageUnavailable

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


@frozen
class RowExists(Conflict):
    """A row that should be new exists, so nothing was written."""

    table: str
    reason: str

    def __str__(self) -> str:
        return self.reason


class _ConnectionLost(StorageUnavailable):
    """The connection was lost during a statement, which may have been executed."""


@frozen
class Database:
    """PostgreSQL, through a pool of connections.

    Statements run directly on asyncpg: SQLAlchemy's execution layer would take three times as much
    CPU time as the driver itself, and its pool as much again.
    """

    engine: "AsyncEngine"
    """For what needs transactions of several statements; it has connections of its own."""
    refusals: Refusals = field(factory=Refusals, init=False)
    pool: ConnectionPool = field(init=False)
    _groups: StatementGroups = field(init=False)

    @pool.default
    def _pool_of_engine(self) -> ConnectionPool:
        return connections_of(self.engine)

    @_groups.default
    def _groups_of_statements(self) -> StatementGroups:
        return StatementGroups(self._execute_group, self._execute_alone)

    @property
    def generation(self) -> int:
        """A number that rises whenever a connection was lost, or another copy has answered.

        While it stays the same, the statements have reached the same servers. After a failover or a
        restore it is higher, so what is stored may be older than what was read before.
        """
        return self.pool.lost

    def note_copy(self, copy: str) -> None:
        """Note which copy of the database has answered; another one begins a new generation.

        It may answer before any connection is lost: a pooler leads to another server unseen, and a
        connection that is opened later leads to the server that was promoted meanwhile.
        """
        self.pool.note_copy(copy)

    def epoch_of(self, generation: int) -> Epoch:
        """Return the epoch of what has just been read, and not before this generation."""
        return generation, self.pool.opened

    async def run(self, statement: Statement, **values: Any) -> Rows:
        """Run an idempotent statement; run it again if its connection was lost or it deadlocked.

        Raises:
            StorageUnavailable: the database cannot be reached, or not in time.
        """
        parameters = statement.parameters(values)
        with translating_errors():
            try:
                return await self._execute(statement, parameters)
            except (_ConnectionLost, asyncpg.TransactionRollbackError):
                return await self._execute(statement, parameters)

    async def commit(
        self, statement: Statement, parameters: tuple[Any, ...], epoch: Epoch | None = None
    ) -> Rows:
        """Run a statement that writes everything or nothing; return its rows.

        With an epoch, its guards are as old: it only runs on a connection that was open then, and
        if none was lost since. Another server may have lost what was read, and have the same
        revisions for something else.

        Raises:
            RowExists: a row that should be new exists.
            Conflict: a guard rejected it, the epoch has ended, or its reply was lost.
            StorageUnavailable: the database cannot be reached, or not in time.
        """
        with translating_errors():
            try:
                return await self._execute(statement, parameters, epoch)
            except _ConnectionLost as lost:
                raise Conflict(str(lost)) from lost
            except asyncpg.UniqueViolationError as error:
                raise RowExists(error.table_name or "", reason_of(error)) from error
            except asyncpg.PostgresError as error:
                if fault_of(error) is Fault.CONFLICT:
                    raise Conflict(reason_of(error)) from error
                raise

    async def has_pooler(self) -> bool:
        """Whether a connection pooler does not keep prepared statements.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        connection = await self._acquire()
        self.pool.release(connection)
        return is_pooled(connection.driver)

    def distrust_connections(self) -> None:
        """Replace every connection at its next use: their server is not what it was."""
        self.pool.trusted += 1

    def _execute(
        self, statement: Statement, parameters: tuple[Any, ...], epoch: Epoch | None = None
    ) -> Awaitable[Rows]:
        if statement.number is None or self.pool.is_pooled:
            return self._fetch(statement.text, parameters, epoch)
        return self._groups.run(statement, parameters, epoch)

    async def _fetch(self, text: str, parameters: tuple[Any, ...], epoch: Epoch | None) -> Rows:
        async def fetch(connection: Connection) -> Rows:
            self._check_epoch(epoch, connection)
            return await connection.driver.fetch(text, *parameters)

        return await self._on_connection(fetch)

    async def _execute_alone(self, statement: Statement, execution: Execution) -> Rows:
        return await self._fetch(statement.text, execution.parameters, execution.epoch)

    async def _execute_group(self, statement: Statement, group: Sequence[Execution]) -> None:
        async def fetch(connection: Connection) -> Rows:
            if is_pooled(connection.driver):
                raise NotGrouped
            parameters = []
            for number, each in enumerate(group):
                try:
                    self._check_epoch(each.epoch, connection)
                except Conflict as conflict:
                    each.fail(conflict)
                else:
                    parameters.append(statement.in_group(each.parameters, number))
            return await connection.driver.fetchmany(statement.text, parameters)

        rows_of: list[list[tuple[Any, ...]]] = [[] for _ in group]
        for row in await self._on_connection(fetch):
            rows_of[row[-1]].append(row)
        for each, rows in zip(group, rows_of, strict=True):
            each.end(rows)

    async def _on_connection(self, execute: Callable[[Connection], Awaitable[Rows]]) -> Rows:
        connection = await self._acquire()
        driver, is_usable = connection.driver, False
        try:
            rows = await execute(connection)
            is_usable = True
        except (Conflict, NotGrouped):
            is_usable = True  # nothing was sent
            raise
        except Exception as error:
            self.refusals.note(error)
            fault = fault_of(error)
            if driver.is_closed() or fault is Fault.LOST:
                raise _ConnectionLost(reason_of(error)) from error
            if fault is Fault.READ_ONLY or isinstance(error, TimeoutError):
                # After a failover. A server that does not reply may be frozen, and then each
                # of its connections would cost another caller the same time.
                self.distrust_connections()
            # After another error, or a cancellation, the reply may still arrive.
            is_usable = isinstance(error, (asyncpg.PostgresError, asyncpg.InterfaceError))
            raise
        finally:
            if is_usable:
                self.pool.release(connection)
            else:
                self.pool.discard(connection)
        if says_read_only(driver) and not connection.is_read_only:
            # It was the primary when this connection opened: what it returns is outdated.
            self.distrust_connections()
            raise _ConnectionLost("the server has become read-only")
        return rows

    def _check_epoch(self, epoch: Epoch | None, connection: Connection) -> None:
        """Raise Conflict unless the connection leads to the server that was read."""
        if epoch is None:
            return
        lost, opened = epoch
        if self.pool.lost != lost or connection.number > opened:
            raise Conflict("connections were lost or opened since it was read")

    async def _acquire(self) -> Connection:
        try:
            return await self.pool.acquire()
        except AllInUse:
            raise StorageUnavailable("all connections are in use") from None
        except Exception as error:
            self.refusals.note(error)
            raise StorageUnavailable(reason_of(error)) from error
