"""The unit of work on PostgreSQL: each read is one statement, and so is the commit."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from attrs import Factory, define, field, frozen
from sqlalchemy import Table

from adapters.persistence.sql import charge_reading, single_order, statements
from adapters.persistence.sql.changes import Changes, Inbox, Outbox, Part, Positions
from adapters.persistence.sql.database import Database, RowExists
from adapters.persistence.sql.mappers.orders import (
    ORDER_WIDTH,
    WIDTH,
    StoredOrder,
    dispute_row,
    order_row,
    orders_from,
    refund_row,
    unpaid_order_from,
)
from adapters.persistence.sql.mappers.payments import payment_from, payment_row
from adapters.persistence.sql.mappers.values import Values
from adapters.persistence.sql.order_histories import stored_ends
from adapters.persistence.sql.requests import SqlRequests
from adapters.persistence.sql.statement import Rows
from adapters.persistence.sql.statement_groups import Epoch
from adapters.persistence.sql.tables import (
    disputes,
    order_history,
    orders,
    payments,
    refunds,
)
from application.ports.charge_reading import ChargeQuery, ChargeReading
from application.ports.clock import Clock
from application.ports.unit_of_work import Conflict
from domain.actor import THE_SERVICE, Actor
from domain.history import HistoryHead
from domain.identifiers import ChargeId, OrderId, PaymentId
from domain.order import Order
from domain.payment import Payment

# Tables whose rows are written again and again.
_REPLACED: Final = (orders, payments, refunds, disputes)


@define
class SqlUnitOfWork:
    """Records the revision of every order it reads; the commit checks that none has changed."""

    _database: Database
    _traceparent: Callable[[], str | None] = lambda: None
    _actor: Callable[[], Actor] = lambda: THE_SERVICE
    _now: Clock = lambda: datetime.now(UTC)
    """The time of the entries in the histories of orders."""
    _read: dict[OrderId, StoredOrder] = field(factory=dict)
    _epoch: Epoch | None = None
    """The epoch of what was read first; what was read guards nothing outside of it."""
    _continues: bool = False
    _generation: int = Factory(lambda self: self._database.generation, takes_self=True)
    _stored: Mapping[Table, Mapping[str, Values]] = field(factory=dict)
    """Rows as they are stored, by id, where they are known: they need not be made again."""
    _changes: Changes = field(factory=Changes)
    _written: Mapping[Table, Sequence[Values]] = field(factory=dict)
    _ends: Mapping[OrderId, HistoryHead] = field(factory=dict)
    """Where histories end that are longer than the rows of their orders say."""

    @property
    def orders(self) -> "_Orders":
        return _Orders(self)

    @property
    def outbox(self) -> Outbox:
        return Outbox(self._changes)

    @property
    def inbox(self) -> Inbox:
        return Inbox(self._database, self._changes)

    @property
    def positions(self) -> Positions:
        return Positions(self._changes)

    @property
    def requests(self) -> SqlRequests:
        return self._changes.requests

    async def read_charge(self, query: ChargeQuery) -> ChargeReading:
        values, first = charge_reading.values_of(query), charge_reading.first_statement_of(query)
        [row] = await self._database.run(first, **values)
        if row[ORDER_WIDTH] is None:
            found, others = unpaid_order_from(row), row[ORDER_WIDTH + 1 :]
            self._stored = {orders: {row[0]: row[:ORDER_WIDTH]}}
        else:
            rows = await self._database.run(charge_reading.statement_of(query), **values)
            found, others = orders_from(rows), rows[0][WIDTH:]
        self._database.note_copy(charge_reading.copy_from(others))
        request = charge_reading.request_from(query, others)
        if query.key is not None and request is None:
            self.requests.note_unknown(query.key)
        order = _Orders(self).note(found).get(query.order_id)
        return ChargeReading(order, charge_reading.declines_from(query, others), request)

    def continued(self) -> "SqlUnitOfWork":
        changes = self._changes
        written = {
            order_id: StoredOrder(self._revision(order_id) + 1, order, changes.heads[order_id])
            for order_id, order in changes.orders.items()
        }
        epoch = self._epoch or self._database.epoch_of(self._generation)
        sources = self._traceparent, self._actor, self._now
        stored = {
            table: {row[0]: row for row in self._written[table]}
            for table in _REPLACED
            if table in self._written
        }
        return SqlUnitOfWork(
            self._database, *sources, self._read | written, epoch, continues=True, stored=stored
        )

    async def commit(self) -> None:
        try:
            await self._write()
        except RowExists as error:
            if error.table != order_history.name:
                raise
            # Rows of orders were deleted, or restored from a backup, and their histories were not.
            # A history is continued where it ends; the guards are those of the first attempt.
            self._ends = await stored_ends(self._database, self._changes.orders)
            await self._write()

    async def _write(self) -> None:
        changes, actor, now = self._changes, self._actor(), self._now()
        rows = changes.rows(self._read, self._ends, actor, now, self._traceparent)
        self._written = rows
        if rows or changes.removed or changes.requests.change is not None:
            statement, parameters = self._single_order(rows) or self._batch(rows)
            if not await self._database.commit(statement, parameters, self._epoch):
                raise Conflict("another process has written meanwhile")

    def _batch(self, rows: Mapping[Table, list[Values]]) -> single_order.Prepared:
        changes = self._changes
        statement = statements.commit(
            frozenset(rows), removes=bool(changes.removed), request=changes.requests.change
        )
        values = statements.parameters(rows, changes.removed, changes.requests)
        return statement, statement.parameters(values)

    def _single_order(self, rows: Mapping[Table, list[Values]]) -> single_order.Prepared | None:
        changes = self._changes
        if changes.removed or len(changes.orders) != 1:
            return None
        [order_id] = changes.orders
        if order_id not in self._read:
            return None
        revision, order, head = self._read[order_id]
        stored = self._stored.get(orders, {}).get(order_id)
        before: dict[Table, Mapping[str, Values]] = {
            orders: {order_id: stored or order_row(order.replica, revision, head)}
        }
        if payments in rows:
            before[payments] = self._rows_before(payments, order.payments, payment_row)
        if refunds in rows:
            before[refunds] = self._rows_before(refunds, order.refunds, refund_row)
        if disputes in rows:
            before[disputes] = self._rows_before(disputes, order.disputes, dispute_row)
        return single_order.commit_of(rows, before, changes.requests)

    def _rows_before(
        self, table: Table, parts: Collection[Part], row_of: Callable[[Part], Values]
    ) -> Mapping[str, Values]:
        stored = self._stored.get(table, {})
        return {each.id: stored.get(each.id) or row_of(each) for each in parts}

    def _revision(self, order_id: OrderId) -> int:
        return self._read[order_id].revision if order_id in self._read else 0


@frozen
class _Orders:
    _work: SqlUnitOfWork

    async def get(self, order_id: OrderId) -> Order | None:
        if self._work._continues and order_id in self._work._read:
            return self._work._read[order_id].order
        rows = await self._work._database.run(statements.ORDER, order_id=order_id)
        return self.record(rows).get(order_id)

    async def get_many(self, order_ids: Collection[OrderId]) -> Mapping[OrderId, Order]:
        database = self._work._database
        match list(order_ids):
            case [order_id]:  # planned once, unlike the statement for several
                rows = await database.run(statements.ORDER, order_id=order_id)
            case several:
                rows = await database.run(statements.ORDERS, order_ids=several)
        return self.record(rows)

    async def find_by_payment(self, payment_id: PaymentId) -> Order | None:
        for stored in self._work._read.values() if self._work._continues else ():
            if any(each.id == payment_id for each in stored.order.payments):
                return stored.order
        rows = await self._work._database.run(statements.ORDER_OF_PAYMENT, payment_id=payment_id)
        return next(iter(self.record(rows).values()), None)

    async def find_by_charge(self, charge_id: ChargeId) -> Order | None:
        rows = await self._work._database.run(statements.ORDER_OF_CHARGE, charge_id=charge_id)
        return next(iter(self.record(rows).values()), None)

    async def find_payments(
        self, payment_ids: Collection[PaymentId]
    ) -> Mapping[PaymentId, Payment]:
        rows = await self._work._database.run(statements.PAYMENTS, payment_ids=list(payment_ids))
        return {payment.id: payment for payment in (payment_from(*row) for row in rows)}

    async def find_due(self, now: datetime, limit: int) -> Sequence[OrderId]:
        rows = await self._work._database.run(statements.DUE, now=now, limit=limit)
        return [OrderId(row[0]) for row in rows]

    def save(self, order: Order) -> None:
        self._work._changes.orders[order.id] = order

    def record(self, rows: Rows) -> Mapping[OrderId, Order]:
        return self.note(orders_from(rows))

    def note(self, found: Mapping[OrderId, StoredOrder]) -> Mapping[OrderId, Order]:
        work = self._work
        if work._epoch is None:
            work._epoch = work._database.epoch_of(work._generation)
        work._read.update(found)
        return {order_id: stored.order for order_id, stored in found.items()}
