"""What the HTTP service is made of. It never talks to NATS: its events go through the outbox."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from adapters.clock import utc_now
from adapters.persistence.sql.backlog import read_backlog
from entrypoints.composition.runtime import open_runtime
from entrypoints.http.dependencies import HttpDependencies
from entrypoints.monitoring.backlog_metrics import BacklogMetrics
from entrypoints.settings import Settings


@contextlib.asynccontextmanager
async def open_dependencies(settings: Settings) -> AsyncIterator[HttpDependencies]:
    """Compose it; everything is closed at the end."""
    async with open_runtime(settings) as runtime:
        notifications = None
        if settings.stripe_webhook_secrets:
            from adapters.gateways.stripe.notifications import StripeNotificationReader

            notifications = StripeNotificationReader(settings.stripe_webhook_secrets, utc_now)

        async def database() -> None:
            await read_backlog(runtime.database)

        dependencies = HttpDependencies(
            use_cases=runtime.use_cases,
            answers=runtime.answers,
            notifications=notifications,
            settings=settings,
            checks={"database": database},
        )
        following = asyncio.create_task(
            BacklogMetrics.on(dependencies.registry).follow(runtime.database)
        )
        try:
            yield dependencies
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
