"""The database's clock."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from adapters.persistence.sql.clock import DatabaseClock
from adapters.persistence.sql.database import Database, Statement
from application.ports.unit_of_work import StorageUnavailable
from tests.tcp_proxy import TcpProxy

THEIRS = Statement.of(select(func.clock_timestamp()))


async def test_it_does_not_guess_before_it_was_synced(sql: Database) -> None:
    with pytest.raises(StorageUnavailable):
        DatabaseClock(sql)()


async def test_it_tells_the_time_of_the_database(sql: Database) -> None:
    clock = DatabaseClock(sql)
    await clock.sync()
    [(before,)] = await sql.run(THEIRS)
    now = clock()
    [(after,)] = await sql.run(THEIRS)
    # It may be off by half of the quickest of its round trips.
    margin = timedelta(seconds=1)
    assert before - margin <= now <= after + margin
    assert now.utcoffset() == timedelta(0)


async def test_it_goes_on_when_it_cannot_be_synced(proxied: Database, proxy: TcpProxy) -> None:
    clock = DatabaseClock(proxied)
    await clock.sync()
    first = clock()
    proxy.refuse()
    with pytest.raises(StorageUnavailable):
        await clock.sync()
    assert clock() >= first
