"""Orders in SQL, with the guard's state in a column of each."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from payments_kit.orders.events import PaymentEvent, UnreadableEvent, read_event
from payments_kit.orders.guard import Action, OrderPayments
from payments_kit.orders.stored_state import from_text, to_text

TABLES = """
CREATE TABLE orders (
    id text PRIMARY KEY,
    price text NOT NULL,
    version integer NOT NULL,
    status text NOT NULL,
    payments text NOT NULL   -- the guard's state
);
-- What other programs do, once for each row: send tickets, publish events, tell people.
CREATE TABLE tickets_to_send (order_id text NOT NULL);
CREATE TABLE outbox (order_id text NOT NULL, subject text NOT NULL, body text NOT NULL);
CREATE TABLE reports (text text NOT NULL);
"""


class Orders:
    """The orders service."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database

    def create(self, order_id: str, price: Decimal) -> None:
        """Create an order."""
        with self._transaction():
            new = (order_id, str(price), 0, "created", to_text(OrderPayments()))
            self.database.execute("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", new)
            self._publish(order_id, "order:created", 0)

    def cancel(self, order_id: str) -> None:
        """Cancel an order, paid or not."""
        with self._transaction():
            self._cancel(order_id, self._load(order_id))

    def expire(self, order_id: str) -> None:
        """Cancel an order whose time to pay is over, unless it is paid or will be."""
        with self._transaction():
            payments = self._load(order_id)
            if payments is not None and payments.may_expire:
                self._cancel(order_id, payments)

    def receive(self, subject: str, data: bytes) -> None:
        """Apply an event of the payments service; acknowledge it when this has returned."""
        with self._transaction():
            try:
                event = read_event(subject, data)
            except UnreadableEvent as error:
                self._report(f"unreadable {subject}: {error}")
            else:
                if event is not None:
                    self._apply(event)

    def _apply(self, event: PaymentEvent) -> None:
        payments = self._load(event.order_id)
        if payments is None:
            self._report(f"{event.fact.subject.value} of an unknown order")
            return
        decision = payments.apply(event)
        self._store(event.order_id, decision.payments)
        if decision.action is Action.COMPLETE:
            self.database.execute("INSERT INTO tickets_to_send VALUES (?)", (event.order_id,))
        if decision.notice is not None:
            self._report(f"order {event.order_id}: {decision.notice.kind.value}")

    def _cancel(self, order_id: str, payments: OrderPayments | None) -> None:
        if payments is not None and not payments.is_cancelled:
            self._store(order_id, payments.cancel())
            raised = "UPDATE orders SET version = version + 1 WHERE id = ? RETURNING version"
            [(version,)] = self.database.execute(raised, (order_id,)).fetchall()
            self._publish(order_id, "order:cancelled", version)

    def _load(self, order_id: str) -> OrderPayments | None:
        rows = self.database.execute("SELECT payments FROM orders WHERE id = ?", (order_id,))
        row = rows.fetchone()
        return row and from_text(row[0])

    def _store(self, order_id: str, payments: OrderPayments) -> None:
        new = (payments.status.value, to_text(payments), order_id)
        self.database.execute("UPDATE orders SET status = ?, payments = ? WHERE id = ?", new)

    def _publish(self, order_id: str, subject: str, version: int) -> None:
        body = json.dumps({"id": order_id, "version": version})  # and the other fields
        self.database.execute("INSERT INTO outbox VALUES (?, ?, ?)", (order_id, subject, body))

    def _report(self, text: str) -> None:
        self.database.execute("INSERT INTO reports VALUES (?)", (text,))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        # It locks what it reads; in PostgreSQL: SELECT … FOR UPDATE.
        self.database.execute("BEGIN IMMEDIATE")
        with self.database:
            yield
