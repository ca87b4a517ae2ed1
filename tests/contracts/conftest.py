"""The storages and brokers on which the contract suites run."""

from collections.abc import AsyncIterator

import pytest

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.outbox_signal import SqlOutboxSignal
from tests.contracts.brokers import Broker, broker_in_memory, broker_on_jetstream
from tests.contracts.storages import Storage, storage_in_memory, storage_on


@pytest.fixture
async def sql(database_url: str) -> AsyncIterator[Database]:
    """Yield an empty database with our schema."""
    engine = create_engine(f"{database_url}?connect_timeout=60")  # on a busy machine
    yield Database(engine)
    await engine.dispose()


@pytest.fixture
async def signal(database_url: str) -> AsyncIterator[SqlOutboxSignal]:
    """Yield the signal of that database."""
    signal = SqlOutboxSignal.on(database_url, "auto")
    yield signal
    await signal.close()


@pytest.fixture(params=["in memory", "on PostgreSQL"])
def storage(request: pytest.FixtureRequest) -> Storage:
    """Return each of the storages."""
    if request.param == "in memory":
        return storage_in_memory()
    return storage_on(request.getfixturevalue("sql"), request.getfixturevalue("signal"))


@pytest.fixture(params=["in memory", "on JetStream"])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    """Yield each of the brokers."""
    if request.param == "in memory":
        yield broker_in_memory()
    else:
        async with broker_on_jetstream(request.getfixturevalue("nats_url")) as broker:
            yield broker
