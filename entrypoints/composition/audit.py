"""Compose what `payments audit` and `payments forget` need."""

import contextlib
from collections.abc import AsyncIterator

from attrs import frozen

from adapters.persistence.sql.clock import DatabaseClock
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.history_roots import SqlHistoryRoots
from adapters.persistence.sql.order_histories import SqlOrderHistories
from adapters.persistence.sql.personal_data import SqlPersonalData
from adapters.persistence.sql.unit_of_work import SqlUnitOfWork
from application.acting import current_actor
from application.ports.history_roots import HistoryRoots
from application.retry import RetryOnConflict
from application.use_cases.export_history import ExportHistory
from application.use_cases.forget_user import ForgetUser
from entrypoints.settings import Settings
from entrypoints.trace_context import current_traceparent


@contextlib.asynccontextmanager
async def open_forget_user(settings: Settings) -> AsyncIterator[ForgetUser]:
    """Open what forgets a user; it raises StorageUnavailable without the database."""
    engine = create_engine(settings.database_url, 1, prepared=settings.database_prepared)
    try:
        database = Database(engine)
        clock = DatabaseClock(database)
        await clock.sync()
        retry = RetryOnConflict(
            lambda: SqlUnitOfWork(database, current_traceparent, current_actor, clock)
        )
        yield ForgetUser(retry, SqlPersonalData(database))
    finally:
        await engine.dispose()


@frozen
class Audit:
    """The histories of orders, and the roots over them."""

    export: ExportHistory
    roots: HistoryRoots


@contextlib.asynccontextmanager
async def open_audit(settings: Settings) -> AsyncIterator[Audit]:
    """Open the histories; their methods raise StorageUnavailable without the database."""
    engine = create_engine(settings.database_url, 1, prepared=settings.database_prepared)
    try:
        database = Database(engine)
        roots = SqlHistoryRoots(database)
        yield Audit(ExportHistory(SqlOrderHistories(database), roots), roots)
    finally:
        await engine.dispose()
