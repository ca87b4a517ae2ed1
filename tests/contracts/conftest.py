"""PostgreSQL for the contracts of what is kept in it."""

from collections.abc import AsyncIterator

import pytest

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine


@pytest.fixture
async def sql(database_url: str) -> AsyncIterator[Database]:
    """A database with our schema and nothing in it."""
    engine = create_engine(database_url)
    yield Database(engine)
    await engine.dispose()
