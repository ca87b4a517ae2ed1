"""The commands `payments dead-letters …`."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar

import click

from application.ports.inbound_events import DeadLetter, DeadLetters
from entrypoints.cli.running import fail, run, settings_or_exit

Result = TypeVar("Result")

# How many dead letters are fetched at a time. A message has at most 1 MiB by default in NATS, so a
# page has at most 200 MiB; order events have a few hundred bytes.
PAGE: Final = 200


@click.group(name="dead-letters")
def dead_letter_commands() -> None:
    """Show and replay unusable events."""


@dead_letter_commands.command(name="list")
@click.option(
    "--limit",
    default=50,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="The largest number of dead letters to list.",
)
@click.option("--after", default=0, help="List only numbers greater than this one.")
def list_dead_letters(limit: int, after: int) -> None:
    """List dead letters, oldest first.

    Each line has the number, the time in UTC, the subject and the reason.
    """
    letters = _with_dead_letters(lambda store: store.list(limit, after))
    for letter in letters:
        click.echo(
            f"{letter.id:>6}  {letter.recorded_at:%Y-%m-%d %H:%M:%S}  "
            f"{letter.subject:<16}  {letter.reason}"
        )
    if not letters:
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
@click.argument("numbers", nargs=-1, type=click.IntRange(1))
@click.option("--all", "everything", is_flag=True, help="Replay all of them.")
def replay_dead_letters(numbers: tuple[int, ...], everything: bool) -> None:
    """Publish dead letters again.

    Each is published on its original subject, with its headers and its body.

    They stay in the list. Repeating a replay is safe: an event that was applied changes nothing.
    """
    if bool(numbers) == everything:
        raise click.UsageError("give the numbers to replay, or --all")
    wanted = None if everything else set(numbers)
    replayed = _with_dead_letters(lambda store: _replay(store, wanted))
    if missing := (wanted or set()) - replayed:
        fail(f"there is no dead letter {', '.join(map(str, sorted(missing)))}")
    click.echo(f"replayed {len(replayed)}")


async def _replay(store: DeadLetters, numbers: set[int] | None) -> set[int]:
    """Replay these dead letters, or all; return the numbers of those that were found."""
    replayed: set[int] = set()
    async for letter in _all(store):
        if numbers is None or letter.id in numbers:
            await store.replay(letter)
            replayed.add(letter.id)
    return replayed


async def _all(store: DeadLetters) -> AsyncIterator[DeadLetter]:
    after = 0
    while page := await store.list(PAGE, after):
        for letter in page:
            yield letter
        after = page[-1].id


def _with_dead_letters(work: Callable[[DeadLetters], Awaitable[Result]]) -> Result:
    from entrypoints.composition.operator import open_dead_letters

    settings = settings_or_exit(http=False)

    async def working() -> Result:
        async with open_dead_letters(settings) as store:
            return await work(store)

    return run(working())
