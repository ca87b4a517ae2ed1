"""What an operator wants to see at a glance, in one statement that stays cheap however much is kept."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from attrs import frozen
from sqlalchemy import text

from adapters.persistence.sql.database import Database, Statement
from domain.payment import AUTHENTICATION_WINDOW, PaymentStatus

# Each part reads a partial index of what is not over: there is none of all payments there are.
_STATISTICS: Final = Statement.of(
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
                        WHEN 'requires_action' THEN created_at + CAST(:at_the_bank AS interval)
                    END AS since FROM payments WHERE look_at IS NOT NULL
                ) AS open WHERE since <= now()
            ),
            (SELECT count(*) FROM refunds WHERE look_at IS NOT NULL),
            (
                SELECT count(*) FROM refunds AS refused
                WHERE status = 'failed'
                AND created_at >= (
                    SELECT max(created_at) FROM refunds WHERE payment_id = refused.payment_id
                )
                AND (SELECT taken FROM payments WHERE id = refused.payment_id) > (
                    SELECT coalesce(sum(amount), 0) FROM refunds
                    WHERE payment_id = refused.payment_id AND status <> 'failed'
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
class Backlog:
    """What is not over yet, and what a person has to see to."""

    unfinished: Mapping[PaymentStatus, int]
    """How many payments are still looked after, or in review with money left, in each status that
    has any."""
    oldest_open: timedelta | None
    """How long we have been waiting for the end of the oldest payment; None if for none. The time that a
    customer may take at their bank does not count."""
    refunds_under_way: int
    refunds_failed: int
    """Refunds that were refused with none after them, while something of the payment is left: the
    money is still with us. What the rules order back is followed by another refund by itself."""
    events_waiting: int
    oldest_event: timedelta | None
    """How long the oldest unsent event has waited; None if there is none."""
    events_parked: int


async def read_backlog(database: Database) -> Backlog:
    """Take the figures.

    Raises:
        StorageUnavailable: the database cannot be reached.
    """
    [(unfinished, *others)] = await database.run(_STATISTICS, at_the_bank=AUTHENTICATION_WINDOW)
    numbers = {PaymentStatus(status): number for status, number in unfinished.items()}
    return Backlog(numbers, *others)
