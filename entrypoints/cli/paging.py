"""What the commands about stored items share: pages, numbers, and a line for each item."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Final, Protocol, TypeVar

import click

from entrypoints.cli.running import fail

PAGE: Final = 200
"""How many are fetched at a time; ordinary ones have some hundred bytes. A page of dead letters has
fewer if they are large (application/ports/inbound_events.py)."""


class Numbered(Protocol):
    """An item that is stored under a number."""

    @property
    def id(self) -> int:
        """Its number; later ones have greater numbers."""


Item = TypeVar("Item", bound=Numbered)

limit_option = click.option(
    "--limit",
    default=50,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="How many to list at most.",
)
after_option = click.option("--after", default=0, help="List only numbers greater than this one.")
all_option = click.option("--all", "everything", is_flag=True, help="Replay all of them.")
numbers_argument = click.argument("numbers", nargs=-1, type=click.IntRange(1))


async def each_of(
    list_page: Callable[[int, int], Awaitable[Sequence[Item]]], after: int = 0
) -> AsyncIterator[Item]:
    """Yield everything that a store lists after a number, page by page."""
    while page := await list_page(PAGE, after):
        for item in page:
            yield item
        after = page[-1].id


def wanted_numbers(numbers: tuple[int, ...], everything: bool) -> set[int] | None:
    """Return the numbers to work on; None for all.

    Raises:
        click.UsageError: neither numbers nor --all were given, or both.
    """
    if bool(numbers) == everything:
        raise click.UsageError("give the numbers to replay, or --all")
    return None if everything else set(numbers)


def echo_line(number: int, at: datetime, subject: str, reason: str) -> None:
    """Print the line of an item: number, time in UTC, what it is, why it is stored."""
    click.echo(f"{number:>6}  {at:%Y-%m-%d %H:%M:%S}  {subject:<16}  {reason}")


def fail_if_missing(what: str, wanted: Iterable[int], found: Iterable[int]) -> None:
    """Stop with an error that names the numbers that do not exist."""
    if missing := set(wanted) - set(found):
        fail(f"there is no {what} {', '.join(map(str, sorted(missing)))}")
