"""Rename the values that release 1.0.0rc1 stores (stored_names.py)."""

from collections.abc import Iterator, Sequence
from typing import Final

from attrs import frozen
from sqlalchemy import text

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.statement import Statement
from application.ports.unit_of_work import Conflict, StorageUnavailable

BATCH: Final = 1_000
"""Rows that one statement renames: it locks them for tens of milliseconds."""

# A batch can deadlock with a commit that writes several orders of the batch; it is rolled back.
MAX_ATTEMPTS: Final = 5


@frozen
class _Renaming:
    """The statements for one table."""

    find: Statement
    """Returns the ids of the rows with an old name. It reads the whole table, but locks no row."""
    rename: Statement


_PAYMENTS: Final = _Renaming(
    Statement.of(text("SELECT id FROM payments WHERE status = 'unwanted' OR code = 'unwanted'")),
    Statement.of(
        text(
            """
            UPDATE payments SET
                status = CASE status WHEN 'unwanted' THEN 'reversed' ELSE status END,
                code = CASE code WHEN 'unwanted' THEN 'reversed' ELSE code END
            WHERE id = ANY(CAST(:ids AS text[]))
            """
        )
    ),
)

# The reason of a refund that is not automatic is an operator's text, which may be 'unwanted'.
_REFUNDS: Final = _Renaming(
    Statement.of(
        text(
            """
            SELECT id FROM refunds
            WHERE reason = 'unwanted' AND automatic
            OR reason = 'by_another_hand'
            OR code = 'refunded_by_another_hand'
            """
        )
    ),
    Statement.of(
        text(
            """
            UPDATE refunds SET
                reason = CASE
                    WHEN reason = 'unwanted' AND automatic THEN 'reversed'
                    WHEN reason = 'by_another_hand' THEN 'external_refund'
                    ELSE reason
                END,
                code = CASE code
                    WHEN 'refunded_by_another_hand' THEN 'refunded_externally' ELSE code
                END
            WHERE id = ANY(CAST(:ids AS text[]))
            """
        )
    ),
)


async def rename_old_values(database: Database) -> int:
    """Rename the old names that are stored now, in batches; return the number of rows.

    Each batch is one statement and so one transaction. Processes of release 1.0.0rc1 may write old
    names again; calling this once more after they have stopped renames those.

    Raises:
        StorageUnavailable: the database cannot be reached; what was renamed stays renamed.
    """
    renamed = 0
    for table in (_PAYMENTS, _REFUNDS):
        ids = [row_id for (row_id,) in await database.run(table.find)]
        for batch in _batches(ids):
            await _rename(database, table.rename, batch)
        renamed += len(ids)
    return renamed


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))


async def _rename(database: Database, statement: Statement, ids: Sequence[str]) -> None:
    for _ in range(MAX_ATTEMPTS):
        try:
            await database.commit(statement, statement.parameters({"ids": ids}))
        except Conflict:
            continue
        return
    raise StorageUnavailable("the same rows are written too often; migrate again")
