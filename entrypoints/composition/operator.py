"""Compose what the operator's commands need: migrations, doctor, dead letters, outbox."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from functools import partial

from attrs import frozen

from adapters.messaging.jetstream.check import check as check_broker
from adapters.messaging.jetstream.plans import ORDERS_CONSUMER
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.health_check import check as check_database
from adapters.persistence.sql.migrate import migrate, newest_revision
from adapters.persistence.sql.outbox_queue import SqlOutboxQueue
from adapters.persistence.sql.unusable_notifications import SqlUnusableNotifications
from application.application import UseCases
from application.ports.unusable_notifications import UnusableNotifications
from entrypoints.composition.broker import open_connected
from entrypoints.composition.gateways import readers_of
from entrypoints.composition.runtime import open_runtime
from entrypoints.monitoring.doctor import CheckResult, Doctor
from entrypoints.settings import Settings


async def migrate_database(database_url: str) -> str:
    """Migrate the database to the newest schema; return its revision.

    Raises:
        StorageUnavailable: the database cannot be reached, or its schema is newer.
    """
    await asyncio.to_thread(migrate, database_url)
    return newest_revision()


@contextlib.asynccontextmanager
async def open_doctor(settings: Settings) -> AsyncIterator[Doctor]:
    """Open every dependency that `payments doctor` checks.

    Raises:
        InvalidSetting: a gateway plug-in rejects the environment.
    """
    async with open_connected(settings) as (runtime, messaging):
        yield Doctor(
            check_database=partial(check_database, runtime.database.engine),
            backlog=runtime.backlog,
            alerts=runtime.alerts,
            clock_watch=runtime.clock_watch,
            dead_letters=messaging.dead_letters,
            check_broker=partial(
                check_broker, messaging.broker, messaging.streams, ORDERS_CONSUMER
            ),
            gateways=runtime.gateways,
            adapters=runtime.adapters,
            check_sign_in=partial(check_sign_in, settings),
        )


async def check_sign_in(settings: Settings) -> CheckResult:
    """Return whether there are keys that users' tokens can be verified with."""
    if settings.jwks_url is None:
        return CheckResult("sign-in", True, "tokens are verified with JWT_KEY")
    from entrypoints.composition.key_sets import fetch_keys_from
    from entrypoints.http.jwks import NoKeySet, fetch_key_set

    try:
        key_set = await fetch_key_set(fetch_keys_from(settings.jwks_url))
    except NoKeySet as error:
        return CheckResult("sign-in", False, f"JWKS_URL: {error}")
    state = f"the identity provider has {len(key_set.keys)} usable keys"
    return CheckResult("sign-in", True, "; ".join((state, *key_set.problems)))


@contextlib.asynccontextmanager
async def open_outbox(settings: Settings) -> AsyncIterator[SqlOutboxQueue]:
    """Open the outbox; its methods raise StorageUnavailable if the database cannot be reached."""
    engine = create_engine(settings.database_url, 1, prepared=settings.database_prepared)
    try:
        yield SqlOutboxQueue(Database(engine))
    finally:
        await engine.dispose()


@contextlib.asynccontextmanager
async def open_use_cases(settings: Settings) -> AsyncIterator[UseCases]:
    """Open the use cases; they raise StorageUnavailable without the database.

    Raises:
        InvalidSetting: a gateway plug-in rejects the environment.
    """
    async with open_runtime(settings) as runtime:
        yield runtime.use_cases


@frozen
class KeptNotifications:
    """The notifications that cannot be used, and how to read them again."""

    store: UnusableNotifications
    replay: Callable[[Collection[int] | None], Awaitable[set[int]]]
    """Read these again, or all; return the numbers of those that were used."""


@contextlib.asynccontextmanager
async def open_notifications(settings: Settings) -> AsyncIterator[KeptNotifications]:
    """Open the notifications; their methods raise StorageUnavailable without the database.

    Raises:
        InvalidSetting: a gateway plug-in rejects the environment.
    """
    async with open_runtime(settings) as runtime:
        readers = readers_of(settings, runtime.gateways, runtime.clock)
        replay = partial(runtime.use_cases.replay_notifications.run_once, readers)
        yield KeptNotifications(SqlUnusableNotifications(runtime.database), replay)
