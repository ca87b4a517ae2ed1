"""The relay is notified if it sleeps and can be reached; otherwise it polls."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select, text

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.outbox_signal import SqlOutboxSignal
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.tables import relay
from tests.checkpoints import TIMEOUT
from tests.contracts.outbox_queue import failure
from tests.contracts.storages import Storage, storage_on

SLEEPING = Statement.of(select(relay.c.id).where(relay.c.sleeps_until.is_not(None)))

OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
FIND_OTHERS = Statement.of(text(f"SELECT pid {OTHERS}"))
END_OTHERS = Statement.of(text(f"SELECT pg_terminate_backend(pid) {OTHERS}"))


@pytest.fixture
async def signal(database_url: str) -> AsyncIterator[SqlOutboxSignal]:
    """Yield a signal that listens, and does not listen again if its connection is lost."""
    signal = SqlOutboxSignal.on(database_url, "auto")
    signal._retry_seconds = 3600
    async with asyncio.timeout(TIMEOUT):
        await signal.wait()
    yield signal
    await signal.close()


@pytest.fixture
def storage(sql: Database, signal: SqlOutboxSignal) -> Storage:
    """Return the storage of a process with this signal."""
    return storage_on(sql, signal)


async def test_a_relay_that_has_found_events_asks_for_no_notification(
    storage: Storage, sql: Database
) -> None:
    await storage.add(failure(0))
    assert await storage.unsent() == [failure(0)]
    assert not await sql.run(SLEEPING)
    await storage.outbox.mark_sent([failure(0).id])
    assert await storage.unsent() == []
    assert await sql.run(SLEEPING)


async def test_while_its_connection_is_lost_it_asks_for_no_notification(
    storage: Storage, sql: Database, signal: SqlOutboxSignal
) -> None:
    async with asyncio.timeout(TIMEOUT):
        await sql.run(END_OTHERS)
        while signal.is_listening:
            await sql.run(FIND_OTHERS)
    assert await storage.unsent() == []
    assert not await sql.run(SLEEPING)


async def test_a_signal_whose_connection_is_lost_listens_again(
    storage: Storage, sql: Database, signal: SqlOutboxSignal
) -> None:
    signal._retry_seconds = 0
    async with asyncio.timeout(TIMEOUT):
        await sql.run(END_OTHERS)
        await signal.wait()
        assert signal.is_listening
        assert await storage.unsent() == []
        await storage.add(failure(0))
        await signal.wait()


async def test_without_a_database_it_waits_and_can_be_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    signal = SqlOutboxSignal.on("postgresql://nobody@127.0.0.1:1/none", "auto")
    waiting = asyncio.create_task(signal.wait())
    async with asyncio.timeout(TIMEOUT):
        while "the relay polls" not in caplog.text:  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0.01)
    assert not waiting.done()
    waiting.cancel()
    await signal.close()
    assert not signal.is_listening
