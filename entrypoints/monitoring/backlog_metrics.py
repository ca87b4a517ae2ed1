"""The backlog as Prometheus gauges, for dashboards and alert rules."""

from datetime import timedelta
from typing import Final

from attrs import frozen
from prometheus_client import CollectorRegistry, Gauge

from application.ports.backlog import Backlog, BacklogReader
from domain.payment_status import PaymentStatus

# Prometheus scrapes every 15 s to a minute; a refresh is one statement on partial indexes.
REFRESH_SECONDS: Final = 15.0


@frozen
class BacklogMetrics:
    """The gauges. All processes export the same values: aggregate them with max, not with sum."""

    payments: Gauge
    oldest_open: Gauge
    oldest_pending: Gauge
    refunds: Gauge
    oldest_refund: Gauge
    events: Gauge
    oldest_event: Gauge
    notifications: Gauge
    oldest_notification: Gauge
    unusable_notifications: Gauge
    differences: Gauge

    @classmethod
    def on(cls, registry: CollectorRegistry) -> "BacklogMetrics":
        """Register the gauges."""
        return cls(
            Gauge(
                "payments_unfinished",
                "Payments that recovery still checks, or that wait for an operator (review).",
                ["status"],
                registry=registry,
            ),
            Gauge(
                "payments_oldest_open_seconds",
                "How long the oldest open payment has waited for its outcome.",
                registry=registry,
            ),
            Gauge(
                "payments_oldest_pending_seconds",
                "How long the oldest pending payment has waited for its money.",
                registry=registry,
            ),
            Gauge(
                "payments_refunds",
                "Refunds that are pending, and refunds that failed and are not retried.",
                ["state"],
                registry=registry,
            ),
            Gauge(
                "payments_refunds_oldest_seconds",
                "How long the oldest pending refund has waited.",
                registry=registry,
            ),
            Gauge(
                "payments_outbox_events",
                "Events waiting to be relayed, and events that cannot be published (parked).",
                ["state"],
                registry=registry,
            ),
            Gauge(
                "payments_outbox_oldest_seconds",
                "How long the oldest unsent event has waited.",
                registry=registry,
            ),
            Gauge(
                "payments_notifications_deferred",
                "Notifications whose charge is not known yet.",
                registry=registry,
            ),
            Gauge(
                "payments_notifications_oldest_seconds",
                "How long the oldest deferred notification has waited.",
                registry=registry,
            ),
            Gauge(
                "payments_notifications_unusable",
                "Verified notifications that are kept because they cannot be used.",
                registry=registry,
            ),
            Gauge(
                "payments_differences",
                "Open differences between the gateways' books and ours.",
                registry=registry,
            ),
        )

    def set(self, backlog: Backlog) -> None:
        """Set the gauges to these figures."""
        for status in PaymentStatus:
            self.payments.labels(status.value).set(backlog.unfinished.get(status, 0))
        self.oldest_open.set(_seconds(backlog.oldest_open))
        self.oldest_pending.set(_seconds(backlog.oldest_pending))
        self.refunds.labels("pending").set(backlog.refunds_pending)
        self.refunds.labels("failed").set(backlog.refunds_failed)
        self.oldest_refund.set(_seconds(backlog.oldest_refund))
        self.events.labels("waiting").set(backlog.events_waiting)
        self.events.labels("parked").set(backlog.events_parked)
        self.oldest_event.set(_seconds(backlog.oldest_event))
        self.notifications.set(backlog.notifications_deferred)
        self.oldest_notification.set(_seconds(backlog.oldest_deferred))
        self.unusable_notifications.set(backlog.notifications_unusable)
        self.differences.set(backlog.differences)

    async def refresh(self, reader: BacklogReader) -> None:
        """Read the backlog and set the gauges; they keep their values if that fails.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        self.set(await reader.read())


def _seconds(age: timedelta | None) -> float:
    return age.total_seconds() if age is not None else 0.0
