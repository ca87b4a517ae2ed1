"""Compose the HTTP service. It does not use NATS: its events go through the outbox."""

import contextlib
from collections.abc import AsyncIterator
from typing import Final

from adapters.clock import utc_now
from adapters.persistence.sql.readiness import Readiness
from application.ports.gateway_notifications import NotificationReader
from entrypoints.composition.metrics import exporting_metrics
from entrypoints.composition.runtime import open_runtime
from entrypoints.http.dependencies import HttpDependencies
from entrypoints.periodic import repeating
from entrypoints.settings import Settings

# How often the readiness is asked without a probe. It opens the connection before the first probe,
# and keeps firewalls from dropping it as idle.
READINESS_SECONDS: Final = 30.0


@contextlib.asynccontextmanager
async def open_http(settings: Settings) -> AsyncIterator[HttpDependencies]:
    """Open everything that the HTTP service needs; close it at the end.

    Raises:
        InvalidSetting: a gateway plug-in rejects the environment.
    """
    async with (
        open_runtime(settings) as runtime,
        Readiness.on(settings.database_url, settings.database_prepared) as readiness,
    ):
        dependencies = HttpDependencies(
            use_cases=runtime.use_cases,
            idempotency_store=runtime.idempotency_store,
            notification_reader=_notification_reader(settings),
            settings=settings,
            alerts=runtime.alerts,
            clock=runtime.clock,
            checks={"database": readiness.check},
        )
        async with (
            exporting_metrics(runtime, dependencies.registry),
            repeating("readiness", readiness.check, READINESS_SECONDS, READINESS_SECONDS),
        ):
            yield dependencies


def _notification_reader(settings: Settings) -> NotificationReader | None:
    if not settings.stripe_webhook_secrets:
        return None
    from adapters.gateways.stripe.notifications import StripeNotificationReader

    return StripeNotificationReader(settings.stripe_webhook_secrets, utc_now)
