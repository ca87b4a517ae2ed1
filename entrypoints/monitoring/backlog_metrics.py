"""How the books stand, as Prometheus gauges: what an operator wants to be woken for."""

import asyncio
from datetime import timedelta
from typing import Final

import structlog
from attrs import frozen
from prometheus_client import CollectorRegistry, Gauge

from adapters.persistence.sql.backlog import Backlog, read_backlog
from adapters.persistence.sql.database import Database
from application.ports.unit_of_work import StorageUnavailable
from domain.payment import PaymentStatus

logger = structlog.get_logger(__name__)

# Prometheus scrapes every 15 s to a minute; one statement that reads partial indexes.
REFRESH_SECONDS: Final = 15.0


@frozen
class BacklogMetrics:
    """The gauges; every replica of `serve` shows the same, so take the maximum over them."""

    payments: Gauge
    oldest_open: Gauge
    refunds: Gauge
    events: Gauge
    oldest_event: Gauge

    @classmethod
    def on(cls, registry: CollectorRegistry) -> "BacklogMetrics":
        """Make them."""
        return cls(
            Gauge(
                "payments_unfinished",
                "Payments that are still looked after, or wait for a person (review).",
                ["status"],
                registry=registry,
            ),
            Gauge(
                "payments_oldest_open_seconds",
                "How long the end of the oldest open payment has been waited for.",
                registry=registry,
            ),
            Gauge(
                "payments_refunds",
                "Refunds under way, and refused for good.",
                ["state"],
                registry=registry,
            ),
            Gauge(
                "payments_outbox_events",
                "Events waiting to be relayed, and parked ones.",
                ["state"],
                registry=registry,
            ),
            Gauge(
                "payments_outbox_oldest_seconds",
                "How long the oldest unsent event has waited.",
                registry=registry,
            ),
        )

    def show(self, seen: Backlog) -> None:
        """Take over these figures."""
        for status in PaymentStatus:
            self.payments.labels(status.value).set(seen.unfinished.get(status, 0))
        self.oldest_open.set(_seconds(seen.oldest_open))
        self.refunds.labels("under_way").set(seen.refunds_under_way)
        self.refunds.labels("refused").set(seen.refunds_failed)
        self.events.labels("waiting").set(seen.events_waiting)
        self.events.labels("parked").set(seen.events_parked)
        self.oldest_event.set(_seconds(seen.oldest_event))

    async def follow(self, database: Database) -> None:
        """Keep them up to date for ever; while the database is away they stay as they were."""
        while True:
            try:
                self.show(await read_backlog(database))
            except StorageUnavailable as unavailable:
                logger.warning("the books' gauges are out of date", reason=str(unavailable))
            await asyncio.sleep(REFRESH_SECONDS)


def _seconds(age: timedelta | None) -> float:
    return age.total_seconds() if age is not None else 0.0
