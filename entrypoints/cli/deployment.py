"""The commands that prepare and check a deployment: migrate and doctor."""

import os
import sys
from typing import TYPE_CHECKING

import click

from application.ports.gateway_plugin import InvalidSetting
from entrypoints.cli.running import fail, run
from entrypoints.settings import Settings, read_database_url, read_settings
from entrypoints.settings.exporters import ENDPOINT, exports_spans, has_exporter
from entrypoints.settings.oddities import find_oddities, find_unread_names

if TYPE_CHECKING:
    from entrypoints.monitoring.doctor import CheckResult


@click.command()
def migrate() -> None:
    """Migrate the database to the newest schema.

    It is safe to repeat, and to run concurrently. It needs no variable but DATABASE_URL.
    """
    from entrypoints.composition.operator import migrate_database

    try:
        database_url = read_database_url(os.environ)
    except InvalidSetting as error:
        fail(*error.problems, *find_unread_names(os.environ))
    click.echo(f"the database has schema {run(migrate_database(database_url))}")


@click.command()
def doctor() -> None:
    """Check the configuration and every dependency.

    Prints one line for each check. Exits with status 1 if a check fails (✗). A setting that was
    probably meant otherwise (!) is not a failure.
    """
    from entrypoints.monitoring.doctor import CheckResult

    try:
        settings = read_settings(os.environ)
    except InvalidSetting as error:
        for oddity in find_unread_names(os.environ):
            _report("!", "configuration", oddity)
        results = [CheckResult("configuration", False, each) for each in error.problems]
    else:
        _report("✓", "configuration", "complete")
        for oddity in find_oddities(settings, os.environ):
            _report("!", "configuration", oddity)
        if (problem := _collector_problem(settings)) is not None:
            _report("!", "configuration", f"{ENDPOINT}: spans are not accepted: {problem}")
        results = run(_check(settings))
    for result in results:
        _report("✓" if result.ok else "✗", result.name, result.text)
    sys.exit(0 if all(result.ok for result in results) else 1)


def _collector_problem(settings: Settings) -> str | None:
    """Return why spans do not arrive; a payment does not need them, so this is no failure."""
    if not (exports_spans(settings, os.environ) and has_exporter()):
        return None
    from entrypoints.tracing.collector import collector_problem

    return collector_problem()


def _report(mark: str, name: str, text: str) -> None:
    click.echo(f"{mark} {name:<13}  {text}")


async def _check(settings: Settings) -> "list[CheckResult]":
    from entrypoints.composition.operator import open_doctor
    from entrypoints.monitoring.doctor import CheckResult

    try:
        async with open_doctor(settings) as doctor:
            return await doctor.check()
    except InvalidSetting as error:  # an adapter or a gateway plug-in found it
        return [CheckResult(_adapter_of(each), False, each) for each in error.problems]


def _adapter_of(problem: str) -> str:
    if problem.startswith("NATS_"):
        return "nats"
    return "database" if problem.startswith(("DATABASE_URL", "PG")) else "gateway"
