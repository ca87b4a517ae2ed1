"""The roots over all histories on PostgreSQL; migration 0021 has the function that records one."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC
from typing import Any, Final

from attrs import frozen
from sqlalchemy import text

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.statement import Rows, Statement
from application.ports.history_roots import RECORDED_AT_ONCE
from domain.history_tree import FANOUT, HistoryProof, HistoryRoot, Siblings, leaf_hash
from domain.identifiers import OrderId

_RECORD: Final = Statement.of(text("SELECT record_history_root(CAST(:most AS bigint))"))

_ROOT: Final = "id, at, root, orders, is_complete"

_BY_ID: Final = Statement.of(
    text(f"SELECT {_ROOT} FROM history_roots WHERE id = :id")  # noqa: S608 - constants
)
_NEWEST: Final = Statement.of(
    text(f"SELECT {_ROOT} FROM history_roots ORDER BY id DESC LIMIT :limit")  # noqa: S608
)

# One statement, so that all of it is of one root. The first row is the root and the order's leaf;
# the others are the leaves and nodes on the way, each with its siblings.
_PROVE: Final = Statement.of(
    text(
        f"""
        WITH newest AS MATERIALIZED (SELECT {_ROOT} FROM history_roots ORDER BY id DESC LIMIT 1),
        leaf AS MATERIALIZED (
            SELECT number, seq, hash FROM history_leaves WHERE order_id = :order_id
        )
        SELECT -1 AS level, number AS position, NULL AS order_id, seq, leaf.hash, newest.*
        FROM leaf, newest
        UNION ALL
        SELECT 0, beside.number, beside.order_id, beside.seq, beside.hash,
            NULL, NULL, NULL, NULL, NULL
        FROM leaf JOIN history_leaves AS beside
            ON beside.number BETWEEN leaf.number / 16 * 16 AND leaf.number / 16 * 16 + 15
        UNION ALL
        SELECT node.level, node.position, NULL, NULL, node.hash, NULL, NULL, NULL, NULL, NULL
        FROM leaf CROSS JOIN generate_series(
            1, (SELECT max(level) FROM history_nodes)
        ) AS tree_level
        CROSS JOIN LATERAL (
            SELECT (leaf.number >> (4 * tree_level)) / 16 * 16 AS first
        ) AS siblings
        CROSS JOIN LATERAL (
            -- The limit lets PostgreSQL expect few of them, and so look them up in the index.
            SELECT level, position, hash FROM history_nodes WHERE level = tree_level
                AND position BETWEEN siblings.first AND siblings.first + 15 LIMIT 16
        ) AS node
        ORDER BY level, position
        """  # noqa: S608 - constants
    )
)


@frozen
class SqlHistoryRoots:
    """Records roots with a function of the database, and reads them."""

    _database: Database

    async def record(self) -> HistoryRoot | None:
        [(number,)] = await self._database.run(_RECORD, most=RECORDED_AT_ONCE)
        if number is None:
            return None
        [row] = await self._database.run(_BY_ID, id=number)
        return _root(*row)

    async def newest(self, limit: int) -> Sequence[HistoryRoot]:
        rows = await self._database.run(_NEWEST, limit=limit)
        return [_root(*row) for row in rows]

    async def prove(self, order_id: OrderId) -> HistoryProof | None:
        rows = await self._database.run(_PROVE, order_id=order_id)
        if not rows:
            return None
        first, *others = rows
        _, number, _, seq, digest, *root = first
        path = _path(number, others)
        return HistoryProof(_root(*root), order_id, seq, digest.hex(), path)


def _path(number: int, rows: Rows) -> Sequence[Siblings]:
    levels: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
    for level, position, order_id, seq, digest, *_ in rows:
        node = leaf_hash(order_id, seq, digest.hex()) if level == 0 else digest.hex()
        levels[level].append((position, node))
    path = []
    for level in range(max(levels)):  # the highest one is the root itself
        own, nodes = number // FANOUT**level, levels[level]
        path.append(
            Siblings(
                [node for position, node in nodes if position < own],
                [node for position, node in nodes if position > own],
            )
        )
    return path


def _root(number: int, at: Any, root: bytes, orders: int, is_complete: bool) -> HistoryRoot:
    return HistoryRoot(number, at.astimezone(UTC), root.hex(), orders, is_complete)
