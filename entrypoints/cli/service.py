"""The long-running commands: serve and worker."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, get_args

import click

from application.ports.gateway_plugin import InvalidSetting
from entrypoints.cli.running import fail, import_structlog, log_oddities, run, settings_or_exit
from entrypoints.garbage import pause_collection
from entrypoints.settings import Settings
from entrypoints.worker import DEFAULT_ROLES, Role

if TYPE_CHECKING:
    from entrypoints.tracing.tracing import Tracing


@click.command()
def serve() -> None:
    """Run the HTTP service.

    SIGTERM stops it gracefully: requests in progress, and their charges, are finished first.
    """
    pause_collection()
    import_structlog()
    from entrypoints.composition.http import open_http
    from entrypoints.http.server import serve as serve_http
    from entrypoints.logs import configure_logs

    settings = settings_or_exit()
    configure_logs()
    log_oddities(settings)
    with _spans(settings, "payments-serve") as tracing:
        serve_http(open_http(settings, tracing))


@click.command()
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice(get_args(Role)),
    help="A role of this worker; repeatable.  [default: all but complete]",
)
def worker(roles: tuple[Role, ...]) -> None:
    """Run the worker: events and recovery.

    \b
    replicate  update our replica of the orders from order:created, order:cancelled, order:shipped
    relay      publish the events of the outbox to NATS
    recover    settle payments and refunds that a crash, a timeout or a cancellation left open;
               delete old rows, log alerts
    reconcile  compare the gateways' books with ours at the start and every hour, and repair
               what differs
    complete   the orders service's side of payment:created: mark the order as complete

    Any number of workers may run any role. SIGTERM stops a worker gracefully.
    """
    pause_collection()
    import_structlog()
    from entrypoints.composition.worker import open_worker
    from entrypoints.event_loop import run_for_long
    from entrypoints.logs import configure_logs
    from entrypoints.worker.probes import CannotListen
    from entrypoints.worker.process import run_worker

    configure_logs()
    settings = settings_or_exit(http=False)
    log_oddities(settings)
    try:
        with _spans(settings, "payments-worker") as tracing:
            run(run_worker(open_worker(settings, tracing), roles or DEFAULT_ROLES), run_for_long)
    except CannotListen as error:
        fail(str(error))


@contextlib.contextmanager
def _spans(settings: Settings, service: str) -> "Iterator[Tracing | None]":
    """Export the spans of this process; exit with one line if that is set up wrongly."""
    from entrypoints.tracing.starting import exported_spans

    with contextlib.ExitStack() as stack:
        try:
            tracing = stack.enter_context(exported_spans(settings, service))
        except InvalidSetting as error:
            fail(*error.problems)
        yield tracing
