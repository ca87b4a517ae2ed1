"""Rates: the tables of how often each fault and each activity occurred."""

from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeVar

from rich.console import Console
from rich.table import Table

from payments_kit.simulation.tally import Count, Tally

K = TypeVar("K", bound=Enum)

LONG_RUN: Final = 1000
"""In so many seeds every fault and every activity must occur, or the run says less than it seems
to: the rarest one occurs about ten times."""


def print_rates(console: Console, tally: Tally) -> int:
    """Print first what never occurred, then the tables; return 1 if a long run lacks something."""
    never = tally.never()
    is_long = tally.seeds >= LONG_RUN
    if never:
        style = "red" if is_long else "yellow"
        console.print(f"These never occurred: {'; '.join(never)}.", style=style, soft_wrap=True)
    console.print(_table("injected faults", "fault", tally.faults))
    console.print(_table("what the actors did", "activity", tally.activities))
    return int(is_long and bool(never))


def _table(title: str, name: str, counts: Mapping[K, Count]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(name)
    for column in ("occurrences", "seeds", "of possible", "rate"):
        table.add_column(column, justify="right")
    # The sort is stable: what occurs equally often keeps the order of its definition.
    for each, count in sorted(counts.items(), key=lambda item: -item[1].occurrences):
        numbers = (count.occurrences, count.seeds, count.possible)
        table.add_row(each.value, *(f"{number:,}" for number in numbers), f"{count.rate:.1%}")
    return table
