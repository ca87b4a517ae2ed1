"""What `pytest --orders` tests the shop with."""

import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from decimal import Decimal
from uuid import uuid4

from ticketshop.orders import TABLES, Orders


class Harness:
    """The shop with a database of its own."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        self.orders = Orders(database)

    async def create_order(self, price: Decimal) -> str:
        """Create an order."""
        order_id = uuid4().hex
        self.orders.create(order_id, price)
        return order_id

    async def cancel_order(self, order_id: str) -> None:
        """Cancel it."""
        self.orders.cancel(order_id)

    async def deliver(self, subject: str, data: bytes, event_id: str) -> bool:
        """Deliver an event, and acknowledge it."""
        self.orders.receive(subject, data)
        return True

    async def status(self, order_id: str) -> str:
        """Read its status."""
        return str(self._read("SELECT status FROM orders WHERE id = ?", order_id)[0][0])

    # These are optional: what is missing is reported as not checked.

    async def completions(self, order_id: str) -> int:
        """Count the tickets."""
        return len(self._read("SELECT 1 FROM tickets_to_send WHERE order_id = ?", order_id))

    async def crash_before_ack(self, subject: str, data: bytes, event_id: str) -> None:
        """Forget everything but the database."""
        self.orders.receive(subject, data)
        self.orders = Orders(self.database)

    async def expire_order(self, order_id: str) -> None:
        """Let its time be over."""
        self.orders.expire(order_id)

    async def reports(self) -> list[str]:
        """Read what people are told."""
        return [str(text) for (text,) in self._read("SELECT text FROM reports")]

    async def published(self, order_id: str) -> list[tuple[str, bytes]]:
        """Read what was published."""
        rows = self._read("SELECT subject, body FROM outbox WHERE order_id = ?", order_id)
        return [(str(subject), str(body).encode()) for subject, body in rows]

    def _read(self, query: str, *values: str) -> list[tuple[object, ...]]:
        return self.database.execute(query, values).fetchall()


@asynccontextmanager
async def make_orders(environment: Mapping[str, str]) -> AsyncIterator[Harness]:
    """Open a shop for one test."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.executescript(TABLES)
        yield Harness(database)
