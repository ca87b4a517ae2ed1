"""Compose the HTTP service. It does not use NATS: its events go through the outbox."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from adapters.clock import utc_now
from application.ports.gateway_notifications import NotificationReader
from entrypoints.composition.runtime import open_runtime
from entrypoints.http.dependencies import HttpDependencies
from entrypoints.monitoring.backlog_metrics import BacklogMetrics
from entrypoints.settings import Settings


@contextlib.asynccontextmanager
async def open_http(settings: Settings) -> AsyncIterator[HttpDependencies]:
    """Open everything that the HTTP service needs; close it at the end."""
    async with open_runtime(settings) as runtime:

        async def database() -> None:
            await runtime.backlog.read()

        dependencies = HttpDependencies(
            use_cases=runtime.use_cases,
            idempotency_store=runtime.idempotency_store,
            notification_reader=_notification_reader(settings),
            settings=settings,
            checks={"database": database},
        )
        metrics = BacklogMetrics.on(dependencies.registry)
        refreshing = asyncio.create_task(metrics.refresh_forever(runtime.backlog))
        try:
            yield dependencies
        finally:
            refreshing.cancel()
            await asyncio.gather(refreshing, return_exceptions=True)


def _notification_reader(settings: Settings) -> NotificationReader | None:
    if not settings.stripe_webhook_secrets:
        return None
    from adapters.gateways.stripe.notifications import StripeNotificationReader

    return StripeNotificationReader(settings.stripe_webhook_secrets, utc_now)
