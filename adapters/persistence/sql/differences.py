"""Differences in a table; each method is one statement for each difference."""

from collections.abc import Sequence
from typing import Final

from attrs import frozen
from sqlalchemy import Boolean, DateTime, Text, bindparam, case, func, null, update
from sqlalchemy.dialects.postgresql import insert

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.tables import differences
from application.ports.differences import MAX_VALUE, ComparedPeriod, Difference

_MOMENT: Final = DateTime(timezone=True)
_TEXTS: Final = ("order_id", "payment_id", "charge_id", "refund_id", "ours", "theirs", "reason")
_KEY: Final = ("gateway", "livemode", "kind", "subject")

_REPAIRED: Final = bindparam("repaired", type_=Boolean)
_NEW: Final = insert(differences).values(
    gateway=bindparam("gateway", type_=Text),
    livemode=bindparam("livemode", type_=Boolean),
    kind=bindparam("kind", type_=Text),
    subject=bindparam("subject", type_=Text),
    at=bindparam("at", type_=_MOMENT),
    repaired=_REPAIRED,
    found_at=func.now(),
    seen_at=func.now(),
    resolved_at=case((_REPAIRED, func.now()), else_=null()),
    **{name: bindparam(name, type_=Text) for name in _TEXTS},
)
_RECORD: Final = Statement.of(
    _NEW.on_conflict_do_update(
        index_elements=[differences.c[name] for name in _KEY],
        set_={
            **{name: _NEW.excluded[name] for name in (*_TEXTS, "at", "repaired", "seen_at")},
            "found_at": case(
                (differences.c.resolved_at.is_(None), differences.c.found_at),
                else_=_NEW.excluded.found_at,
            ),
            "resolved_at": _NEW.excluded.resolved_at,
        },
    )
)
_UNTIL: Final = bindparam("until", type_=_MOMENT)
_RESOLVE: Final = Statement.of(
    update(differences)
    .where(
        differences.c.gateway == bindparam("gateway", type_=Text),
        differences.c.livemode == bindparam("livemode", type_=Boolean),
        differences.c.resolved_at.is_(None),
        differences.c.at >= bindparam("since", type_=_MOMENT),
        differences.c.at < _UNTIL,
        differences.c.seen_at < func.least(bindparam("began_at", type_=_MOMENT), _UNTIL),
    )
    .values(resolved_at=func.now())
    .returning(differences.c.subject)
)


@frozen
class SqlDifferences:
    """Stores differences on PostgreSQL."""

    _database: Database

    async def record(self, found: Sequence[Difference]) -> None:
        for each in found:
            texts = {name: _storable(getattr(each, name)) for name in _TEXTS}
            await self._database.run(
                _RECORD,
                gateway=each.gateway,
                livemode=each.livemode,
                kind=each.kind.value,
                subject=each.subject,
                at=each.at,
                repaired=each.repaired,
                **texts,
            )

    async def resolve(self, compared: ComparedPeriod) -> int:
        resolved = await self._database.run(
            _RESOLVE,
            gateway=compared.gateway,
            livemode=compared.livemode,
            since=compared.since,
            until=compared.until,
            began_at=compared.began_at,
        )
        return len(resolved)


def _storable(value: str | None) -> str | None:
    return None if value is None else value.replace("\0", "")[:MAX_VALUE]
