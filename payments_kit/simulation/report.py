"""Report: what `payments simulate` prints; for a failing seed, a bug report."""

import subprocess
import time
from collections import Counter
from collections.abc import Iterable
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from payments_kit.simulation.faults import FaultKind
from payments_kit.simulation.scenario import scenario_of
from payments_kit.simulation.seeds import run_seeds
from payments_kit.simulation.shrink import shrink
from payments_kit.simulation.world import RunResult, World

_GIT_SECONDS: Final = 10.0

_HOUR: Final = 3600.0

# Drawing the bar takes about as long as a third of a seed.
_REFRESH_EVERY: Final = 20

LONG_RUN: Final = 1000
"""In so many seeds every fault must occur, or the run says less than it seems to: the rarest one
occurs about ten times."""


def simulate(seeds: int | None, first: int, jobs: int, seconds: float | None) -> int:
    """Run the seeds in this many processes; return 0 if every promise was kept, otherwise 1."""
    console = Console(highlight=False)
    happened: Counter[FaultKind] = Counter()
    steps, virtual, done = 0, 0.0, 0
    began = time.perf_counter()
    columns = (
        TextColumn("seed {task.fields[seed]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
    )
    # No refresh from a thread: the wall clock is forbidden while a seed runs.
    with (
        run_seeds(_numbers(seeds, first), jobs) as results,
        Progress(*columns, console=console, auto_refresh=False) as progress,
    ):
        bar = progress.add_task("", total=seeds, seed=first, speed="")
        for result in results:
            if result.is_broken:
                progress.stop()
                print_failure(console, World(scenario_of(result.seed)).run())
                return 1
            happened += result.happened
            steps, virtual, done = steps + result.steps, virtual + result.seconds, done + 1
            elapsed = time.perf_counter() - began
            if done % _REFRESH_EVERY == 0 or done == seeds:
                speed = f"{done / elapsed:.0f} seeds/s"
                progress.update(bar, completed=done, seed=result.seed, speed=speed, refresh=True)
            if seconds is not None and elapsed >= seconds:
                break
    elapsed = time.perf_counter() - began
    console.print(_table(happened))
    console.print(
        f"{done} seeds from {first}, commit {commit()}: every promise was kept.\n"
        f"{elapsed:.1f} s, {done / elapsed:.1f} seeds/s, {steps / done:.0f} steps per seed, "
        f"{steps / elapsed:,.0f} steps/s; {virtual / _HOUR:,.0f} hours were simulated, "
        f"{virtual / elapsed:,.0f} times faster than real time.",
        soft_wrap=True,
    )
    return _missing(console, done, happened)


def _numbers(seeds: int | None, first: int) -> Iterable[int]:
    return count(first) if seeds is None else range(first, first + seeds)


def _missing(console: Console, done: int, happened: Counter[FaultKind]) -> int:
    """Name the faults that a long run lacks; return the exit status."""
    missing = [kind.value for kind in FaultKind if not happened[kind]]
    if done < LONG_RUN or not missing:
        return 0
    console.print(
        f"These faults never occurred: {', '.join(missing)}.", style="red", soft_wrap=True
    )
    return 1


def replay(seed: int) -> int:
    """Run one seed and print its trace; return 0 if every promise was kept, otherwise 1."""
    console = Console(highlight=False, soft_wrap=True)
    result = World(scenario_of(seed)).run()
    for line in result.lines:
        console.print(str(line), markup=False)
    console.print(f"trace {result.digest}, {result.steps} steps", markup=False)
    if result.broken:
        print_failure(console, result)
        return 1
    console.print(f"seed {seed}, commit {commit()}: every promise was kept")
    return 0


def print_failure(console: Console, result: RunResult) -> None:
    """Print the broken promises, and the smallest run found that breaks one of them."""
    seed = result.scenario.seed
    console.print(f"seed {seed}, commit {commit()}: a promise was broken", style="bold red")
    for violation in result.broken:
        console.print(f"  {violation}", markup=False, soft_wrap=True)
    console.print(_table(result.happened))
    smallest = shrink(result)
    console.print("The smallest run found that breaks it:", style="bold")
    console.print(f"  {smallest.scenario}", markup=False, soft_wrap=True)
    for line in smallest.lines:
        console.print(str(line), markup=False, soft_wrap=True)
    for violation in smallest.broken:
        console.print(f"  {violation}", markup=False, soft_wrap=True)
    console.print(f"To repeat it: payments simulate --seed {seed}", style="bold")


def _table(happened: Counter[FaultKind]) -> Table:
    table = Table(title="injected faults", title_justify="left")
    table.add_column("fault")
    table.add_column("occurrences", justify="right")
    for kind, number in sorted(happened.items(), key=lambda item: -item[1]):
        table.add_row(kind.value, f"{number:,}")
    return table


def commit() -> str:
    """Return git's name of the commit, or the version where there is no checkout."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty"]
    try:
        described = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=_GIT_SECONDS
        )
        return described.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return version("payments")
