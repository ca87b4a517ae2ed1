"""The current alerts of all processes, and the clock of this one, as Prometheus gauges."""

from collections import Counter

from attrs import frozen
from prometheus_client import CollectorRegistry, Gauge

from application.ports.alerts import AlertKind, Alerts


@frozen
class AlertMetrics:
    """The gauge of alerts. All processes export the same values: aggregate them with max."""

    alerts: Gauge

    @classmethod
    def on(cls, registry: CollectorRegistry) -> "AlertMetrics":
        """Register the gauge."""
        return cls(
            Gauge(
                "payments_alerts",
                "Subjects with a current alert; docs/runbook.md describes each kind.",
                ["kind"],
                registry=registry,
            )
        )

    async def refresh(self, alerts: Alerts) -> None:
        """Read the alerts and set the gauge; it keeps its values if that fails.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        counts = Counter(alert.kind for alert in await alerts.list_current())
        for kind in AlertKind:
            self.alerts.labels(kind.value).set(counts[kind])
