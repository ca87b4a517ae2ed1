"""The worker: its roles, and the loops that play them."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

import structlog

from adapters.messaging.jetstream import JetStreamSubscription
from adapters.messaging.jetstream.streams import ORDERS, PAYMENTS
from adapters.persistence.sql.backlog import read_backlog
from adapters.persistence.sql.retention import SqlRetention
from application.ports.unit_of_work import StorageUnavailable
from entrypoints.composition.runtime import Runtime, open_runtime
from entrypoints.monitoring.alerts import find_alerts
from entrypoints.settings import Role, Settings
from entrypoints.worker.intake import OrderIntake, PaymentCreatedIntake
from entrypoints.worker.loops import Loop, run_loops

logger = structlog.get_logger(__name__)

# Looking costs one cheap statement; a refund of a cancelled order leaves this soon.
RECOVER_SECONDS: Final = 0.5

# A notice that has waited for its charge may wait some seconds more; a look is one cheap statement.
KEPT_SECONDS: Final = 5.0

# What is forgotten is days old; an hour more or less is nothing, and a bounded part goes at a time.
RETENTION_SECONDS: Final = 3600.0

# How long a client may repeat a request and get the first answer; 24 hours are promised.
ANSWERS_KEPT: Final = timedelta(hours=48)

# A trouble that a person has to see to is told again once a minute.
WATCH_SECONDS: Final = 60.0


async def run_worker(settings: Settings, roles: Sequence[Role]) -> None:
    """Do what these roles do until SIGTERM or SIGINT, then finish what is under way."""
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    async with open_runtime(settings) as runtime:
        runtime.broker.open()
        loops = [loop for role in dict.fromkeys(roles) for loop in _loops(role, runtime)]
        logger.info("worker started", roles=list(roles))
        await run_loops(loops, stop)
        with contextlib.suppress(StorageUnavailable):
            await runtime.use_cases.relay_outbox.release_lease()
    logger.info("worker stopped")


def _loops(role: Role, runtime: Runtime) -> list[Loop]:
    use_cases = runtime.use_cases
    match role:
        case "replicate":
            orders = JetStreamSubscription(
                runtime.broker, runtime.streams, runtime.dead_letters, ORDERS, durable="payments"
            )
            intake = OrderIntake(
                orders, use_cases.replicate_order, use_cases.cancel_order, runtime.settings.currency
            )
            return [Loop("replicate", intake.run_once, idle_seconds=0)]
        case "relay":
            return [Loop("relay", use_cases.relay_outbox.run_once)]
        case "recover":
            return [
                Loop("recover", use_cases.recover_payments.run_once, RECOVER_SECONDS),
                Loop("kept", use_cases.apply_deferred_notifications.run_once, KEPT_SECONDS),
                Loop("forget", _forgetting(runtime), RETENTION_SECONDS),
                Loop("watch", _watching(runtime), WATCH_SECONDS),
            ]
        case "complete":
            paid = JetStreamSubscription(
                runtime.broker,
                runtime.streams,
                runtime.dead_letters,
                PAYMENTS,
                durable="payments-complete",
                subjects=("payment:created",),
            )
            completion = PaymentCreatedIntake(paid, use_cases.complete_order)
            return [Loop("complete", completion.run_once, idle_seconds=0)]


def _forgetting(runtime: Runtime) -> Callable[[], Awaitable[int]]:
    retention = SqlRetention(runtime.database)

    async def forget() -> int:
        return await retention.forget() + await runtime.answers.delete_older_than(ANSWERS_KEPT)

    return forget


def _watching(runtime: Runtime) -> Callable[[], Awaitable[int]]:
    async def watch() -> int:
        for kind in find_alerts(await read_backlog(runtime.database)):
            logger.warning("needs attention", kind=kind)
        return 0

    return watch
