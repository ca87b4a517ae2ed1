"""The commands `payments dead-letters …`."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from application.ports.inbound_events import DeadLetters
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
from entrypoints.cli.running import fail, run, settings_or_exit

Result = TypeVar("Result")


@click.group(name="dead-letters")
def dead_letter_commands() -> None:
    """Show and replay unusable events."""


@dead_letter_commands.command(name="list")
@limit_option
@after_option
def list_dead_letters(limit: int, after: int) -> None:
    """List dead letters, oldest first.

    Each line has the number, the time in UTC, the subject and the reason.
    """
    if not _with_dead_letters(lambda store: _list(store, limit, after)):
        click.echo("no dead letters", err=True)


@dead_letter_commands.command(name="show")
@click.argument("number", type=click.IntRange(1))
def show_dead_letter(number: int) -> None:
    """Show a dead letter with headers and body.

    The body is printed byte for byte.
    """
    letter = _with_dead_letters(lambda store: store.show(number))
    if letter is None:
        fail(f"there is no dead letter {number}")
    click.echo(f"subject:  {letter.subject}")
    click.echo(f"reason:   {letter.reason}")
    click.echo(f"recorded: {letter.recorded_at.isoformat()}")
    for name, value in letter.headers.items():
        click.echo(f"header:   {name}: {value}")
    click.echo()
    click.echo(letter.data)


@dead_letter_commands.command(name="replay")
@numbers_argument
@all_option
def replay_dead_letters(numbers: tuple[int, ...], everything: bool) -> None:
    """Publish dead letters again.

    Each is published on its original subject, with its headers and its body.

    They stay in the list. Repeating a replay is safe: an event that was applied changes nothing.
    """
    wanted = wanted_numbers(numbers, everything)
    replayed = _with_dead_letters(lambda store: _replay(store, wanted))
    fail_if_missing("dead letter", wanted or (), replayed)
    click.echo(f"replayed {len(replayed)}")


async def _list(store: DeadLetters, limit: int, after: int) -> int:
    """Print up to `limit` dead letters; return how many."""
    listed = 0
    async for letter in each_of(store.list, after):
        echo_line(letter.id, letter.recorded_at, letter.subject, letter.reason)
        listed += 1
        if listed == limit:
            break
    return listed


async def _replay(store: DeadLetters, numbers: set[int] | None) -> set[int]:
    """Replay these dead letters, or all; return the numbers of those that were found."""
    replayed: set[int] = set()
    async for letter in each_of(store.list):
        if numbers is None or letter.id in numbers:
            await store.replay(letter)
            replayed.add(letter.id)
    return replayed


def _with_dead_letters(work: Callable[[DeadLetters], Awaitable[Result]]) -> Result:
    from entrypoints.composition.dead_letters import open_dead_letters

    settings = settings_or_exit(http=False)

    async def working() -> Result:
        async with open_dead_letters(settings) as store:
            return await work(store)

    return run(working())
