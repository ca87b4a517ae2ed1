"""What an operator's commands need: migrate, doctor, dead letters, outbox."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from attrs import frozen

from adapters.messaging.jetstream import JetStreamConnection, JetStreamDeadLetters, Streams
from adapters.messaging.jetstream import check as check_broker
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.health_check import check as check_database
from adapters.persistence.sql.migrate import migrate, newest_revision
from adapters.persistence.sql.outbox_queue import SqlOutboxQueue
from application.ports.inbound_events import DeadLetters
from application.ports.payment_gateway import GatewayUnavailable, OutcomeUnknown
from application.ports.unit_of_work import StorageUnavailable
from entrypoints.composition.runtime import Runtime, open_runtime
from entrypoints.monitoring.alerts import find_alerts
from entrypoints.settings import InvalidSetting, Settings


async def migrate_database(database_url: str) -> str:
    """Bring the database to the newest schema; says which that is.

    Raises:
        StorageUnavailable: the database cannot be reached.
    """
    await asyncio.to_thread(migrate, database_url)
    return f"the database has schema {newest_revision()}"


@frozen
class CheckResult:
    """What the doctor found about one thing."""

    name: str
    well: bool
    text: str


async def examine(settings: Settings) -> list[CheckResult]:
    """Look at everything we depend on, and change nothing."""
    try:
        async with open_runtime(settings) as runtime:
            runtime.broker.open()
            return [
                *await _database(runtime),
                *(
                    CheckResult("nats", each.well, each.text)
                    for each in await check_broker(runtime.broker, runtime.streams)
                ),
                await _gateway(runtime),
            ]
    except InvalidSetting as bad:  # a variable of the shop's own gateway
        return [CheckResult("gateway", False, str(bad))]


async def _database(runtime: Runtime) -> list[CheckResult]:
    try:
        found = await check_database(runtime.database.engine)
        if found.problems:
            return [CheckResult("database", False, problem) for problem in found.problems]
        text = f"PostgreSQL {found.server}, schema {found.revision}"
        seen = find_alerts(await runtime.backlog.read())
        return [
            CheckResult("database", True, text),
            *(CheckResult("books", False, kind) for kind in seen),
        ]
    except StorageUnavailable as unavailable:
        return [CheckResult("database", False, str(unavailable))]


async def _gateway(runtime: Runtime) -> CheckResult:
    try:
        await runtime.gateway.check()
    except (OutcomeUnknown, GatewayUnavailable) as unavailable:
        return CheckResult("gateway", False, str(unavailable))
    return CheckResult("gateway", True, f"{runtime.settings.payment_gateway} is ready")


@contextlib.asynccontextmanager
async def dead_letters_of(settings: Settings) -> AsyncIterator[DeadLetters]:
    """The dead letters.

    Raises:
        BrokerUnavailable: by its methods, if NATS cannot be reached.
    """
    async with JetStreamConnection(settings.nats_url) as broker:
        yield JetStreamDeadLetters(broker, Streams(broker))


async def republish(settings: Settings, since: datetime) -> int:
    """Have the events sent since then (UTC) sent again; how many.

    Raises:
        StorageUnavailable: the database cannot be reached.
    """
    engine = create_engine(settings.database_url, 1)
    try:
        return await SqlOutboxQueue(Database(engine)).republish(since.replace(tzinfo=UTC))
    finally:
        await engine.dispose()
