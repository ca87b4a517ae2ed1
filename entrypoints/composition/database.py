"""Compose the database, with spans of its statements if they are recorded."""

import os
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.database_url import DatabaseUrl
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.observed_database import ObservedDatabase, Query
from entrypoints.settings import Settings

if TYPE_CHECKING:
    from entrypoints.tracing.spans import Attributes
    from entrypoints.tracing.tracing import Tracing


def database_of(settings: Settings, tracing: "Tracing | None") -> Database:
    """Return the database of the settings; no connection is opened yet."""
    engine = create_engine(
        settings.database_url, settings.database_pool, prepared=settings.database_prepared
    )
    if tracing is None:
        return Database(engine)
    server = _server(DatabaseUrl.parse(settings.database_url, os.environ))

    def observe(query: Query, *, commits: bool) -> AbstractContextManager[object]:
        return tracing.statement(server, query.summary, query.operation, commits=commits)

    return ObservedDatabase(engine, observe=observe)


def _server(url: DatabaseUrl) -> "Attributes":
    """Return the server's attributes; of several hosts, any may be the one that is used."""
    attributes: Attributes = {"db.namespace": url.database}
    if len(url.hosts) == 1:
        [host] = url.hosts
        attributes["server.address"] = host.name
        if not host.is_socket:
            attributes["server.port"] = host.port
    return attributes
