"""Database URLs in the forms that people and hosting providers use."""

import logging
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.statement import Statement

APPLICATION_NAME = Statement.of(
    text("SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()")
)


@pytest.mark.parametrize(
    ("scheme", "query"),
    [
        ("postgresql", ""),
        ("postgres", "sslmode=disable"),
        ("postgresql+asyncpg", "sslmode=prefer&connect_timeout=10&channel_binding=prefer"),
        ("postgresql", "keepalives=1&keepalives_idle=30&target_session_attrs=any"),
    ],
)
async def test_every_form_of_a_url_is_accepted(database_url: str, scheme: str, query: str) -> None:
    engine = create_engine(urlsplit(database_url)._replace(scheme=scheme, query=query).geturl())
    assert await Database(engine).run(APPLICATION_NAME) == [("payments",)]
    await engine.dispose()


def test_an_engine_shows_no_password() -> None:
    engine = create_engine("postgresql://payments:secret@localhost/payments")
    assert "secret" not in f"{engine!r} {engine.url!r} {engine.pool!r}"


async def test_closing_an_engine_writes_nothing_to_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    await create_engine("postgresql://payments:secret@localhost/payments").dispose()
    assert caplog.messages == []
