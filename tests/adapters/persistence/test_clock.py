"""The database's clock."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text

from adapters.persistence.sql import clock as clock_module
from adapters.persistence.sql.clock import DatabaseClock
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.statement import Statement
from application.ports.unit_of_work import StorageUnavailable
from tests.tcp_proxy import TcpProxy

DATABASE_TIME = Statement.of(select(func.clock_timestamp()))


async def test_it_returns_the_time_of_the_database_once_it_is_synced(sql: Database) -> None:
    clock = DatabaseClock(sql)
    with pytest.raises(StorageUnavailable):
        clock()
    await clock.sync()
    [(before,)] = await sql.run(DATABASE_TIME)
    now = clock()
    [(after,)] = await sql.run(DATABASE_TIME)
    # The error is at most half of the fastest round trip.
    margin = timedelta(seconds=1)
    assert before - margin <= now <= after + margin
    assert now.utcoffset() == timedelta(0)


async def test_of_several_readings_the_fastest_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    now, delays = 100.0, iter([2.0, 0.002, 1.0])

    class Far:
        """A database that reads its clock at once, and whose replies take their time."""

        async def run(self, _statement: Statement) -> list[tuple[datetime]]:
            nonlocal now
            read_at = datetime.fromtimestamp(now, UTC)
            now += next(delays)
            return [(read_at,)]

    monkeypatch.setattr(clock_module, "_seconds", lambda: now)
    clock = DatabaseClock(Far(), lambda: now)  # type: ignore[arg-type]
    await clock.sync()
    assert abs(clock() - datetime.fromtimestamp(now, UTC)) <= timedelta(seconds=0.001)


async def test_it_continues_if_it_cannot_be_synced(proxied: Database, proxy: TcpProxy) -> None:
    clock = DatabaseClock(proxied)
    await clock.sync()
    first = clock()
    proxy.refuse()
    with pytest.raises(StorageUnavailable):
        await clock.sync()
    assert clock() >= first


def shifted(by: str) -> Statement:
    return Statement.of(text(f"SELECT clock_timestamp() + interval '{by}'"))


async def test_time_does_not_run_backwards_with_the_databases_clock(sql: Database) -> None:
    clock = DatabaseClock(sql)
    await clock.sync()
    before = clock()
    clock._read = shifted("-10 minutes")
    await clock.sync()
    assert clock() >= before
    assert clock.problem is not None
    assert "went back by 0:10:00" in clock.problem
    clock._read = DATABASE_TIME
    await clock.sync()
    assert clock.problem is None


async def test_a_database_whose_clock_was_corrected_is_followed(sql: Database) -> None:
    clock = DatabaseClock(sql, read=shifted("10 minutes"))
    await clock.sync()
    wrong = clock()
    clock._read = DATABASE_TIME
    await clock.sync()
    assert clock() < wrong
    assert clock.problem is None
