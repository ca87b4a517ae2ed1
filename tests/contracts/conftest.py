"""PostgreSQL for the contract suites of the storage ports."""

from collections.abc import AsyncIterator

import pytest

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine


@pytest.fixture
async def sql(database_url: str) -> AsyncIterator[Database]:
    """Yield an empty database with our schema."""
    engine = create_engine(database_url)
    yield Database(engine)
    await engine.dispose()
