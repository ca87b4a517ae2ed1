"""The backlog, read in two statements; their cost is bounded, however much there is to do."""

from collections.abc import Sequence
from typing import Final

from attrs import frozen
from sqlalchemy import text

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.mappers.payments import payment_status
from adapters.persistence.sql.statement import Statement
from application.ports.backlog import MAX_COUNTED, Backlog, BacklogItem, BacklogKind, GatewayBacklog
from domain.check_times import AUTHENTICATION_WINDOW

# Each part reads a partial index of unfinished rows, at most MAX_COUNTED + 1 of them.
_CHECKED: Final = """
    SELECT id, order_id, status, created_at, CASE status
        WHEN 'processing' THEN created_at
        WHEN 'requires_action' THEN created_at + CAST(:authentication_window AS interval)
        WHEN 'authorized' THEN
            CASE WHEN code IS NOT NULL OR requested_capture IS NOT NULL THEN decided_at END
    END AS since
    FROM payments WHERE look_at IS NOT NULL ORDER BY look_at LIMIT :most
"""
_PENDING_PAYMENTS: Final = """
    SELECT id, order_id, status, created_at FROM payments
    WHERE status = 'pending' ORDER BY created_at LIMIT :most
"""
_IN_REVIEW: Final = """
    SELECT id, order_id, status, created_at FROM payments
    WHERE status = 'review' AND taken > (
        SELECT coalesce(sum(amount), 0) FROM refunds
        WHERE payment_id = payments.id AND status <> 'failed'
    )
    ORDER BY created_at LIMIT :most
"""
_PENDING: Final = """
    SELECT id, payment_id, coalesce(code, status) AS code, created_at FROM refunds
    WHERE look_at IS NOT NULL ORDER BY look_at LIMIT :most
"""
_FAILED: Final = """
    SELECT id, payment_id, coalesce(code, status) AS code, created_at FROM refunds AS failed
    WHERE status = 'failed'
    AND created_at >= (SELECT max(created_at) FROM refunds WHERE payment_id = failed.payment_id)
    AND (SELECT taken FROM payments WHERE id = failed.payment_id) > (
        SELECT coalesce(sum(amount), 0) FROM refunds
        WHERE payment_id = failed.payment_id AND status <> 'failed'
    )
    ORDER BY created_at LIMIT :most
"""
_WAITING: Final = """
    SELECT id, order_id, subject, recorded_at FROM outbox
    WHERE sent_at IS NULL AND parked IS NULL ORDER BY position LIMIT :most
"""
_PARKED: Final = """
    SELECT id, order_id, parked, recorded_at FROM outbox
    WHERE parked IS NOT NULL ORDER BY position LIMIT :most
"""
_DEFERRED: Final = """
    SELECT id, charge_id, kind, deferred_at FROM deferred_notifications
    ORDER BY deferred_at LIMIT :most
"""
_UNUSABLE: Final = """
    SELECT notification_id AS id, gateway, reason, received_at FROM unusable_notifications
    ORDER BY number LIMIT :most
"""

_DIFFERENCES: Final = """
    SELECT subject AS id, coalesce(payment_id, gateway) AS owner, kind, found_at FROM differences
    WHERE resolved_at IS NULL ORDER BY found_at LIMIT :most
"""

READ: Final = Statement.of(
    text(
        f"""
        WITH
            checked AS ({_CHECKED}),
            in_review AS ({_IN_REVIEW}),
            pending_payments AS ({_PENDING_PAYMENTS})
        SELECT
            (
                SELECT coalesce(json_object_agg(status, number), '{{}}') FROM (
                    SELECT status, count(*) AS number FROM (
                        SELECT status FROM checked WHERE status NOT IN ('pending', 'review')
                        UNION ALL SELECT status FROM pending_payments
                        UNION ALL SELECT status FROM in_review
                    ) AS unfinished GROUP BY status
                ) AS numbers
            ),
            (SELECT now() - min(since) FROM checked WHERE since <= now()),
            now() - (SELECT min(created_at) FROM payments WHERE status = 'pending'),
            pending.number,
            now() - pending.oldest,
            (SELECT count(*) FROM ({_FAILED}) AS failed),
            waiting.number,
            now() - waiting.oldest,
            (SELECT count(*) FROM ({_PARKED}) AS parked),
            deferred.number,
            now() - deferred.oldest,
            (SELECT count(*) FROM ({_UNUSABLE}) AS unusable),
            (SELECT count(*) FROM ({_DIFFERENCES}) AS differing)
        FROM
            (
                SELECT count(*) AS number, min(created_at) AS oldest FROM ({_PENDING}) AS rows
            ) AS pending,
            (
                SELECT count(*) AS number, min(recorded_at) AS oldest FROM ({_WAITING}) AS rows
            ) AS waiting,
            (
                SELECT count(*) AS number, min(deferred_at) AS oldest FROM ({_DEFERRED}) AS rows
            ) AS deferred
        """  # noqa: S608 - the parts are constants of this file
    )
)


COUNT_AT_GATEWAYS: Final = Statement.of(
    text(
        """
        WITH refunded AS (
            SELECT payment_id FROM refunds
            WHERE look_at IS NOT NULL ORDER BY look_at LIMIT :most
        ), waiting AS (
            (
                SELECT id, gateway, livemode FROM payments
                WHERE look_at IS NOT NULL ORDER BY look_at LIMIT :most
            )
            UNION
            SELECT id, gateway, livemode FROM payments JOIN refunded ON id = payment_id
        )
        SELECT gateway, livemode, count(*) FROM waiting
        GROUP BY gateway, livemode ORDER BY gateway, livemode
        """
    )
)


def _oldest(kind: BacklogKind, rows: str, columns: str) -> str:
    """Return SQL for the oldest rows; the columns are belongs_to, detail and since."""
    belongs_to, detail, since = columns.split()
    condition = "WHERE since <= now()" if kind is BacklogKind.PAYMENT_OPEN else ""
    return f"""(
        SELECT '{kind.value}', id, {belongs_to}, {detail}, {since}, now() - {since}
        FROM ({rows}) AS rows {condition} ORDER BY {since}, id LIMIT :limit
    )"""  # noqa: S608 - the arguments are constants of this file


FIND_OLDEST: Final = Statement.of(
    text(
        " UNION ALL ".join(
            (
                _oldest(BacklogKind.PAYMENT_OPEN, _CHECKED, "order_id status since"),
                _oldest(
                    BacklogKind.PAYMENT_PENDING, _PENDING_PAYMENTS, "order_id status created_at"
                ),
                _oldest(BacklogKind.PAYMENT_IN_REVIEW, _IN_REVIEW, "order_id status created_at"),
                _oldest(BacklogKind.REFUND_PENDING, _PENDING, "payment_id code created_at"),
                _oldest(BacklogKind.REFUND_FAILED, _FAILED, "payment_id code created_at"),
                _oldest(BacklogKind.EVENT_WAITING, _WAITING, "order_id subject recorded_at"),
                _oldest(BacklogKind.EVENT_PARKED, _PARKED, "order_id parked recorded_at"),
                _oldest(BacklogKind.NOTIFICATION_DEFERRED, _DEFERRED, "charge_id kind deferred_at"),
                _oldest(BacklogKind.NOTIFICATION_UNUSABLE, _UNUSABLE, "gateway reason received_at"),
                _oldest(BacklogKind.DIFFERENCE, _DIFFERENCES, "owner kind found_at"),
            )
        )
    )
)


@frozen
class SqlBacklogReader:
    """Reads the backlog."""

    _database: Database

    async def read(self) -> Backlog:
        [(unfinished, *others)] = await self._database.run(
            READ, authentication_window=AUTHENTICATION_WINDOW, most=MAX_COUNTED + 1
        )
        counts = {payment_status(status): count for status, count in unfinished.items()}
        return Backlog(counts, *others)

    async def count_at_gateways(self) -> Sequence[GatewayBacklog]:
        rows = await self._database.run(COUNT_AT_GATEWAYS, most=MAX_COUNTED + 1)
        return [GatewayBacklog(*row) for row in rows]

    async def find_oldest(self, limit: int) -> Sequence[BacklogItem]:
        rows = await self._database.run(
            FIND_OLDEST,
            authentication_window=AUTHENTICATION_WINDOW,
            most=MAX_COUNTED + 1,
            limit=limit,
        )
        return [BacklogItem(BacklogKind(kind), *values) for kind, *values in rows]
