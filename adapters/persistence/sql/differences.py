"""Differences in a table; each method is one statement for each difference."""

from collections.abc import Sequence
from typing import Any, Final

from attrs import asdict, frozen
from sqlalchemy import (
    Boolean,
    DateTime,
    Integer,
    Text,
    bindparam,
    case,
    func,
    null,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.tables import differences
from application.ports.differences import (
    MAX_VALUE,
    ComparedPeriod,
    Difference,
    DifferenceKind,
    OpenDifference,
    PlaceOfDifference,
)

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


_ORDER: Final = differences.c["found_at", "gateway", "livemode", "kind", "subject"]
_LISTED: Final = (
    select(*differences.c["kind", "gateway", "livemode", "subject", "at"])
    .add_columns(*differences.c["order_id", "payment_id", "charge_id", "refund_id"])
    .add_columns(*differences.c["ours", "theirs", "repaired", "reason", "found_at", "seen_at"])
    .where(differences.c.resolved_at.is_(None))
    .order_by(*_ORDER)
    .limit(bindparam("most", type_=Integer))
)
_LIST: Final = Statement.of(_LISTED)
_LIST_AFTER: Final = Statement.of(
    _LISTED.where(
        tuple_(*_ORDER) > tuple_(*(bindparam(each.key, type_=each.type) for each in _ORDER))
    )
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

    async def list_open(
        self, limit: int, after: PlaceOfDifference | None = None
    ) -> Sequence[OpenDifference]:
        place = {} if after is None else {**asdict(after), "kind": after.kind.value}
        rows = await self._database.run(
            _LIST if after is None else _LIST_AFTER, most=limit, **place
        )
        return [_open(*row) for row in rows]

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


def _open(kind: str, *values: Any) -> OpenDifference:
    *found, found_at, seen_at = values
    return OpenDifference(Difference(DifferenceKind(kind), *found), found_at, seen_at)


def _storable(value: str | None) -> str | None:
    return None if value is None else value.replace("\0", "")[:MAX_VALUE]
