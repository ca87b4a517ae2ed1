"""Compose what every process of the service needs, from the settings."""

import contextlib
import logging
import socket
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final, assert_never

from attrs import frozen

from adapters.clock import utc_now
from adapters.identifiers import new_id
from adapters.messaging.unconnected import UnconnectedPublisher
from adapters.persistence.sql.alert_store import SqlAlertStore
from adapters.persistence.sql.backlog import SqlBacklogReader
from adapters.persistence.sql.books import SqlBooks
from adapters.persistence.sql.clock import DatabaseClock
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.decline_counter import SqlDeclineCounter
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.idempotency_store import SqlIdempotencyStore
from adapters.persistence.sql.outbox_queue import SqlOutboxQueue
from adapters.persistence.sql.outbox_signal import SqlOutboxSignal
from adapters.persistence.sql.unit_of_work import SqlUnitOfWork
from adapters.persistence.sql.unusable_notifications import SqlUnusableNotifications
from application.application import DeclineLimits, Ports, UseCases, compose
from application.ports.alerts import AlertKind
from application.ports.clock import Clock
from application.ports.event_publisher import EventPublisher
from application.ports.gateway_notifications import NotificationReader
from application.ports.gateway_plugin import InvalidSetting
from application.ports.gateways import ConfiguredGateway, Gateways
from application.ports.payment_gateway import GatewayAdapter
from application.ports.unit_of_work import StorageUnavailable
from application.throttled_alerts import WRITE_SECONDS, ThrottledAlerts
from entrypoints.gateway_plugin import GatewayPlugin
from entrypoints.logs import redact
from entrypoints.monitoring.clock_watch import ClockWatch
from entrypoints.periodic import repeating
from entrypoints.settings import Settings
from entrypoints.trace_context import current_traceparent

logger = logging.getLogger(__name__)

# How often the clock is synchronized: a quartz clock drifts by about 50 ppm, 3 ms in a minute.
CLOCK_SECONDS: Final = 60.0

# How often it is synchronized while the database cannot be reached.
CLOCK_RETRY_SECONDS: Final = 1.0


@frozen
class Runtime:
    """The composed parts of a process."""

    settings: Settings
    database: Database
    clock: DatabaseClock
    gateways: Gateways
    adapters: tuple[GatewayAdapter, ...]
    """The same gateways, in the same order."""
    use_cases: UseCases
    outbox: SqlOutboxQueue
    outbox_signal: SqlOutboxSignal
    backlog: SqlBacklogReader
    idempotency_store: SqlIdempotencyStore
    alerts: ThrottledAlerts
    clock_watch: ClockWatch

    async def sync_clock(self) -> None:
        """Read the database's time, and compare this host's clock with it.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        await self.clock.sync()
        if self.clock.problem is not None:
            await self.alerts.report(AlertKind.CLOCK_SKEW, "database", self.clock.problem)
        await self.clock_watch.check()

    async def flush_alerts(self) -> None:
        """Report what the database has refused, and write the alerts that wait."""
        for text in self.database.refusals.take():
            await self.alerts.report(AlertKind.DATABASE_REFUSAL, self.clock_watch.host_name, text)
        await self.alerts.flush()


@contextlib.asynccontextmanager
async def open_runtime(
    settings: Settings, publisher: EventPublisher | None = None
) -> AsyncIterator[Runtime]:
    """Compose the use cases on the real adapters; close the adapters at the end.

    Nothing needs to be reachable: it also succeeds while the database is down.

    Args:
        settings: the configuration.
        publisher: publishes the events of the outbox; None in a process that does not relay.

    Raises:
        InvalidSetting: a gateway plug-in rejects the environment, or the gateway cannot do what
            the settings need.
    """
    engine = create_engine(
        settings.database_url, settings.database_pool, prepared=settings.database_prepared
    )
    database = Database(engine)
    clock = DatabaseClock(database)
    adapters = (gateway_of(settings, database, clock),)
    runtime = _compose(settings, database, clock, adapters, publisher or UnconnectedPublisher())
    for each in runtime.gateways:
        if each.history.list_charges is None:
            logger.warning(
                "the gateway %s lists no charges: a database that is behind is not noticed",
                each.name,
            )
    try:
        check_capture(settings, runtime.gateways)
        with contextlib.suppress(StorageUnavailable):
            await clock.sync()
        async with (
            repeating("clock", runtime.sync_clock, CLOCK_SECONDS, CLOCK_RETRY_SECONDS),
            repeating("alerts", runtime.flush_alerts, WRITE_SECONDS, WRITE_SECONDS),
        ):
            yield runtime
    finally:
        await runtime.flush_alerts()
        await runtime.outbox_signal.close()
        for adapter in adapters:
            await adapter.close()
        await engine.dispose()


def _compose(
    settings: Settings,
    database: Database,
    clock: DatabaseClock,
    adapters: tuple[GatewayAdapter, ...],
    publisher: EventPublisher,
) -> Runtime:
    signal = SqlOutboxSignal.on(settings.database_url, settings.database_prepared)
    outbox = SqlOutboxQueue(database, lambda: signal.is_listening)
    gateways = Gateways(
        tuple(ConfiguredGateway(each, str(settings.payment_gateway)) for each in adapters)
    )
    alerts = ThrottledAlerts(SqlAlertStore(database), time.monotonic, redact)
    ports = Ports(
        begin=lambda: SqlUnitOfWork(database, current_traceparent),
        outbox=outbox,
        publisher=publisher,
        gateways=gateways,
        declines=SqlDeclineCounter(database),
        now=clock,
        new_id=new_id,
        relay_name=new_id(),
        alerts=alerts,
        unusable=SqlUnusableNotifications(database),
        books=SqlBooks(database),
    )
    return Runtime(
        settings=settings,
        database=database,
        clock=clock,
        gateways=gateways,
        adapters=adapters,
        use_cases=compose(ports, decline_limits(settings), settings.capture),
        outbox=outbox,
        outbox_signal=signal,
        backlog=SqlBacklogReader(database),
        idempotency_store=SqlIdempotencyStore(database),
        alerts=alerts,
        clock_watch=ClockWatch(socket.gethostname(), utc_now, clock, alerts),
    )


def check_capture(settings: Settings, gateways: Gateways) -> None:
    """Return if one of the gateways can capture as the settings say.

    Raises:
        InvalidSetting: all can capture at once only.
    """
    if not any(each.can_take(settings.capture) for each in gateways):
        names = ", ".join(each.name for each in gateways)
        raise InvalidSetting("CAPTURE", f"manual, but {names} can capture at once only")


def decline_limits(settings: Settings) -> DeclineLimits:
    """Return the limits; a limit of 0 is none."""
    most = {"user": settings.declines_per_user, "address": settings.declines_per_address}
    return DeclineLimits(
        window=timedelta(seconds=settings.decline_window_seconds),
        max_declines={kind: limit for kind, limit in most.items() if limit > 0},
    )


def gateway_of(settings: Settings, database: Database, clock: Clock) -> GatewayAdapter:
    """Return the gateway that the settings name.

    Raises:
        InvalidSetting: a plug-in rejects the environment.
    """
    # Only the configured adapter is imported: the Stripe SDK alone takes 25 MiB and 0.2 s.
    name = settings.payment_gateway
    if isinstance(name, GatewayPlugin):
        return name.open()
    if name == "fake":
        from adapters.gateways.fake import FakeGateway

        # It needs transactions of several statements; the service's own are single statements.
        transactional = database.engine.execution_options(isolation_level="READ COMMITTED")
        return FakeGateway(transactional, clock, new_id)
    from adapters.gateways.stripe.client import StripeApi

    key = settings.stripe_key or ""  # read_settings requires it
    api = StripeApi(key, settings.stripe_api_base) if settings.stripe_api_base else StripeApi(key)
    if name == "stripe-charges":
        from adapters.gateways.stripe.charges import StripeCharges

        return StripeCharges(api)
    if name == "stripe-payment-intents":
        from adapters.gateways.stripe.payment_intents import StripePaymentIntents

        return StripePaymentIntents(api)
    assert_never(name)


def notification_reader_of(settings: Settings, clock: Clock) -> NotificationReader | None:
    """Return the reader of Stripe's webhooks; None if Stripe is not used.

    Without a secret it verifies none, but it can read those that were kept.
    """
    uses_stripe = str(settings.payment_gateway).startswith("stripe-")
    if not settings.stripe_webhook_secrets and not uses_stripe:
        return None
    from adapters.gateways.stripe.notifications import StripeNotificationReader

    return StripeNotificationReader(settings.stripe_webhook_secrets, clock)
