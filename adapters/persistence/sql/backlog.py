"""The backlog, read in one statement; its cost does not grow with the number of payments."""

from typing import Final

from attrs import frozen
from sqlalchemy import text

from adapters.persistence.sql.database import Database, Statement
from adapters.persistence.sql.mappers.orders import payment_status
from application.ports.backlog import Backlog
from domain.payment import AUTHENTICATION_WINDOW

# Each part reads a partial index of unfinished rows; none reads all payments.
READ: Final = Statement.of(
    text(
        """
        SELECT
            (
                SELECT coalesce(json_object_agg(status, number), '{}') FROM (
                    SELECT status, count(*) AS number FROM (
                        SELECT status FROM payments
                            WHERE look_at IS NOT NULL AND status <> 'review'
                        UNION ALL
                        SELECT status FROM payments
                            WHERE status = 'review' AND taken > (
                                SELECT coalesce(sum(amount), 0) FROM refunds
                                WHERE payment_id = payments.id AND status <> 'failed'
                            )
                    ) AS unfinished GROUP BY status
                ) AS numbers
            ),
            (
                SELECT now() - min(since) FROM (
                    SELECT CASE status
                        WHEN 'processing' THEN created_at
                        WHEN 'requires_action'
                            THEN created_at + CAST(:authentication_window AS interval)
                    END AS since FROM payments WHERE look_at IS NOT NULL
                ) AS open WHERE since <= now()
            ),
            (SELECT count(*) FROM refunds WHERE look_at IS NOT NULL),
            (
                SELECT count(*) FROM refunds AS failed
                WHERE status = 'failed'
                AND created_at >= (
                    SELECT max(created_at) FROM refunds WHERE payment_id = failed.payment_id
                )
                AND (SELECT taken FROM payments WHERE id = failed.payment_id) > (
                    SELECT coalesce(sum(amount), 0) FROM refunds
                    WHERE payment_id = failed.payment_id AND status <> 'failed'
                )
            ),
            waiting.number,
            now() - waiting.oldest,
            (SELECT count(*) FROM outbox WHERE parked IS NOT NULL)
        FROM (
            SELECT count(*) AS number, min(recorded_at) AS oldest
            FROM outbox WHERE sent_at IS NULL AND parked IS NULL
        ) AS waiting
        """
    )
)


@frozen
class SqlBacklogReader:
    """Reads the backlog."""

    _database: Database

    async def read(self) -> Backlog:
        [(unfinished, *others)] = await self._database.run(
            READ, authentication_window=AUTHENTICATION_WINDOW
        )
        counts = {payment_status(status): count for status, count in unfinished.items()}
        return Backlog(counts, *others)
