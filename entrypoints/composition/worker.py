"""Compose the worker on the real adapters."""

import contextlib
from collections.abc import AsyncIterator

from adapters.messaging.jetstream import JetStreamSubscription
from adapters.messaging.jetstream.streams import ORDERS, PAYMENTS
from adapters.persistence.sql.retention import SqlRetention
from adapters.persistence.sql.stream_positions import SqlStreamPositions
from application.ports.inbound_events import InboundEvents
from application.use_cases.align_streams import AlignStreams
from entrypoints.composition.runtime import Runtime, open_runtime
from entrypoints.settings import Settings
from entrypoints.worker.alignment import Alignment
from entrypoints.worker.intake import OrderIntake, PaymentCreatedIntake
from entrypoints.worker.maintenance import AlertLog, Retention, maintenance_loops
from entrypoints.worker.roles import WorkerDependencies


@contextlib.asynccontextmanager
async def open_worker(settings: Settings) -> AsyncIterator[WorkerDependencies]:
    """Open everything that the worker needs; close it at the end.

    Raises:
        InvalidSetting: a gateway plug-in rejects the environment.
    """
    async with open_runtime(settings) as runtime:
        runtime.broker.open()
        yield _dependencies(runtime)


def _dependencies(runtime: Runtime) -> WorkerDependencies:
    use_cases = runtime.use_cases
    connection = runtime.broker, runtime.streams, runtime.dead_letters
    orders = JetStreamSubscription(*connection, ORDERS, durable="payments")
    payments = JetStreamSubscription(
        *connection, PAYMENTS, durable="payments-complete", subjects=("payment:created",)
    )
    positions = SqlStreamPositions(runtime.database)

    def alignment(events: InboundEvents) -> Alignment:
        return Alignment(AlignStreams(events, positions, runtime.alerts))

    retention = Retention(runtime.idempotency_store, SqlRetention(runtime.database).delete_old_rows)
    return WorkerDependencies(
        use_cases=use_cases,
        order_intake=OrderIntake(
            orders,
            alignment(orders),
            use_cases.replicate_order,
            use_cases.cancel_order,
            use_cases.advance_positions,
            runtime.settings.currency,
            runtime.alerts,
        ),
        payment_intake=PaymentCreatedIntake(
            payments, alignment(payments), use_cases.complete_order, use_cases.advance_positions
        ),
        maintenance=maintenance_loops(retention, AlertLog(runtime.backlog, runtime.alerts)),
    )
