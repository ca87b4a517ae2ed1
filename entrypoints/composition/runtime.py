"""Compose what every process of the service needs, from the settings."""

import contextlib
import logging
import socket
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Final

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
from adapters.persistence.sql.differences import SqlDifferences
from adapters.persistence.sql.idempotency_store import SqlIdempotencyStore
from adapters.persistence.sql.order_histories import SqlOrderHistories
from adapters.persistence.sql.outbox_queue import SqlOutboxQueue
from adapters.persistence.sql.outbox_signal import SqlOutboxSignal
from adapters.persistence.sql.payment_pages import SqlPaymentPages
from adapters.persistence.sql.unit_of_work import SqlUnitOfWork
from adapters.persistence.sql.unusable_notifications import SqlUnusableNotifications
from application.acting import current_actor
from application.application import DeclineLimits, Ports, UseCases, compose
from application.ports.alerts import AlertKind
from application.ports.event_publisher import EventPublisher
from application.ports.gateways import Gateways
from application.ports.payment_gateway import GatewayAdapter
from application.ports.unit_of_work import StorageUnavailable
from application.throttled_alerts import WRITE_SECONDS, ThrottledAlerts
from entrypoints.composition.database import database_of
from entrypoints.composition.gateways import OpenGateways, open_gateways
from entrypoints.logs import redact
from entrypoints.monitoring.clock_watch import ClockWatch
from entrypoints.monitoring.gateway_metrics import GatewayMetrics
from entrypoints.periodic import repeating
from entrypoints.settings import Settings
from entrypoints.trace_context import current_traceparent

if TYPE_CHECKING:  # it imports OpenTelemetry, which is not needed without spans
    from entrypoints.tracing.tracing import Tracing

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
    gateway_metrics: GatewayMetrics

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
    settings: Settings,
    publisher: EventPublisher | None = None,
    tracing: "Tracing | None" = None,
) -> AsyncIterator[Runtime]:
    """Compose the use cases on the real adapters; close the adapters at the end.

    Nothing needs to be reachable: it also succeeds while the database is down.

    Args:
        settings: the configuration.
        publisher: publishes the events of the outbox; None in a process that does not relay.
        tracing: records the spans of statements and of calls of gateways; None for none.

    Raises:
        InvalidSetting: a gateway plug-in rejects the environment, or the gateway cannot do what
            the settings need.
    """
    database = database_of(settings, tracing)
    clock = DatabaseClock(database)
    async with contextlib.AsyncExitStack() as stack:
        opened = await stack.enter_async_context(open_gateways(settings, database, clock, tracing))
        stack.push_async_callback(database.engine.dispose)
        runtime = _compose(settings, database, clock, opened, publisher or UnconnectedPublisher())
        stack.push_async_callback(runtime.outbox_signal.close)
        stack.push_async_callback(runtime.flush_alerts)
        _warn_of_missing_lists(opened.gateways)
        with contextlib.suppress(StorageUnavailable):
            await clock.sync()
        async with (
            repeating("clock", runtime.sync_clock, CLOCK_SECONDS, CLOCK_RETRY_SECONDS),
            repeating("alerts", runtime.flush_alerts, WRITE_SECONDS, WRITE_SECONDS),
        ):
            yield runtime


def _warn_of_missing_lists(gateways: Gateways) -> None:
    for each in gateways:
        if each.history.list_charges is None:
            logger.warning(
                "the gateway %s lists no charges: a database that is behind is not noticed",
                each.name,
            )


def _compose(
    settings: Settings,
    database: Database,
    clock: DatabaseClock,
    opened: OpenGateways,
    publisher: EventPublisher,
) -> Runtime:
    signal = SqlOutboxSignal.on(settings.database_url, settings.database_prepared)
    outbox = SqlOutboxQueue(database, lambda: signal.is_listening)
    alerts = ThrottledAlerts(SqlAlertStore(database), time.monotonic, redact)
    ports = Ports(
        begin=lambda: SqlUnitOfWork(database, current_traceparent, current_actor, clock),
        outbox=outbox,
        publisher=publisher,
        gateways=opened.gateways,
        declines=SqlDeclineCounter(database),
        now=clock,
        new_id=new_id,
        relay_name=new_id(),
        alerts=alerts,
        unusable=SqlUnusableNotifications(database),
        books=SqlBooks(database),
        differences=SqlDifferences(database),
        payment_pages=SqlPaymentPages(database),
        histories=SqlOrderHistories(database),
    )
    return Runtime(
        settings=settings,
        database=database,
        clock=clock,
        gateways=opened.gateways,
        adapters=opened.adapters,
        use_cases=compose(ports, decline_limits(settings), settings.capture),
        outbox=outbox,
        outbox_signal=signal,
        backlog=SqlBacklogReader(database),
        idempotency_store=SqlIdempotencyStore(database),
        alerts=alerts,
        clock_watch=ClockWatch(socket.gethostname(), utc_now, clock, alerts),
        gateway_metrics=opened.metrics,
    )


def decline_limits(settings: Settings) -> DeclineLimits:
    """Return the limits; a limit of 0 is none."""
    most = {"user": settings.declines_per_user, "address": settings.declines_per_address}
    return DeclineLimits(
        window=timedelta(seconds=settings.decline_window_seconds),
        max_declines={kind: limit for kind, limit in most.items() if limit > 0},
    )
