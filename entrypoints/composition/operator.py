"""What an operator's commands need: migrate, doctor, dead letters, outbox."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from attrs import frozen

from adapters.messaging.jetstream import JetStreamConnection, JetStreamDeadLetters, Streams
from adapters.messaging.jetstream import check as check_broker
from adapters.persistence.sql.checkup import check as check_database
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.migrate import migrate, newest_revision
from adapters.persistence.sql.outbox_queue import SqlOutboxQueue
from adapters.persistence.sql.statistics import statistics
from application.ports.inbound_events import DeadLetters
from application.ports.payment_gateway import GatewayUnavailable, OutcomeUnknown
from application.ports.unit_of_work import StorageUnavailable
from entrypoints.composition.parts import Parts, open_parts
from entrypoints.composition.troubles import troubles
from entrypoints.settings import BadSetting, Settings


async def migrate_database(database_url: str) -> str:
    """Bring the database to the newest schema; says which that is.

    Raises:
        StorageUnavailable: the database cannot be reached.
    """
    await asyncio.to_thread(migrate, database_url)
    return f"the database has schema {newest_revision()}"


@frozen
class Finding:
    """What the doctor found about one thing."""

    name: str
    well: bool
    text: str


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything we depend on, and change nothing."""
    try:
        async with open_parts(settings) as parts:
            parts.broker.open()
            return [
                *await _database(parts),
                *(
                    Finding("nats", each.well, each.text)
                    for each in await check_broker(parts.broker, parts.streams)
                ),
                await _gateway(parts),
            ]
    except BadSetting as bad:  # a variable of the shop's own gateway
        return [Finding("gateway", False, str(bad))]


async def _database(parts: Parts) -> list[Finding]:
    try:
        found = await check_database(parts.database.engine)
        if found.problems:
            return [Finding("database", False, problem) for problem in found.problems]
        text = f"PostgreSQL {found.server}, schema {found.revision}"
        seen = troubles(await statistics(parts.database))
        return [
            Finding("database", True, text),
            *(Finding("books", False, trouble) for trouble in seen),
        ]
    except StorageUnavailable as unavailable:
        return [Finding("database", False, str(unavailable))]


async def _gateway(parts: Parts) -> Finding:
    try:
        await parts.gateway.check()
    except (OutcomeUnknown, GatewayUnavailable) as unavailable:
        return Finding("gateway", False, str(unavailable))
    return Finding("gateway", True, f"{parts.settings.payment_gateway} is ready")


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
