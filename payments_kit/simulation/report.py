"""Report: what `payments simulate` prints; for a failing seed, a bug report."""

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import IO, Any, Final

from attrs import evolve
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from entrypoints.cli.counting import counted
from payments_kit.simulation.console import ReportConsole
from payments_kit.simulation.coverage.summary import CoverageSummary
from payments_kit.simulation.faults import FaultKind
from payments_kit.simulation.interrupt import Interrupt
from payments_kit.simulation.rates import print_rates
from payments_kit.simulation.recipe import recipe_of
from payments_kit.simulation.scenario import Scenario, scenario_of
from payments_kit.simulation.seeds import run_seeds
from payments_kit.simulation.shrink import MAX_RUNS, shrink
from payments_kit.simulation.tally import Tally
from payments_kit.simulation.world import RunResult, World

_GIT_SECONDS: Final = 10.0

_HOUR: Final = 3600.0

# The number of what breaks no promise by itself: an unexpected error, which says so.
_UNEXPECTED: Final = "0"

# Drawing the bar takes about as long as a third of a seed.
_REFRESH_EVERY: Final = 20


def simulate(
    seeds: int | None,
    first: int,
    jobs: int,
    seconds: float | None,
    *,
    coverage: bool = False,
    json_to: IO[str] | None = None,
    to_stderr: bool = False,
    interrupt: Interrupt | None = None,
) -> int:
    """Run the seeds in this many processes; return 0 if every promise was kept, otherwise 1.

    Raises:
        KeyboardInterrupt: Ctrl-C has ended it; the report so far is printed.
    """
    interrupt = interrupt or Interrupt()
    console = ReportConsole(highlight=False, stderr=to_stderr)
    tally = Tally()
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
        run_seeds(_numbers(seeds, first), jobs, measures=coverage) as results,
        Progress(*columns, console=console, auto_refresh=False) as progress,
    ):
        bar = progress.add_task("", total=seeds, seed=first, speed="")
        for result in results:
            if result.is_broken:
                progress.stop()
                failing = World(scenario_of(result.seed)).run()
                if json_to is not None:
                    _write(json_to, first, tally, {"seed": result.seed, "broken": failing.broken})
                print_failure(console, failing, interrupt)
                return 1
            tally.add(result)
            elapsed = time.perf_counter() - began
            if tally.seeds % _REFRESH_EVERY == 0 or tally.seeds == seeds:
                speed = f"{tally.seeds / elapsed:.0f} seeds/s"
                progress.update(
                    bar, completed=tally.seeds, seed=result.seed, speed=speed, refresh=True
                )
            if interrupt.is_requested or (seconds is not None and elapsed >= seconds):
                break
    elapsed = time.perf_counter() - began
    status = print_rates(console, tally)
    covered = CoverageSummary.of(tally.arcs) if coverage else None
    if covered is not None:
        covered.print(console)
    _print_speed(console, first, tally, elapsed)
    if interrupt.is_requested:
        raise KeyboardInterrupt
    if json_to is not None:
        _write(json_to, first, tally, {"coverage": covered.as_json()} if covered else {})
    return status


def _numbers(seeds: int | None, first: int) -> Iterable[int]:
    return count(first) if seeds is None else range(first, first + seeds)


def _print_speed(console: Console, first: int, tally: Tally, elapsed: float) -> None:
    done, steps, virtual = tally.seeds, tally.steps, tally.seconds
    console.print(
        f"{counted(done, 'seed')} from {first}, commit {commit()}: every promise was kept.\n"
        f"{elapsed:.1f} s, {done / elapsed:.1f} seeds/s, {steps / done:.0f} steps per seed, "
        f"{steps / elapsed:,.0f} steps/s; {virtual / _HOUR:,.0f} hours were simulated, "
        f"{virtual / elapsed:,.0f} times faster than real time.",
        soft_wrap=True,
    )


def _write(file: IO[str], first: int, tally: Tally, more: Mapping[str, Any]) -> None:
    report = {"commit": commit(), "first": first, **tally.as_json(), **more}
    json.dump(report, file, indent=1)
    file.write("\n")


def replay(scenario: Scenario, interrupt: Interrupt | None = None) -> int:
    """Run a scenario and print its trace; return 0 if every promise was kept, otherwise 1."""
    console = ReportConsole(highlight=False, soft_wrap=True)
    result = World(scenario).run()
    for line in result.lines:
        console.print(str(line), markup=False)
    console.print(f"trace {result.digest}, {result.steps} steps", markup=False)
    if result.broken:
        print_failure(console, result, interrupt, is_printed=True)
        return 1
    console.print(f"{_name_of(scenario)}, commit {commit()}: every promise was kept")
    return 0


def print_failure(
    console: Console,
    result: RunResult,
    interrupt: Interrupt | None = None,
    *,
    is_printed: bool = False,
) -> None:
    """Print the broken promises, and the smallest run found that breaks one of them.

    The steps of a run that `is_printed` and cannot be made smaller are not printed again.
    """
    interrupt = interrupt or Interrupt()
    name = _name_of(result.scenario)
    console.print(f"{name}, commit {commit()}: a promise was broken", style="bold red")
    _print_broken(console, result)
    console.print(_table(result.happened))
    console.print(f"Up to {MAX_RUNS} smaller runs are tried now; Ctrl-C ends that.")
    smallest = shrink(result, is_over=lambda: interrupt.is_requested)
    if is_printed and smallest is result:
        console.print("No smaller run was found that breaks it.", style="bold")
        return
    console.print("The smallest run found that breaks it:", style="bold")
    for line in smallest.lines:
        console.print(str(line), markup=False, soft_wrap=True)
    _print_broken(console, smallest)
    console.print("To repeat the smallest run:", style="bold")
    console.print(f"  {command_of(_by_occurrences(smallest))}", markup=False, soft_wrap=True)
    console.print("To repeat the whole one:", style="bold")
    console.print(f"  {command_of(result.scenario)}", markup=False, soft_wrap=True)


def _print_broken(console: Console, result: RunResult) -> None:
    for violation in result.broken:
        number, _, what = violation.partition(": ")
        said = what if number == _UNEXPECTED else f"promise {number}: {what}"
        console.print(f"  {said}", markup=False, soft_wrap=True)


def command_of(scenario: Scenario) -> str:
    """Return the command that replays a scenario."""
    recipe = recipe_of(scenario)
    return f"payments simulate {'--seed' if recipe.isdigit() else '--replay'} {recipe}"


def _name_of(scenario: Scenario) -> str:
    recipe = recipe_of(scenario)
    return f"{'seed' if recipe.isdigit() else 'recipe'} {recipe}"


def _by_occurrences(result: RunResult) -> Scenario:
    """Name the faults that occurred instead of those that were suppressed: they are fewer."""
    if not result.scenario.suppressed:
        return result.scenario
    only = frozenset(result.occurrences)
    return evolve(result.scenario, suppressed=frozenset(), only=only)


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
