"""Compose the worker: its roles on the real adapters."""

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog

from adapters.messaging.jetstream import JetStreamSubscription
from adapters.messaging.jetstream.streams import ORDERS, PAYMENTS
from adapters.persistence.sql.retention import SqlRetention
from application.ports.unit_of_work import StorageUnavailable
from entrypoints.composition.runtime import Runtime, open_runtime
from entrypoints.monitoring.alerts import find_alerts
from entrypoints.settings import Settings
from entrypoints.worker import Role
from entrypoints.worker.intake import OrderIntake, PaymentCreatedIntake
from entrypoints.worker.loops import Loop, run_loops
from entrypoints.worker.roles import WorkerDependencies, loops_of

logger = structlog.get_logger(__name__)

# Rows are deleted days after they are needed, so an hour does not matter.
RETENTION_SECONDS: Final = 3600.0

# How long a client may repeat a request and get the first reply; 24 hours are promised.
REPLIES_KEPT: Final = timedelta(hours=48)

# How often an alert that needs an operator is logged again.
ALERT_SECONDS: Final = 60.0


async def run_worker(settings: Settings, roles: Sequence[Role]) -> None:
    """Run these roles until SIGTERM or SIGINT, then finish the work in progress."""
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    async with open_runtime(settings) as runtime:
        runtime.broker.open()
        dependencies = _dependencies(runtime)
        loops = [loop for role in dict.fromkeys(roles) for loop in loops_of(role, dependencies)]
        logger.info("worker started", roles=list(roles))
        await run_loops(loops, stop)
        with contextlib.suppress(StorageUnavailable):
            await runtime.use_cases.relay_outbox.release_lease()
    logger.info("worker stopped")


def _dependencies(runtime: Runtime) -> WorkerDependencies:
    use_cases = runtime.use_cases
    connection = runtime.broker, runtime.streams, runtime.dead_letters
    orders = JetStreamSubscription(*connection, ORDERS, durable="payments")
    payments = JetStreamSubscription(
        *connection, PAYMENTS, durable="payments-complete", subjects=("payment:created",)
    )
    return WorkerDependencies(
        use_cases=use_cases,
        order_intake=OrderIntake(
            orders, use_cases.replicate_order, use_cases.cancel_order, runtime.settings.currency
        ),
        payment_intake=PaymentCreatedIntake(payments, use_cases.complete_order),
        maintenance=_maintenance(runtime),
    )


def _maintenance(runtime: Runtime) -> tuple[Loop, ...]:
    retention = SqlRetention(runtime.database)

    async def delete_old_rows() -> int:
        replies = await runtime.idempotency_store.delete_older_than(REPLIES_KEPT)
        return replies + await retention.delete_old_rows()

    async def log_alerts() -> int:
        for alert in find_alerts(await runtime.backlog.read()):
            logger.warning("needs attention", alert=alert)
        return 0

    return (
        Loop("retention", delete_old_rows, RETENTION_SECONDS),
        Loop("alerts", log_alerts, ALERT_SECONDS),
    )
