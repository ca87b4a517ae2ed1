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
from adapters.persistence.sql.retention import SqlRetention
from adapters.persistence.sql.statistics import statistics
from application.ports.unit_of_work import StorageUnavailable
from entrypoints.composition.parts import Parts, open_parts
from entrypoints.composition.troubles import troubles
from entrypoints.order_events import OrderIntake, PaymentCreatedIntake
from entrypoints.settings import Role, Settings
from entrypoints.workers import Loop, run_loops

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
    async with open_parts(settings) as parts:
        parts.broker.open()
        loops = [loop for role in dict.fromkeys(roles) for loop in _loops(role, parts)]
        logger.info("worker started", roles=list(roles))
        await run_loops(loops, stop)
        with contextlib.suppress(StorageUnavailable):
            await parts.use_cases.relay_outbox.leave()
    logger.info("worker stopped")


def _loops(role: Role, parts: Parts) -> list[Loop]:
    use_cases = parts.use_cases
    match role:
        case "replicate":
            orders = JetStreamSubscription(
                parts.broker, parts.streams, parts.dead_letters, ORDERS, durable="payments"
            )
            intake = OrderIntake(
                orders, use_cases.replicate_order, use_cases.cancel_order, parts.settings.currency
            )
            return [Loop("replicate", intake.run_once, idle_seconds=0)]
        case "relay":
            return [Loop("relay", use_cases.relay_outbox.run_once)]
        case "recover":
            return [
                Loop("recover", use_cases.recover_payments.run_once, RECOVER_SECONDS),
                Loop("kept", use_cases.apply_kept_notices.run_once, KEPT_SECONDS),
                Loop("forget", _forgetting(parts), RETENTION_SECONDS),
                Loop("watch", _watching(parts), WATCH_SECONDS),
            ]
        case "complete":
            paid = JetStreamSubscription(
                parts.broker,
                parts.streams,
                parts.dead_letters,
                PAYMENTS,
                durable="payments-complete",
                subjects=("payment:created",),
            )
            completion = PaymentCreatedIntake(paid, use_cases.complete_order)
            return [Loop("complete", completion.run_once, idle_seconds=0)]


def _forgetting(parts: Parts) -> Callable[[], Awaitable[int]]:
    retention = SqlRetention(parts.database)

    async def forget() -> int:
        return await retention.forget() + await parts.answers.forget(ANSWERS_KEPT)

    return forget


def _watching(parts: Parts) -> Callable[[], Awaitable[int]]:
    async def watch() -> int:
        for trouble in troubles(await statistics(parts.database)):
            logger.warning("needs attention", trouble=trouble)
        return 0

    return watch
