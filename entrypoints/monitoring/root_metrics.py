"""The newest root over all histories, as a Prometheus gauge."""

from typing import Final

from attrs import frozen
from prometheus_client import CollectorRegistry, Gauge

from application.ports.history_roots import HistoryRoots

REFRESH_SECONDS: Final = 15.0
"""As often as the backlog; it costs one row of an index."""


@frozen
class RootMetrics:
    """The gauge. All workers export the same value: aggregate it with max."""

    recorded: Gauge

    @classmethod
    def on(cls, registry: CollectorRegistry) -> "RootMetrics":
        """Register the gauge."""
        name = "payments_history_root_timestamp_seconds"
        text = "When the newest root over all histories was recorded; 0 if there is none."
        return cls(Gauge(name, text, registry=registry))

    async def refresh(self, roots: HistoryRoots) -> None:
        """Read the newest root and set the gauge; it keeps its value if that fails.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        for root in await roots.newest(1):
            self.recorded.set(root.at.timestamp())
