"""The plans of the statements that run most often."""

from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import text

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.statement import Statement
from application.ports.charge_reading import ChargeQuery
from application.ports.idempotency_store import RequestKey, StoredReply
from application.ports.unit_of_work import UnitOfWork
from domain.events import PaymentCreated
from domain.identifiers import OrderId, PaymentId
from domain.replica import OrderStatus
from tests.builders import (
    NOW,
    PAYER,
    an_order,
    charged,
    created_event,
    start_payment,
)
from tests.contracts.storages import Storage, storage_on

# PostgreSQL plans a statement for its values five times before it considers one plan for all
# (https://www.postgresql.org/docs/current/sql-prepare.html#SQL-PREPARE-NOTES).
CUSTOM_PLANS = 5
EXECUTIONS = 12

LEASE = timedelta(minutes=1)
WINDOW = timedelta(minutes=10)

PLANS = Statement.of(
    text(
        "SELECT statement, custom_plans, generic_plans FROM pg_prepared_statements"
        " WHERE custom_plans + generic_plans >= 12"
    )
)

_numbers = count(1)


@pytest.fixture
async def storage(proxied: Database) -> Storage:
    """Return a storage with a single connection, and with declines of a hundred sources."""
    for statement in (
        "INSERT INTO declines (source) SELECT 'user:' || n % 100 FROM generate_series(1, 10000) n",
        "ANALYZE declines",
    ):
        await proxied.run(Statement.of(text(statement)))
    return storage_on(proxied)


async def charge(storage: Storage) -> None:
    """Run the statements of a charge, and of what usually follows."""
    number = next(_numbers)
    order_id, payment_id = OrderId(f"order-{number}"), PaymentId(f"payment-{number}")
    await storage.save(an_order(replica=created_event(order_id)))
    key = RequestKey(PAYER, f"key-{number}")
    query = ChargeQuery(order_id, ["user:unknown", "address:a"], WINDOW, key)
    work = storage.begin()
    order = (await work.read_charge(query)).order
    assert order is not None
    work.orders.save(start_payment(order, payment_id))
    work.requests.begin(key, "fingerprint", payment_id, LEASE)
    await work.commit()
    await settle(work.continued(), payment_id, key)
    for found in (
        (await storage.begin().read_charge(query)).order,
        await storage.begin().orders.find_by_payment(payment_id),
        await storage.begin().orders.find_by_charge(charged(payment_id).charge_id),
        await storage.begin().orders.get(order_id),
    ):
        assert found is not None
        assert found.status is OrderStatus.COMPLETE


async def settle(work: UnitOfWork, payment_id: PaymentId, key: RequestKey) -> None:
    order = await work.orders.find_by_payment(payment_id)
    assert order is not None
    settled = order.settle(payment_id, charged(payment_id), NOW)
    work.orders.save(settled)
    work.outbox.add(PaymentCreated.of(settled.payment(payment_id)))
    work.requests.finish(key, payment_id, StoredReply(201, b"{}"))
    await work.commit()


async def test_every_statement_of_a_charge_is_planned_once(
    storage: Storage, proxied: Database
) -> None:
    for _ in range(EXECUTIONS):
        await charge(storage)
    plans = await proxied.run(PLANS)
    planned_anew = [text for text, custom, _ in plans if custom > CUSTOM_PLANS]
    assert [each for each in planned_anew if "unnest" not in each] == []
    # Two readings, the claim, the settlement, and three ways to find an order.
    assert len(plans) - len(planned_anew) >= 7


async def test_a_commit_of_one_order_sets_only_what_has_changed(
    storage: Storage, proxied: Database
) -> None:
    for _ in range(EXECUTIONS):
        await charge(storage)
    plans = [text for text, _, _ in await proxied.run(PLANS)]
    [claim] = [each for each in plans if "INSERT INTO payments" in each and "unnest" not in each]
    [settlement] = [each for each in plans if "UPDATE payments" in each]
    for statement in (claim, settlement):
        assert "UPDATE orders SET revision=" in statement
        assert "user_id=" not in statement.partition("idempotency_keys")[0]
