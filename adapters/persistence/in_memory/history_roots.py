"""The roots over all histories in memory."""

from collections.abc import Sequence

from attrs import frozen

from adapters.persistence.in_memory.tables import InMemoryTables
from domain.history_tree import HistoryProof, HistoryRoot, leaf_hash, path_of, root_of
from domain.identifiers import OrderId


@frozen
class InMemoryHistoryRoots:
    """Builds the whole tree anew for each root."""

    _database: InMemoryTables

    async def record(self) -> HistoryRoot | None:
        database = self._database
        await database.checkpoint("record history root")
        for order_id, head in database.history_heads.items():
            known = database.history_leaves.get(order_id)
            if known is None or known[0] < head.seq:
                database.history_leaves[order_id] = head.seq, head.hash
        if not database.history_leaves:
            return None
        root, _ = root_of(self._leaves())
        number, orders = len(database.history_roots) + 1, len(database.history_leaves)
        recorded = HistoryRoot(number, database.now(), root, orders, is_complete=True)
        database.history_roots.append(recorded)
        return recorded

    async def newest(self, limit: int) -> Sequence[HistoryRoot]:
        await self._database.checkpoint("read history roots")
        return self._database.history_roots[::-1][:limit]

    async def prove(self, order_id: OrderId) -> HistoryProof | None:
        database = self._database
        await database.checkpoint("read history proof")
        if order_id not in database.history_leaves:
            return None
        _, levels = root_of(self._leaves())
        position = list(database.history_leaves).index(order_id)
        seq, digest = database.history_leaves[order_id]
        path = path_of(position, levels)
        return HistoryProof(database.history_roots[-1], order_id, seq, digest, path)

    def _leaves(self) -> Sequence[str]:
        return [
            leaf_hash(order_id, seq, digest)
            for order_id, (seq, digest) in self._database.history_leaves.items()
        ]
