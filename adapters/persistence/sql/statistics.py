"""What an operator wants to see at a glance, in one statement that stays cheap however much is kept."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from attrs import frozen
from sqlalchemy import text

from adapters.persistence.sql.database import Database, Statement
from domain.payment import PaymentStatus

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
                SELECT now() - min(created_at) FROM payments
                WHERE look_at IS NOT NULL AND status IN ('processing', 'requires_action')
            ),
            (SELECT count(*) FROM refunds WHERE look_at IS NOT NULL),
            (SELECT count(*) FROM refunds WHERE status = 'failed' AND look_at IS NULL),
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
class Statistics:
    """What is not over yet, and what a person has to see to."""

    unfinished: Mapping[PaymentStatus, int]
    """How many payments are still looked after, or in review with money left, in each status that
    has any."""
    oldest_open: timedelta | None
    """How long ago the oldest payment began whose end is not known; None if there is none."""
    refunds_under_way: int
    refunds_failed: int
    """Refunds that were refused for good: the money is still with us."""
    events_waiting: int
    oldest_event: timedelta | None
    """How long the oldest unsent event has waited; None if there is none."""
    events_parked: int


async def statistics(database: Database) -> Statistics:
    """Take the figures.

    Raises:
        StorageUnavailable: the database cannot be reached.
    """
    [(unfinished, *others)] = await database.run(_STATISTICS)
    numbers = {PaymentStatus(status): number for status, number in unfinished.items()}
    return Statistics(numbers, *others)
