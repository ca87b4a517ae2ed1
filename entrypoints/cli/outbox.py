"""The commands `payments outbox …`."""

from datetime import UTC, datetime

import click

from entrypoints.cli.running import run, settings_or_exit
from entrypoints.settings import Settings


@click.group(name="outbox")
def outbox_commands() -> None:
    """Publish events again."""


@outbox_commands.command()
@click.option(
    "--since", required=True, type=click.DateTime(), help="UTC, such as 2026-01-31T12:00:00."
)
def republish(since: datetime) -> None:
    """Publish again all events that were sent since a time.

    This restores events that the broker has lost. They keep their ids, so that consumers recognize
    events that they have already received.
    """
    events = run(_republish(settings_or_exit(http=False), since.replace(tzinfo=UTC)))
    click.echo(f"{events} events will be published again")


async def _republish(settings: Settings, since: datetime) -> int:
    from entrypoints.composition.operator import open_outbox

    async with open_outbox(settings) as outbox:
        return await outbox.republish(since)
