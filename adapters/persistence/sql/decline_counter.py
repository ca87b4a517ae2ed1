"""Record declines by source, by the database's clock."""

from collections.abc import Collection
from typing import Final

from attrs import frozen
from sqlalchemy import Text, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.tables import declines

_SOURCES: Final = bindparam("sources", type_=ARRAY(Text))

_ADD: Final = Statement.of(insert(declines).from_select(["source"], select(func.unnest(_SOURCES))))


@frozen
class SqlDeclineCounter:
    """A decline counter that adds in one statement; `charge_reading` counts."""

    _database: Database

    async def add(self, sources: Collection[str]) -> None:
        await self._database.run(_ADD, sources=list(sources))
