"""The commands that prepare and check a deployment: migrate and doctor."""

import os
import sys
from typing import TYPE_CHECKING

import click

from application.ports.gateway_plugin import InvalidSetting
from entrypoints.cli.running import fail, run
from entrypoints.settings import Settings, read_database_url, read_settings

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
        fail(str(error))
    click.echo(f"the database has schema {run(migrate_database(database_url))}")


@click.command()
def doctor() -> None:
    """Check the configuration and every dependency.

    Prints one line for each check. Exits with status 1 if a check fails.
    """
    from entrypoints.monitoring.doctor import CheckResult

    try:
        settings = read_settings(os.environ)
    except InvalidSetting as error:
        results = [CheckResult("configuration", False, str(error))]
    else:
        complete = CheckResult("configuration", True, "complete")
        results = [complete, *run(_check(settings))]
    for result in results:
        click.echo(f"{'✓' if result.ok else '✗'} {result.name:<13}  {result.text}")
    sys.exit(0 if all(result.ok for result in results) else 1)


async def _check(settings: Settings) -> "list[CheckResult]":
    from entrypoints.composition.operator import open_doctor
    from entrypoints.monitoring.doctor import CheckResult

    try:
        async with open_doctor(settings) as doctor:
            return await doctor.check()
    except InvalidSetting as error:  # a gateway plug-in reads variables of its own
        return [CheckResult("gateway", False, str(error))]
