"""A process of release 1.0.0rc1: its statements, as its adapter compiled them, and its values."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg
from alembic import command
from attrs import frozen
from sqlalchemy import Connection, text

from adapters.persistence.sql import migrate as migrate_module
from adapters.persistence.sql.engine import create_engine
from tests.builders import NOW

BEGIN_REQUEST = """
    INSERT INTO answers (user_id, key, fingerprint, holder, begun_at, lease_ends) VALUES
    ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::VARCHAR, now(), (now() + $5::INTERVAL)) ON CONFLICT
    (user_id, key) DO UPDATE SET holder = CASE WHEN (answers.fingerprint = excluded.fingerprint AND
    answers.code IS NULL AND answers.lease_ends <= now()) THEN excluded.holder ELSE answers.holder
    END, begun_at = CASE WHEN (answers.fingerprint = excluded.fingerprint AND answers.code IS NULL
    AND answers.lease_ends <= now()) THEN excluded.begun_at ELSE answers.begun_at END, lease_ends =
    CASE WHEN (answers.fingerprint = excluded.fingerprint AND answers.code IS NULL AND
    answers.lease_ends <= now()) THEN excluded.lease_ends ELSE answers.lease_ends END RETURNING
    answers.holder, answers.fingerprint, answers.code, answers.content
"""

FINISH_REQUEST = """
    UPDATE answers SET code=$1::INTEGER, content=$2::BYTEA WHERE answers.user_id = $3::VARCHAR AND
    answers.key = $4::VARCHAR AND answers.code IS NULL
"""

RELEASE_REQUEST = """
    DELETE FROM answers WHERE answers.user_id = $1::VARCHAR AND answers.key = $2::VARCHAR AND
    answers.code IS NULL
"""

DELETE_OLD_REQUESTS = """
    DELETE FROM answers WHERE (answers.user_id, answers.key) IN (SELECT answers.user_id, answers.key
    FROM answers WHERE answers.begun_at < now() - $1::INTERVAL ORDER BY answers.begun_at LIMIT
    10000) RETURNING 1
"""

FIND_KEPT_NOTICES = """
    SELECT kept_notices.id, kept_notices.charge_id, kept_notices.kind, kept_notices.data FROM
    kept_notices WHERE kept_notices.since < $1::TIMESTAMP WITH TIME ZONE OR (SELECT payments.id FROM
    payments WHERE payments.charge_id = kept_notices.charge_id LIMIT 1) IS NOT NULL ORDER BY
    kept_notices.since, kept_notices.id LIMIT $2::BIGINT
"""

FIND_PAYMENTS = """
    SELECT payments.id AS id_1, payments.order_id, payments.user_id AS user_id_1, payments.amount,
    payments.currency AS currency_1, payments.gateway, payments.livemode, payments.created_at,
    payments.status AS status_1, payments.charge_id, payments.taken, payments.taken_currency,
    payments.reference, payments.code, payments.look_at FROM orders LEFT OUTER JOIN payments
    ON payments.order_id = orders.id WHERE orders.id = any($1::TEXT[])
"""

# A commit, shortened: without orders and refunds, whose tables have not changed.
COMMIT = """
    WITH added_kept_notices AS (INSERT INTO kept_notices (id, charge_id, kind, data, since) SELECT
    given.id AS id, given.charge_id AS charge_id, given.kind AS kind, given.data AS data,
    given.since AS since FROM unnest($1::TEXT[], $2::TEXT[], $3::TEXT[], $4::JSONB[], $5::TIMESTAMP
    WITH TIME ZONE[]) AS given(id, charge_id, kind, data, since) ON CONFLICT (id) DO NOTHING),
    forgotten_notices AS (DELETE FROM kept_notices WHERE kept_notices.id = any($6::TEXT[])),
    saved_payments AS (INSERT INTO payments (id, order_id, user_id, amount, currency, gateway,
    livemode, created_at, status, charge_id, taken, taken_currency, reference, code, look_at)
    SELECT given.* FROM unnest($7::TEXT[], $8::TEXT[], $9::TEXT[], $10::BIGINT[], $11::TEXT[],
    $12::TEXT[], $13::BOOLEAN[], $14::TIMESTAMP WITH TIME ZONE[], $15::TEXT[], $16::TEXT[],
    $17::BIGINT[], $18::TEXT[], $19::TEXT[], $20::TEXT[], $21::TIMESTAMP WITH TIME ZONE[]) AS given
    ON CONFLICT (id) DO UPDATE SET order_id = excluded.order_id, user_id = excluded.user_id, amount
    = excluded.amount, currency = excluded.currency, gateway = excluded.gateway, livemode =
    excluded.livemode, created_at = excluded.created_at, status = excluded.status, charge_id =
    excluded.charge_id, taken = excluded.taken, taken_currency = excluded.taken_currency, reference
    = excluded.reference, code = excluded.code, look_at = excluded.look_at WHERE payments.order_id =
    excluded.order_id RETURNING payments.id) SELECT expect_written(0 + (SELECT count(*) AS count_1
    FROM saved_payments), $22::BIGINT) AS expect_written_1
"""

STORE_ORDER = "INSERT INTO orders (id, revision, version, status) VALUES ($1, 1, 1, 'cancelled')"
STORE_REFUND = """
    INSERT INTO refunds (id, payment_id, order_id, charge_id, amount, currency, reason, code,
    automatic, status, created_at, attempt) SELECT id || $2, id, order_id, charge_id, amount,
    currency, $3, $4, $5, 'failed', created_at, 0 FROM payments WHERE id = $1
"""

Rows = Sequence[tuple[Any, ...]]

DAY = timedelta(days=1)


async def create_schema(url: str) -> None:
    """Create the tables of this release in an empty database."""

    def upgrade(connection: Connection) -> None:
        config = migrate_module._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(text("ALTER TABLE payments_schema_version RENAME TO alembic_version"))
        old = "RENAME CONSTRAINT payments_schema_version_pkc TO alembic_version_pkc"
        connection.execute(text(f"ALTER TABLE alembic_version {old}"))

    engine = create_engine(url)
    async with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
        await connection.run_sync(upgrade)
    await engine.dispose()


@frozen
class OldProcess:
    """A process of release 1.0.0rc1; each method checks its results as that release needs them."""

    connection: "asyncpg.Connection[Any]"

    async def work(self, number: int) -> None:
        """Do everything that this release does with the tables that have changed."""
        await self.handle_request(f"key-{number}")
        await self.defer_notification(f"evt_{number}")
        await self.store_order(number)
        [payment] = await self.connection.fetch(FIND_PAYMENTS, [f"order-{number}"])
        assert payment["status_1"] in ("unwanted", "reversed")

    async def handle_request(self, key: str) -> None:
        """Begin, finish, repeat, delete and release a request with an idempotency key."""
        first = await self._begin(key, "holder 1")
        assert (first["holder"], first["code"]) == ("holder 1", None)
        second = await self._begin(key, "holder 2")
        assert (second["holder"], second["code"]) == ("holder 1", None)
        assert await self._execute(FINISH_REQUEST, 201, b"reply", "user", key) == "UPDATE 1"
        third = await self._begin(key, "holder 3")
        assert (third["fingerprint"], third["code"]) == ("body", 201)
        assert third["content"] == b"reply"
        assert await self._execute(RELEASE_REQUEST, "user", key) == "DELETE 0"
        await self._begin(f"{key}, failed", "holder")
        assert await self._execute(RELEASE_REQUEST, "user", f"{key}, failed") == "DELETE 1"
        assert await self.connection.fetch(DELETE_OLD_REQUESTS, -DAY)

    async def defer_notification(self, notification_id: str) -> None:
        """Store a notification twice, find it and delete it."""
        data = json.dumps({"amount": 100, "currency": "usd", "reference": "re_1"})
        row = (notification_id, "ch_unknown", "refund", data, NOW)
        for _ in range(2):
            await self._commit(notices=[row])
        found = await self.connection.fetch(FIND_KEPT_NOTICES, NOW + DAY, 10)
        assert [tuple(each) for each in found] == [row[:4]]
        await self._commit(forgotten=[notification_id])
        assert not await self.connection.fetch(FIND_KEPT_NOTICES, NOW + DAY, 10)

    async def store_order(self, number: int) -> None:
        """Store an order with a payment that it may not keep, and with its refunds."""
        order, payment, usd = f"order-{number}", f"payment-{number}", (1_000, "usd")
        await self.connection.execute(STORE_ORDER, order)
        row = (payment, order, "user", *usd, "stripe", False, NOW, "unwanted", "ch_1", *usd)
        await self._commit(payments=[(*row, "pi_1", "unwanted", None)])
        for suffix, reason, code, automatic in (
            ("-automatic", "unwanted", None, True),
            ("-external", "by_another_hand", None, False),
            ("-requested", "unwanted", "refunded_by_another_hand", False),
        ):
            values = (payment, suffix, reason, code, automatic)
            await self.connection.execute(STORE_REFUND, *values)

    async def _begin(self, key: str, holder: str) -> dict[str, Any]:
        values = ("user", key, "body", holder, timedelta(seconds=60))
        [row] = await self.connection.fetch(BEGIN_REQUEST, *values)
        return dict(row)

    async def _execute(self, statement: str, *values: object) -> str | None:
        prepared = await self.connection.prepare(statement)
        await prepared.fetch(*values)
        return prepared.get_statusmsg()

    async def _commit(
        self, notices: Rows = (), forgotten: Sequence[str] = (), payments: Rows = ()
    ) -> None:
        values = [*_columns(notices, 5), forgotten, *_columns(payments, 15), len(payments)]
        assert await self.connection.fetchval(COMMIT, *values) is True


def _columns(rows: Rows, count: int) -> list[list[Any]]:
    return [[row[index] for row in rows] for index in range(count)]
