"""The command `payments simulate`, registered as an entry point in pyproject.toml."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import click

from payments_kit.simulation import run
from payments_kit.simulation.coverage.tracing import MISSING, is_installed
from payments_kit.simulation.interrupt import Interrupt, noting_interrupt
from payments_kit.simulation.recipe import InvalidRecipe, scenario_from
from payments_kit.simulation.scenario import Scenario

MAX_JOBS: Final = 256
"""More processes than machines that are rented by the hour have cores."""

SEEDS: Final = 2000
"""How many seeds run by default: a minute or two."""

_STDOUT: Final = "-"

# The exit status that shells report for a program which Ctrl-C ended: 128 + SIGINT.
INTERRUPTED: Final = 130

_DURATION: Final = re.compile(r"(\d{1,6})([smhd])", re.ASCII)
_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Duration(click.ParamType[float]):
    """A time such as `8h`, in seconds."""

    name = "time"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds."""
        match = _DURATION.fullmatch(value)
        if match is None or not int(match[1]):
            self.fail(f"{value!r} is not a time such as 90s, 30m, 8h or 2d", param, ctx)
        return int(match[1]) * _SECONDS[match[2]]


class Recipe(click.ParamType[Scenario]):
    """A run as a text such as `4711,orders=1,crash@7`."""

    name = "recipe"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> Scenario:
        """Return the scenario."""
        try:
            return scenario_from(value)
        except InvalidRecipe as error:
            self.fail(f"the recipe is not usable: {error}", param, ctx)


@click.command()
@click.option(
    "--seeds",
    type=click.IntRange(1),
    help=f"How many seeds to simulate.  [default: {SEEDS}; without end with --for]",
)
@click.option(
    "--for",
    "seconds",
    type=Duration(),
    metavar="TIME",
    help="Go on with further seeds for so long, such as 90s, 30m or 8h.",
)
@click.option(
    "--first", default=1, show_default=True, type=click.IntRange(0), help="The first seed."
)
@click.option("--seed", type=click.IntRange(0), help="Replay one seed and print each step.")
@click.option(
    "--replay",
    "scenario",
    type=Recipe(),
    metavar="RECIPE",
    help="Replay the run that a bug report describes, and print each step.",
)
@click.option(
    "--jobs",
    default=1,
    show_default=True,
    type=click.IntRange(1, MAX_JOBS),
    help="How many processes run seeds; as many as the machine has cores is fastest.",
)
@click.option(
    "--guided",
    is_flag=True,
    help="Try runs in which more happens to money, and continue those in a rare state.",
)
@click.option(
    "--corpus",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="With --guided: run the recipes of this file first, and keep the best ones in it.",
)
@click.option(
    "--coverage",
    is_flag=True,
    help="Print what of domain/ and application/ was reached; takes twice as long.",
)
@click.option(
    "--json",
    "json_to",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE",
    help="Write the numbers of the report to this file, too; - is standard output, and the report "
    "is on standard error.",
)
def simulate(
    seeds: int | None,
    seconds: float | None,
    first: int,
    seed: int | None,
    scenario: Scenario | None,
    jobs: int,
    guided: bool,
    corpus: Path | None,
    coverage: bool,
    json_to: Path | None,
) -> None:
    """Simulate the service with faults, and check its promises.

    The service's own code runs in memory, on an event loop with a virtual clock. A seed determines
    the orders, the customers, the faults and their times. The first seed that breaks a promise
    (docs/proof.md) is printed as a bug report. A fault that never occurs in 1,000 seeds or more is
    an error, too, and so is something that no actor did. Needs no configuration and no server.

    \b
    Exit status:
      0    every promise was kept
      1    a promise was broken, or something never occurred in 1,000 seeds or more
      2    an option cannot be used, or the report was not read to its end (`| head`)
      130  Ctrl-C ended it, with the report so far; FILE of --json stays as it is
    """
    if seed is not None and scenario is not None:
        raise click.UsageError("--seed and --replay name one run each: give one of them")
    is_replay = seed is not None or scenario is not None
    if is_replay and (seeds or seconds or coverage or json_to is not None):
        option = "--replay" if seed is None else "--seed"
        raise click.UsageError(
            f"{option} replays one run, without --seeds, --for, --coverage and --json"
        )
    if corpus is not None and not guided:
        raise click.UsageError("--corpus is for --guided")
    if guided and (is_replay or coverage or json_to is not None):
        raise click.UsageError("--guided is without --seed, --replay, --coverage and --json")
    if coverage and not is_installed():
        raise click.UsageError(MISSING)
    if seeds is None and seconds is None:
        seeds = SEEDS
    try:
        with noting_interrupt() as interrupt:
            if guided:
                status = _search(seeds, first, jobs, seconds, corpus, interrupt)
            else:
                with _replacing(json_to) as file:
                    status = run(
                        *(seeds, first, seed, jobs, seconds),
                        scenario=scenario,
                        coverage=coverage,
                        json_to=file,
                        to_stderr=str(json_to) == _STDOUT,
                        interrupt=interrupt,
                    )
    except KeyboardInterrupt:
        click.echo("payments: ended by Ctrl-C", err=True)
        sys.exit(INTERRUPTED)
    sys.exit(status)


@contextmanager
def _replacing(file: Path | None) -> Iterator[IO[str] | None]:
    """Yield what replaces a file at the end; it stays as it is if the run does not end."""
    if file is None:
        yield None
    elif str(file) == _STDOUT or file.is_symlink() or (file.exists() and not file.is_file()):
        with click.open_file(str(file), "w", encoding="utf-8") as opened:
            yield opened
    else:
        new = file.with_name(f"{file.name}.new")
        try:
            opened = new.open("w", encoding="utf-8")
        except OSError as error:
            raise click.UsageError(f"{file} cannot be written: {error.strerror}") from error
        try:
            with opened:
                yield opened
            os.replace(new, file)
        finally:
            new.unlink(missing_ok=True)


def _search(
    runs: int | None,
    first: int,
    jobs: int,
    seconds: float | None,
    corpus: Path | None,
    interrupt: Interrupt,
) -> int:
    # Imported here: it needs rich, and most commands do not search.
    from payments_kit.simulation.guided.corpus import UnusableCorpus
    from payments_kit.simulation.guided.report import GuidedSearch

    try:
        return GuidedSearch(*(runs, first, jobs, seconds, corpus), interrupt=interrupt).run()
    except UnusableCorpus as error:
        raise click.UsageError(str(error)) from error
