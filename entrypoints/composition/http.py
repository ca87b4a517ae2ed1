"""Compose the HTTP service. Only operators' dead letters need NATS: events are in the outbox."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TYPE_CHECKING, Final

from adapters.persistence.sql.payment_search import SqlPaymentSearch
from adapters.persistence.sql.readiness import Readiness
from application.ports.inbound_events import DeadLetters
from application.use_cases.books_guard import BooksGuards
from entrypoints.composition.gateways import public_keys_of, verifying_readers_of
from entrypoints.composition.key_sets import fetch_keys_from
from entrypoints.composition.metrics import exporting_metrics
from entrypoints.composition.nats_settings import check_nats
from entrypoints.composition.runtime import open_runtime
from entrypoints.http.dependencies import HttpDependencies
from entrypoints.http.request_tracing import NoSpans
from entrypoints.monitoring.process_metrics import export_degraded_gateways
from entrypoints.periodic import repeating
from entrypoints.settings import Settings

if TYPE_CHECKING:
    from entrypoints.tracing.tracing import Tracing

# How often the readiness is asked without a probe. It opens the connection before the first probe,
# and keeps firewalls from dropping it as idle.
READINESS_SECONDS: Final = 30.0

# How often to look whether the books must be compared with the gateway's; this costs nothing.
BOOKS_SECONDS: Final = 1.0


@contextlib.asynccontextmanager
async def open_http(
    settings: Settings, tracing: "Tracing | None" = None
) -> AsyncIterator[HttpDependencies]:
    """Open everything that the HTTP service needs; close it at the end.

    Args:
        settings: the configuration.
        tracing: records spans; None for none.

    Raises:
        InvalidSetting: the address of NATS, a file or a gateway plug-in cannot be used.
    """
    check_nats(settings)
    async with (
        open_runtime(settings, tracing=tracing) as runtime,
        Readiness.on(settings.database_url, settings.database_prepared) as readiness,
    ):
        dependencies = HttpDependencies(
            use_cases=runtime.use_cases,
            idempotency_store=runtime.idempotency_store,
            notification_readers=verifying_readers_of(settings, runtime.gateways, runtime.clock),
            public_keys=public_keys_of(settings, runtime.gateways),
            settings=settings,
            alerts=runtime.alerts,
            clock=runtime.clock,
            fetch_keys_from=fetch_keys_from,
            checks={"database": readiness.check},
            search=SqlPaymentSearch(runtime.database, runtime.clock),
            open_dead_letters=partial(_open_dead_letters, settings),
            tracing=NoSpans() if tracing is None else tracing.requests(),
        )
        if settings.operators:
            # Imported only if there are operators: 25 ms of a start.
            from entrypoints.composition.console import with_console

            dependencies = with_console(dependencies, runtime)
        export_degraded_gateways(
            [each.name for each in runtime.gateways],
            runtime.use_cases.list_options.health.is_away,
            dependencies.registry,
        )
        async with (
            exporting_metrics(runtime, dependencies.registry),
            repeating("readiness", readiness.check, READINESS_SECONDS, READINESS_SECONDS),
            _comparing_books(runtime.use_cases.books_guards),
        ):
            yield dependencies


def _open_dead_letters(settings: Settings) -> AbstractAsyncContextManager[DeadLetters]:
    # NATS is imported when an operator asks: `serve` starts faster, and most never need it.
    from entrypoints.composition.dead_letters import open_dead_letters

    return open_dead_letters(settings)


@contextlib.asynccontextmanager
async def _comparing_books(guards: BooksGuards) -> AsyncIterator[None]:
    async with contextlib.AsyncExitStack() as tasks:
        for guard in guards:
            name = f"books {guard.compare.gateway.name}"
            comparing = repeating(name, guard.keep, BOOKS_SECONDS, BOOKS_SECONDS)
            await tasks.enter_async_context(comparing)
        yield
