"""The commands `payments notifications …`."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import click

from entrypoints.cli.paging import (
    after_option,
    all_option,
    each_of,
    echo_line,
    fail_if_missing,
    limit_option,
    numbers_argument,
    wanted_numbers,
)
from entrypoints.cli.running import fail, run, settings_or_exit, system_user

if TYPE_CHECKING:
    from entrypoints.composition.operator import KeptNotifications

Result = TypeVar("Result")


@click.group(name="notifications")
def notification_commands() -> None:
    """Show, replay or discard unusable webhooks."""


@notification_commands.command(name="list")
@limit_option
@after_option
def list_notifications(limit: int, after: int) -> None:
    """List unusable notifications, oldest first.

    Each line has the number, the time in UTC, the gateway and its id, and the reason.
    """
    kept = _with_notifications(lambda opened: opened.store.list(limit, after))
    for each in kept:
        name = f"{each.gateway} {each.notification_id}"
        echo_line(each.id, each.received_at, name, each.reason)
    if not kept:
        click.echo("no unusable notifications", err=True)


@notification_commands.command(name="show")
@click.argument("number", type=click.IntRange(1))
def show_notification(number: int) -> None:
    """Show a notification with its body.

    The body is printed byte for byte.
    """
    kept = _with_notifications(lambda opened: opened.store.show(number))
    if kept is None:
        fail(f"there is no notification {number}")
    click.echo(f"gateway:  {kept.gateway}")
    click.echo(f"id:       {kept.notification_id}")
    click.echo(f"reason:   {kept.reason}")
    click.echo(f"received: {kept.received_at.isoformat()}")
    click.echo(f"attempts: {kept.attempts}")
    click.echo()
    click.echo(kept.body)


@notification_commands.command(name="replay")
@numbers_argument
@all_option
def replay_notifications(numbers: tuple[int, ...], everything: bool) -> None:
    """Read notifications again.

    Those that can be used by now are applied and removed, as are those that turn out not to be
    about a payment of ours. The worker does the same at its start and every hour.
    """
    wanted = wanted_numbers(numbers, everything)
    found, used = _with_notifications(lambda opened: _replay(opened, wanted))
    fail_if_missing("notification", wanted or (), found)
    click.echo(f"replayed {len(found)}: {len(used)} used, {len(found) - len(used)} still unusable")


@notification_commands.command(name="discard")
@click.argument("numbers", nargs=-1, type=click.IntRange(1), required=True)
def discard_notifications(numbers: tuple[int, ...]) -> None:
    """Remove notifications for good.

    Compare them with the gateway's own pages before: they are not read again.
    """
    removed = _with_notifications(lambda opened: opened.store.remove(numbers))
    click.echo(f"discarded {removed}")


async def _replay(
    opened: "KeptNotifications", numbers: set[int] | None
) -> tuple[set[int], set[int]]:
    """Replay; return the numbers that were found, and those that were used."""
    kept = {each.id async for each in each_of(opened.store.list)}
    found = kept if numbers is None else kept & numbers
    return found, await opened.replay(found)


def _with_notifications(work: "Callable[[KeptNotifications], Awaitable[Result]]") -> Result:
    from application.acting import acting
    from domain.actor import Actor
    from entrypoints.composition.operator import open_notifications

    settings = settings_or_exit(http=False)

    async def working() -> Result:
        with acting(Actor.command(system_user())):
            async with open_notifications(settings) as opened:
                return await work(opened)

    return run(working())
