"""Compose the metrics that serve and worker have in common, and refresh them."""

import contextlib
from collections.abc import AsyncIterator
from functools import partial

from prometheus_client import CollectorRegistry, Gauge

from application.ports.unit_of_work import StorageUnavailable
from entrypoints.composition.runtime import Runtime
from entrypoints.monitoring.alert_metrics import AlertMetrics
from entrypoints.monitoring.backlog_metrics import REFRESH_SECONDS, BacklogMetrics
from entrypoints.monitoring.clock_watch import ClockWatch
from entrypoints.periodic import repeating


@contextlib.asynccontextmanager
async def exporting_metrics(runtime: Runtime, registry: CollectorRegistry) -> AsyncIterator[None]:
    """Export backlog, alerts and clock on this registry until the block ends."""
    backlog = partial(BacklogMetrics.on(registry).refresh, runtime.backlog)
    alerts = partial(AlertMetrics.on(registry).refresh, runtime.alerts)
    offset = Gauge(
        "payments_clock_offset_seconds",
        "How far the clock of this host is ahead of the database's.",
        registry=registry,
    )
    offset.set_function(partial(_offset, runtime.clock_watch))
    async with (
        repeating("backlog metrics", backlog, REFRESH_SECONDS, REFRESH_SECONDS),
        repeating("alert metrics", alerts, REFRESH_SECONDS, REFRESH_SECONDS),
    ):
        yield


def _offset(watch: ClockWatch) -> float:
    try:
        return watch.offset
    except StorageUnavailable:
        return float("nan")
