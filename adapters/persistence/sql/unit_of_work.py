"""A unit of work on PostgreSQL: reads are single statements, and so is the commit."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from attrs import define, field, frozen
from sqlalchemy import Table

from adapters.persistence.sql import statements
from adapters.persistence.sql.database import Database, Rows
from adapters.persistence.sql.rows import (
    Values,
    bills_of,
    dispute_row,
    event_row,
    notice_of,
    notice_row,
    order_row,
    payment_row,
    refund_row,
)
from adapters.persistence.sql.tables import (
    disputes,
    inbox,
    kept_notices,
    orders,
    outbox,
    payments,
    refunds,
)
from application.ports.gateway_notices import ChargeNotice
from domain.bill import Bill
from domain.dispute import Dispute
from domain.events import Event, EventId
from domain.order import OrderId
from domain.payment import ChargeId, Payment, PaymentId
from domain.refund import Refund

Part = TypeVar("Part", Payment, Refund, Dispute)


@define
class SqlUnitOfWork:
    """Remembers the revision of everything it reads, and commits against these."""

    _database: Database
    _trace: Callable[[], str | None] = lambda: None
    _read: dict[OrderId, tuple[int, Bill]] = field(factory=dict)
    _saved: dict[OrderId, Bill] = field(factory=dict)
    _events: dict[EventId, Event] = field(factory=dict)
    _notices: set[str] = field(factory=set)
    _kept: dict[str, Values] = field(factory=dict)
    _forgotten: set[str] = field(factory=set)

    @property
    def bills(self) -> "_Bills":
        """Orders with their payments and refunds."""
        return _Bills(self)

    @property
    def outbox(self) -> "_Outbox":
        """Events to publish."""
        return _Outbox(self)

    @property
    def inbox(self) -> "_Inbox":
        """Notices heard, and notices kept."""
        return _Inbox(self)

    async def commit(self) -> None:
        """Write everything in one statement, if nothing that was read has changed."""
        rows = self._rows()
        if rows or self._forgotten:
            statement = statements.commit(frozenset(rows), forgets=bool(self._forgotten))
            values = statements.parameters(rows, self._forgotten)
            await self._database.commit(statement, **values)

    def _rows(self) -> dict[Table, list[Values]]:
        """What has to be written: of a bill, its order and what has changed since it was read."""
        rows: dict[Table, list[Values]] = {}
        # In the order of their ids: two commits that lock the same rows never wait for each other.
        for order_id, bill in sorted(self._saved.items()):
            revision, before = self._read.get(order_id, (0, Bill(bill.order)))
            rows.setdefault(orders, []).append(order_row(bill.order, revision + 1))
            changed = _changed(before.payments, bill.payments)
            # A payment that gives its order free makes room for the one that takes it.
            for payment in sorted(changed, key=lambda each: each.is_live):
                rows.setdefault(payments, []).append(payment_row(payment))
            for refund in _changed(before.refunds, bill.refunds):
                rows.setdefault(refunds, []).append(refund_row(refund))
            for dispute in _changed(before.disputes, bill.disputes):
                rows.setdefault(disputes, []).append(dispute_row(dispute))
        if self._events:
            trace = self._trace()
            rows[outbox] = [(*event_row(event), trace) for event in self._events.values()]
        if self._notices:
            rows[inbox] = [(notice_id,) for notice_id in sorted(self._notices)]
        if self._kept:
            rows[kept_notices] = [row for _, row in sorted(self._kept.items())]
        return rows


@frozen
class _Bills:
    _work: SqlUnitOfWork

    async def of(self, order_ids: Collection[OrderId]) -> Mapping[OrderId, Bill]:
        rows = await self._work._database.run(statements.BILLS, order_ids=list(order_ids))
        return self._remember(rows)

    async def holding(self, payment_id: PaymentId) -> Bill | None:
        rows = await self._work._database.run(statements.BILL_HOLDING, payment_id=payment_id)
        return next(iter(self._remember(rows).values()), None)

    async def charged(self, charge_id: ChargeId) -> Bill | None:
        rows = await self._work._database.run(statements.BILL_CHARGED, charge_id=charge_id)
        return next(iter(self._remember(rows).values()), None)

    async def due(self, now: datetime, limit: int) -> Sequence[OrderId]:
        rows = await self._work._database.run(statements.DUE, now=now, limit=limit)
        return [OrderId(row[0]) for row in rows]

    def save(self, bill: Bill) -> None:
        self._work._saved[bill.order.id] = bill

    def _remember(self, rows: Rows) -> Mapping[OrderId, Bill]:
        found = bills_of(rows)
        self._work._read.update(found)
        return {order_id: bill for order_id, (_, bill) in found.items()}


@frozen
class _Outbox:
    _work: SqlUnitOfWork

    def add(self, event: Event) -> None:
        self._work._events[event.id] = event


@frozen
class _Inbox:
    _work: SqlUnitOfWork

    async def has(self, notice_id: str) -> bool:
        return bool(await self._work._database.run(statements.HEARD, notice_id=notice_id))

    def add(self, notice_id: str) -> None:
        self._work._notices.add(notice_id)

    def keep(self, notice: ChargeNotice, since: datetime) -> None:
        self._work._kept.setdefault(notice.id, notice_row(notice, since))

    async def kept(self, before: datetime, limit: int) -> Sequence[ChargeNotice]:
        rows = await self._work._database.run(statements.KEPT, before=before, limit=limit)
        return [notice_of(*row) for row in rows]

    def forget(self, notice_id: str) -> None:
        self._work._forgotten.add(notice_id)


def _changed(before: Collection[Part], after: Iterable[Part]) -> list[Part]:
    return [each for each in after if each not in before]
