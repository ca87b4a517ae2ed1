"""Bugs of a history that is not written with the change that it is about."""

from typing import Final

from adapters.persistence.in_memory import InMemoryUnitOfWork
from application.ports.unit_of_work import Conflict
from domain.history import record
from domain.identifiers import OrderId
from domain.order import Order
from tests.simulation.bug import Bug

_commit, _check = InMemoryUnitOfWork.commit, InMemoryUnitOfWork._check
_append = InMemoryUnitOfWork._append_history


def _nothing(self: InMemoryUnitOfWork, order: Order) -> None:
    """Write no history in the commit."""


async def _history_after_the_commit(self: InMemoryUnitOfWork) -> None:
    database, changes = self._database, self._changes
    known = {} if changes is None else {id: database.orders.get(id) for id in changes.orders}
    await _commit(self)
    await database.checkpoint("commit")  # another transaction
    for order_id, stored in known.items():
        assert changes is not None
        revision, before = stored or (0, None)
        head, after = database.history_heads.get(order_id), changes.orders[order_id]
        recorded = record(before, after, head, revision, self._actor(), database.now())
        if recorded.head is not None:
            database.history_heads[order_id] = recorded.head
        entries = *database.histories.get(order_id, ()), *recorded.entries
        database.histories[order_id] = entries


_had_conflict: Final = set[tuple[int, OrderId]]()


def _note_conflict(self: InMemoryUnitOfWork, changes: object) -> None:
    try:
        _check(self, changes)  # type: ignore[arg-type]
    except Conflict:
        orders = self.changes.orders
        _had_conflict.update((id(self._database), order_id) for order_id in orders)
        raise


def _dropped_after_a_conflict(self: InMemoryUnitOfWork, order: Order) -> None:
    key = id(self._database), order.id
    if key in _had_conflict:
        _had_conflict.remove(key)
    else:
        _append(self, order)


HISTORY_BUGS: Final = (
    Bug(
        "a history after the commit",
        *(InMemoryUnitOfWork, "commit", _history_after_the_commit),
        Bug("and not in it", InMemoryUnitOfWork, "_append_history", _nothing),
    ),
    Bug(
        "an entry is dropped after a conflict",
        *(InMemoryUnitOfWork, "_append_history", _dropped_after_a_conflict),
        Bug("which was noted", InMemoryUnitOfWork, "_check", _note_conflict),
    ),
)
