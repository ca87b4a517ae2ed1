"""The identity of the database and its marks, on PostgreSQL."""

import uuid
from datetime import datetime

from attrs import define
from sqlalchemy import Boolean, DateTime, Text, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.database_copy import ANSWERING_COPY
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.tables import database_identity, gateway_marks
from application.ports.books import Comparison

_IDENTITY = Statement.of(select(database_identity.c.identity))

_NEW = insert(gateway_marks).values(
    gateway=bindparam("gateway", type_=Text),
    livemode=bindparam("livemode", type_=Boolean),
    comparison=bindparam("comparison_id", type_=Text),
)
_BEGIN = Statement.of(
    _NEW.on_conflict_do_update(
        index_elements=[gateway_marks.c.gateway, gateway_marks.c.livemode],
        set_={"comparison": _NEW.excluded.comparison},
    ).returning(gateway_marks.c.complete_until, ANSWERING_COPY)
)

# If the commit that began the comparison was lost, its id is not there any more.
_ADVANCE = Statement.of(
    update(gateway_marks)
    .where(
        gateway_marks.c.gateway == bindparam("gateway", type_=Text),
        gateway_marks.c.livemode == bindparam("livemode", type_=Boolean),
        gateway_marks.c.comparison == bindparam("comparison_id", type_=Text),
    )
    .values(complete_until=bindparam("mark", type_=DateTime(timezone=True)))
    .returning(gateway_marks.c.gateway)
)


@define
class SqlBooks:
    """One row for the identity, and one for each gateway and mode."""

    _database: Database
    _identity: str | None = None

    @property
    def generation(self) -> int:
        return self._database.generation

    async def identity(self) -> str:
        if self._identity is None:
            [(self._identity,)] = await self._database.run(_IDENTITY)
        return self._identity

    async def begin(self, gateway: str, livemode: bool) -> Comparison:
        comparison_id = uuid.uuid4().hex
        [(mark, copy)] = await self._database.run(
            _BEGIN, gateway=gateway, livemode=livemode, comparison_id=comparison_id
        )
        self._database.note_copy(copy)
        return Comparison(gateway, livemode, comparison_id, mark)

    async def advance(self, comparison: Comparison, mark: datetime) -> bool:
        advanced = await self._database.run(
            _ADVANCE,
            gateway=comparison.gateway,
            livemode=comparison.livemode,
            comparison_id=comparison.id,
            mark=mark,
        )
        return bool(advanced)
