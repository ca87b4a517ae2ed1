"""Compose the worker on the real adapters."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry

from adapters.clock import utc_now
from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.plans import ORDERS_CONSUMER, SHIPMENTS_CONSUMER
from adapters.messaging.jetstream.subscription import JetStreamSubscription
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.history_roots import SqlHistoryRoots
from adapters.persistence.sql.readiness import Readiness
from adapters.persistence.sql.retention import SqlRetention
from adapters.persistence.sql.stream_positions import SqlStreamPositions
from application.ports.alerts import MAX_CURRENT_FOR
from application.ports.event_publisher import BrokerUnavailable
from application.ports.inbound_events import InboundEvents
from application.use_cases.align_streams import AlignStreams
from entrypoints.composition.broker import Messaging, open_connected
from entrypoints.composition.gateways import readers_of
from entrypoints.composition.metrics import exporting_metrics
from entrypoints.composition.runtime import Runtime
from entrypoints.http.probes import Check
from entrypoints.monitoring.dead_letter_metrics import REFRESH_SECONDS, DeadLetterMetrics
from entrypoints.monitoring.process_metrics import export_reconciled
from entrypoints.monitoring.root_metrics import REFRESH_SECONDS as ROOT_REFRESH_SECONDS
from entrypoints.monitoring.root_metrics import RootMetrics
from entrypoints.periodic import repeating
from entrypoints.settings import Settings
from entrypoints.worker.alignment import Alignment
from entrypoints.worker.intake import OrderIntake, PaymentCreatedIntake
from entrypoints.worker.maintenance import (
    AlertLog,
    Retention,
    RootLog,
    maintenance_loops,
    replay_loop,
)
from entrypoints.worker.metrics import WorkerMetrics
from entrypoints.worker.observed_events import ObservedEvents
from entrypoints.worker.probes import Probes
from entrypoints.worker.roles import WorkerDependencies
from entrypoints.worker.run_traces import generated_trace

if TYPE_CHECKING:
    from entrypoints.tracing.tracing import Tracing


@contextlib.asynccontextmanager
async def open_worker(
    settings: Settings, tracing: "Tracing | None" = None
) -> AsyncIterator[tuple[WorkerDependencies, Probes]]:
    """Open everything that the worker needs; close it at the end.

    Args:
        settings: the configuration.
        tracing: records spans; None for none.

    Raises:
        InvalidSetting: a gateway plug-in rejects the environment.
    """
    registry = CollectorRegistry()
    metrics = WorkerMetrics.on(registry)
    dead_letters = DeadLetterMetrics.on(registry)
    async with (
        open_connected(settings, tracing) as (runtime, messaging),
        Readiness.on(settings.database_url, settings.database_prepared) as readiness,
        exporting_metrics(runtime, registry),
    ):
        checks: Mapping[str, Check] = {
            "database": readiness.check,
            "nats": partial(_check_broker, messaging.broker),
        }
        probes = Probes(settings.host, settings.worker_port, checks, registry, metrics)
        roots = SqlHistoryRoots(runtime.database)
        export_reconciled(
            [each.name for each in runtime.gateways if each.records.charges is not None],
            runtime.use_cases.reconcile_regularly.reconciled_at,
            utc_now(),
            registry,
        )
        refresh = partial(dead_letters.refresh, messaging.dead_letters)
        refresh_root = partial(RootMetrics.on(registry).refresh, roots)
        async with (
            repeating("dead letters", refresh, REFRESH_SECONDS, REFRESH_SECONDS),
            repeating("root", refresh_root, ROOT_REFRESH_SECONDS, ROOT_REFRESH_SECONDS),
        ):
            yield _dependencies(runtime, messaging, metrics, roots, tracing), probes


async def _check_broker(broker: JetStreamConnection) -> None:
    if not broker.is_connected:
        raise BrokerUnavailable("not connected")


def _dependencies(
    runtime: Runtime,
    messaging: Messaging,
    metrics: WorkerMetrics,
    roots: SqlHistoryRoots,
    tracing: "Tracing | None",
) -> WorkerDependencies:
    use_cases = runtime.use_cases
    connection = messaging.broker, messaging.streams, messaging.dead_letters
    plans, capture_subject = messaging.streams.plans, runtime.settings.capture_subject
    orders = JetStreamSubscription(*connection, plans.orders, durable=ORDERS_CONSUMER)
    shipments = JetStreamSubscription(*connection, plans.shipments, durable=SHIPMENTS_CONSUMER)
    payments = JetStreamSubscription(
        *connection, plans.payments, durable="payments-complete", subjects=("payment:created",)
    )
    positions = SqlStreamPositions(runtime.database)

    def alignment(events: InboundEvents) -> Alignment:
        return Alignment(AlignStreams(events, positions, runtime.alerts))

    destination = messaging.broker.namespace.subject

    def observed(events: InboundEvents) -> InboundEvents:
        traced = events if tracing is None else tracing.events(events, destination)
        return ObservedEvents(traced, metrics.count_event, runtime.alerts, metrics.observe_progress)

    readers = readers_of(runtime.settings, runtime.gateways, runtime.clock)
    retention = _retention(runtime)

    def order_intake(events: InboundEvents) -> OrderIntake:
        return OrderIntake(
            observed(events),
            alignment(events),
            use_cases.replicate_order,
            use_cases.cancel_order,
            use_cases.advance_positions,
            runtime.settings.currency,
            runtime.alerts,
            capture_subject=capture_subject,
        )

    return WorkerDependencies(
        use_cases=use_cases,
        order_intake=order_intake(orders),
        shipment_intake=order_intake(shipments),
        payment_intake=PaymentCreatedIntake(
            observed(payments),
            alignment(payments),
            use_cases.complete_order,
            use_cases.advance_positions,
        ),
        outbox_signal=runtime.outbox_signal,
        trace=generated_trace if tracing is None else tracing.run,
        maintenance=(
            *maintenance_loops(
                retention,
                AlertLog(runtime.backlog, runtime.alerts),
                RootLog(roots),
            ),
            *([replay_loop(use_cases.replay_notifications, readers)] if readers else []),
        ),
    )


# What is younger is needed, whatever the settings say.
KEPT_NOTIFICATIONS: Final = timedelta(days=4)
"""The ids of applied notifications: longer than one of PayPal's is accepted."""

KEPT_ALERTS: Final = MAX_CURRENT_FOR
"""Alerts: as long as they are shown."""


def _retention(runtime: Runtime) -> Retention:
    rows = rows_kept(runtime.settings, runtime.database)
    replies_kept = timedelta(days=runtime.settings.retention_replies_days)
    return Retention(runtime.idempotency_store, rows.delete_old_rows, replies_kept)


def rows_kept(settings: Settings, database: Database) -> SqlRetention:
    """Return what deletes rows that are older than the settings say, and not needed any more."""
    return SqlRetention(
        database,
        sent=timedelta(days=settings.retention_events_days),
        received=max(timedelta(days=settings.retention_notifications_days), KEPT_NOTIFICATIONS),
        declined=timedelta(days=settings.retention_declines_days),
        alerted=max(timedelta(days=settings.retention_alerts_days), KEPT_ALERTS),
        differed=timedelta(days=settings.retention_differences_days),
    )
