"""Compose the metrics that serve and worker have in common, and refresh them."""

import contextlib
from collections.abc import AsyncIterator
from functools import partial
from importlib.metadata import version

from prometheus_client import CollectorRegistry

from entrypoints.composition.runtime import Runtime
from entrypoints.monitoring.alert_metrics import AlertMetrics
from entrypoints.monitoring.backlog_metrics import REFRESH_SECONDS, BacklogMetrics
from entrypoints.monitoring.process_metrics import export_pool, export_version
from entrypoints.periodic import repeating


@contextlib.asynccontextmanager
async def exporting_metrics(runtime: Runtime, registry: CollectorRegistry) -> AsyncIterator[None]:
    """Export backlog, alerts, clock, gateways, pool and version until the block ends."""
    backlog = partial(BacklogMetrics.on(registry).refresh, runtime.backlog)
    alerts = partial(AlertMetrics.on(registry).refresh, runtime.alerts)
    runtime.clock_watch.export(registry)
    runtime.gateway_metrics.export(registry)
    export_pool(runtime.database.pool, registry)
    export_version(version("payments"), registry)
    async with (
        repeating("backlog metrics", backlog, REFRESH_SECONDS, REFRESH_SECONDS),
        repeating("alert metrics", alerts, REFRESH_SECONDS, REFRESH_SECONDS),
    ):
        yield
