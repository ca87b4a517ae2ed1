"""Rows come in any order, and what is read does not depend on it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from attrs import evolve
from sqlalchemy import text

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.statement import Statement
from application.ports.charge_reading import ChargeQuery
from domain.dispute import Dispute, DisputeStatus
from domain.events import PaymentFailed
from domain.identifiers import DisputeId, PaymentId
from domain.payment_status import PaymentStatus
from tests.builders import NOW, ORDER, PAYMENT, PRICE, a_payment, a_refund, an_order, charged
from tests.contracts.storages import storage_on
from tests.contracts.unit_of_work import FIND

TABLES = ("payments", "refunds", "disputes", "outbox")

# Without indexes, rows come as they are stored: in the order in which they were last written.
AS_STORED = "?options=-cenable_indexscan%3Doff%20-cenable_bitmapscan%3Doff"

# A row is written behind all others, unless PostgreSQL has just made room before them.
ATTEMPTS = 10

# The ids of the payments contradict their times; the refunds have the same time.
SAVED = evolve(
    an_order(
        a_payment("payment-9", PaymentStatus.FAILED, created_at=NOW - timedelta(seconds=2)),
        a_payment("payment-8", PaymentStatus.FAILED, created_at=NOW - timedelta(seconds=1)),
        a_payment(PAYMENT, PaymentStatus.SUCCEEDED),
        a_payment("payment-2", PaymentStatus.FAILED),
        refunds=tuple(a_refund(f"refund-{number}") for number in (1, 2, 3)),
    ),
    disputes=tuple(
        Dispute(
            DisputeId(f"dispute-{number}"),
            *(PAYMENT, ORDER, charged().charge_id, PRICE, "fraudulent", DisputeStatus.LOST),
        )
        for number in (1, 2, 3)
    ),
)
EVENTS = [PaymentFailed(each.id, ORDER, "card_declined") for each in SAVED.payments]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    engine = create_engine(database_url + AS_STORED)
    yield Database(engine)
    await engine.dispose()


async def write_again(database: Database, table: str, direction: str) -> None:
    """Write each row again, in the order of the ids, until they are stored in this order."""
    ids = await database.run(Statement.of(text(f"SELECT id FROM {table} ORDER BY id {direction}")))
    stored = Statement.of(text(f"SELECT id FROM {table}"))
    for _ in range(ATTEMPTS):
        for (row_id,) in ids:
            again = f"UPDATE {table} SET order_id = order_id WHERE id = '{row_id}'"
            await database.run(Statement.of(text(again)))
        if await database.run(stored) == ids:
            return
    raise AssertionError(f"the rows of {table} are not stored in this order")


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_an_order_and_events_are_read_the_same_in_whatever_order_their_rows_are_stored(
    database: Database, direction: str
) -> None:
    storage = storage_on(database)
    await storage.save(SAVED)
    for event in EVENTS:
        await storage.add(event)
    for table in TABLES:
        await write_again(database, table, direction)
    for find in FIND.values():
        assert await find(storage.begin()) == SAVED
    query = ChargeQuery(ORDER, ["user"], timedelta(minutes=1))
    assert (await storage.begin().read_charge(query)).order == SAVED
    ids = [PaymentId(each.id) for each in SAVED.payments]
    assert await storage.begin().orders.find_payments(ids) == {
        each.id: each for each in SAVED.payments
    }
    assert await storage.unsent() == EVENTS
