"""The fake gateway's records of release 1.0.0rc1, which had other names."""

import json
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_OLD_TABLE: Final = text("select to_regclass('fake_gateway.dossiers')")
_OLD_RECORDS: Final = text("select payment_id, cast(dossier as text) from fake_gateway.dossiers")
_COPY: Final = text(
    "insert into fake_gateway.records values (:payment_id, cast(:record as jsonb))"
    " on conflict do nothing"
)
_RENAMED: Final = {
    "given": "refunds",
    "minor": "minor_units",
    "name": "id",
    "refund_waits": "refund_is_pending",
    "remembered": "replies",
    "slip": "mischarge",
}


async def copy_old_records(connection: AsyncConnection) -> None:
    """Copy the records that have no new name yet.

    The old table stays, for processes of the old version; what they add to it is copied when the
    next process of the new version starts.
    """
    if (await connection.execute(_OLD_TABLE)).scalar_one() is None:
        return
    for payment_id, old in (await connection.execute(_OLD_RECORDS)).all():
        record = json.dumps(json.loads(old, object_hook=_rename))
        await connection.execute(_COPY, {"payment_id": payment_id, "record": record})


def _rename(fields: dict[str, Any]) -> dict[str, Any]:
    return {_RENAMED.get(name, name): value for name, value in fields.items()}
