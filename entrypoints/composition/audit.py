"""Compose what `payments audit` needs."""

import contextlib
from collections.abc import AsyncIterator

from attrs import frozen

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.history_roots import SqlHistoryRoots
from adapters.persistence.sql.order_histories import SqlOrderHistories
from application.ports.history_roots import HistoryRoots
from application.use_cases.export_history import ExportHistory
from entrypoints.settings import Settings


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
