"""Where the database is, and how statements reach it."""

from typing import Literal, get_args

from attrs import field, frozen

from entrypoints.settings import parsers
from entrypoints.settings.parsers import whole_number
from entrypoints.settings.variable import REQUIRED, declare

Prepared = Literal["auto", "on", "off"]


def _parse_database_url(value: str) -> str:
    """Accept the URL of a PostgreSQL database.

    Its adapter reads the rest: a list of hosts and a unix socket are no ordinary URL.
    """
    if not parsers.text(value).startswith(
        ("postgresql://", "postgres://", "postgresql+asyncpg://")
    ):
        raise ValueError("is not a PostgreSQL URL (postgresql:// or postgres://…)")
    return value


def _parse_prepared(value: str) -> Prepared:
    """Accept whether statements are prepared under names."""
    known: tuple[Prepared, ...] = get_args(Prepared)
    for each in known:
        if value == each:
            return each
    raise ValueError(f"must be one of {', '.join(known)}")


@frozen(kw_only=True, slots=False)
class DatabaseSettings:
    """Where the database is, and how statements reach it."""

    database_url: str = field(
        repr=False,
        metadata=declare(
            "DATABASE_URL",
            _parse_database_url,
            "`postgresql://user:pass@host/db`, or [any other form](docs/database.md) of libpq",
            default=REQUIRED,
            is_secret=True,
        ),
    )
    # Ten processes fit into PostgreSQL's default max_connections of 100, and a connection is busy
    # for one statement at a time only.
    database_pool: int = field(
        default=10,
        metadata=declare(
            "DATABASE_POOL",
            whole_number(1, 1000),
            "connections of one process; there is one more for `/health/ready`, and one for"
            " notifications in a worker",
        ),
    )
    database_prepared: Prepared = field(
        default="auto",
        metadata=declare(
            "DATABASE_PREPARED",
            _parse_prepared,
            "`off` behind a connection pooler that does not keep prepared statements, `on` behind"
            " one in session mode; `auto` detects it",
        ),
    )
