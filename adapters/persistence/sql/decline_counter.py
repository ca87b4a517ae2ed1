"""Count declines by source, by the database's clock."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final

from attrs import frozen
from sqlalchemy import Interval, Text, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from adapters.persistence.sql.database import Database, Statement
from adapters.persistence.sql.tables import declines

_SOURCES: Final = bindparam("sources", type_=ARRAY(Text))

_COUNT: Final = Statement.of(
    select(declines.c.source, func.count())
    .where(
        declines.c.source == func.any(_SOURCES),
        declines.c.at > func.now() - bindparam("window", type_=Interval),
    )
    .group_by(declines.c.source)
)

_ADD: Final = Statement.of(insert(declines).from_select(["source"], select(func.unnest(_SOURCES))))


@frozen
class SqlDeclineCounter:
    """A decline counter in which each method is one statement."""

    _database: Database

    async def count(self, sources: Collection[str], window: timedelta) -> Mapping[str, int]:
        rows = await self._database.run(_COUNT, sources=list(sources), window=window)
        return dict.fromkeys(sources, 0) | dict(rows)

    async def add(self, sources: Collection[str]) -> None:
        await self._database.run(_ADD, sources=list(sources))
