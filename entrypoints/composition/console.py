"""Compose the operators' console."""

from contextlib import AbstractAsyncContextManager
from functools import partial

from attrs import evolve

from adapters.persistence.sql.differences import SqlDifferences
from adapters.persistence.sql.operator_sessions import SqlOperatorSessions
from adapters.persistence.sql.order_ids import SqlOrderIds
from adapters.persistence.sql.payment_figures import SqlPaymentFigures
from application.ports.inbound_lag import InboundLag
from entrypoints.composition.runtime import Runtime
from entrypoints.console.app import console_errors, console_routes
from entrypoints.console.ports import ConsolePorts
from entrypoints.http.dependencies import HttpDependencies
from entrypoints.settings import Settings


def with_console(dependencies: HttpDependencies, runtime: Runtime) -> HttpDependencies:
    """Return the dependencies of a service that has the console, too."""
    settings, database = dependencies.settings, runtime.database
    ports = ConsolePorts(
        sessions=SqlOperatorSessions(database),
        order_ids=SqlOrderIds(database),
        backlog=runtime.backlog,
        differences=SqlDifferences(database),
        figures=SqlPaymentFigures(database),
        open_lag=partial(_open_lag, settings),
    )
    return evolve(
        dependencies,
        more_routes=partial(console_routes, ports),
        show_error=console_errors(settings),
    )


def _open_lag(settings: Settings) -> AbstractAsyncContextManager[InboundLag]:
    # NATS is imported when an operator asks.
    from entrypoints.composition.dead_letters import open_lag

    return open_lag(settings)
