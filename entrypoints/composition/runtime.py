"""What every process of ours is made of, composed by hand from the settings."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final, assert_never

import structlog
from attrs import frozen

from adapters.messaging.jetstream import (
    JetStreamConnection,
    JetStreamDeadLetters,
    JetStreamPublisher,
    Streams,
)
from adapters.persistence.sql.backlog import SqlBacklogReader
from adapters.persistence.sql.clock import DatabaseClock
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.decline_counter import SqlDeclineCounter
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.idempotency_store import SqlIdempotencyStore
from adapters.persistence.sql.outbox_queue import SqlOutboxQueue
from adapters.persistence.sql.unit_of_work import SqlUnitOfWork
from application.application import DeclineLimits, Ports, UseCases, compose
from application.ports.clock import Clock
from application.ports.payment_gateway import GatewayAdapter
from application.ports.unit_of_work import StorageUnavailable
from entrypoints.gateway_plugin import GatewayPlugin
from entrypoints.settings import Settings
from entrypoints.trace_context import current_traceparent

logger = structlog.get_logger(__name__)

# Quartz drifts by some 50 ppm: 3 ms in a minute.
CLOCK_SECONDS: Final = 60.0

# Between two tries to learn the time while the database is away.
CLOCK_RETRY_SECONDS: Final = 1.0


@frozen
class Runtime:
    """What a process of ours is made of."""

    settings: Settings
    database: Database
    clock: DatabaseClock
    gateway: GatewayAdapter
    broker: JetStreamConnection
    streams: Streams
    dead_letters: JetStreamDeadLetters
    use_cases: UseCases
    outbox: SqlOutboxQueue
    backlog: SqlBacklogReader
    idempotency_store: SqlIdempotencyStore

    async def keep_time(self) -> None:
        """Follow the database's clock for ever."""
        while True:
            try:
                await self.clock.sync()
            except StorageUnavailable as unavailable:
                logger.warning("the database's time is unknown", reason=str(unavailable))
                await asyncio.sleep(CLOCK_RETRY_SECONDS)
            else:
                await asyncio.sleep(CLOCK_SECONDS)


@contextlib.asynccontextmanager
async def open_runtime(
    settings: Settings, gateway: GatewayAdapter | None = None
) -> AsyncIterator[Runtime]:
    """Compose everything on the real parts; the gateway is the settings' unless one is given.

    It works, if not much, while the database or the broker cannot be reached.
    """
    engine = create_engine(settings.database_url, settings.database_pool)
    database = Database(engine)
    clock = DatabaseClock(database)
    gateway = gateway or gateway_of(settings, database, clock)
    broker = JetStreamConnection(settings.nats_url)
    streams = Streams(broker)
    outbox = SqlOutboxQueue(database)
    ports = Ports(
        begin=lambda: SqlUnitOfWork(database, current_traceparent),
        outbox=outbox,
        publisher=JetStreamPublisher(broker, streams),
        gateway=gateway,
        declines=SqlDeclineCounter(database),
        now=clock,
        new_id=new_id,
        relay_name=new_id(),
    )
    limits = DeclineLimits(
        window=timedelta(seconds=settings.decline_window_seconds),
        max_declines={"user": settings.declines_per_user, "address": settings.declines_per_address},
    )
    runtime = Runtime(
        settings=settings,
        database=database,
        clock=clock,
        gateway=gateway,
        broker=broker,
        streams=streams,
        dead_letters=JetStreamDeadLetters(broker, streams),
        use_cases=compose(ports, limits),
        outbox=outbox,
        backlog=SqlBacklogReader(database),
        idempotency_store=SqlIdempotencyStore(database),
    )
    with contextlib.suppress(StorageUnavailable):
        await clock.sync()
    timekeeper = asyncio.create_task(runtime.keep_time(), name="clock")
    try:
        yield runtime
    finally:
        timekeeper.cancel()
        await asyncio.gather(timekeeper, return_exceptions=True)
        await broker.close()
        await gateway.close()
        await engine.dispose()


def gateway_of(settings: Settings, database: Database, clock: Clock) -> GatewayAdapter:
    """The gateway that the settings name.

    Raises:
        BadSetting: one of the shop's own refuses the environment.
    """
    # Each is imported only where it is wanted: the Stripe SDK alone takes 25 MiB and 0.2 s.
    name = settings.payment_gateway
    if isinstance(name, GatewayPlugin):
        return name.open()
    if name == "fake":
        from adapters.gateways.fake import FakeGateway

        # Its ledger needs transactions; the books do without.
        return FakeGateway(
            database.engine.execution_options(isolation_level="READ COMMITTED"), clock, new_id
        )
    from adapters.gateways.stripe.client import StripeApi

    key = settings.stripe_key or ""  # never empty: read_settings asks for it
    api = StripeApi(key, settings.stripe_api_base) if settings.stripe_api_base else StripeApi(key)
    if name == "stripe-charges":
        from adapters.gateways.stripe.charges import StripeCharges

        return StripeCharges(api)
    if name == "stripe-payment-intents":
        from adapters.gateways.stripe.payment_intents import StripePaymentIntents

        return StripePaymentIntents(api)
    assert_never(name)


def new_id() -> str:
    """A name nobody has used before."""
    return uuid.uuid4().hex
