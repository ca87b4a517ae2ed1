"""The command line: which benchmarks run, how long, and where the results go."""

import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from tests.bench.charges import measure_charges
from tests.bench.cores import measure_cores
from tests.bench.events import measure_backlog, measure_events
from tests.bench.history import measure_history
from tests.bench.lab import Lab
from tests.bench.latency import measure_latency
from tests.bench.load import BenchFailed
from tests.bench.machine import describe_machine
from tests.bench.plan import Plan
from tests.bench.probes import measure_probes
from tests.bench.reads import measure_reads
from tests.bench.report import markdown, show
from tests.bench.results import Result
from tests.bench.round_trips import measure_round_trips
from tests.bench.simulated import measure_simulation
from tests.bench.slow_gateway import measure_slow_gateway
from tests.bench.soak import measure_soak
from tests.bench.starts import measure_starts
from tests.bench.stripe_charges import measure_stripe
from tests.bench.tables import measure_tables

BENCHMARKS: Final[Mapping[str, Callable[[Lab, Plan], list[Result]]]] = {
    "charges": measure_charges,
    "round-trips": measure_round_trips,
    "reads": measure_reads,
    "events": measure_events,
    "latency": measure_latency,
    "starts": measure_starts,
    "simulation": measure_simulation,
    "stripe": measure_stripe,
    "slow-gateway": measure_slow_gateway,
    "cores": measure_cores,
    "probes": measure_probes,
    "backlog": measure_backlog,
    "history": measure_history,
    "tables": measure_tables,
}

# What fits into a minute.
_QUICK: Final = tuple(BENCHMARKS)[:7]

INTERRUPTED: Final = 130


@click.command(epilog="Benchmarks: " + ", ".join(BENCHMARKS))
@click.argument("names", nargs=-1, metavar="[NAME]...", type=click.Choice(list(BENCHMARKS)))
@click.option("--quick", is_flag=True, help="Few and short rounds of what fits into a minute.")
@click.option("--rounds", type=click.IntRange(1), help="How often each work is measured.")
@click.option("--seconds", type=click.FloatRange(0.5), help="How long a work is measured.")
@click.option("--rows", type=click.IntRange(1), help="Rows of the filled tables.")
@click.option(
    "--soak",
    "minutes",
    type=float,
    default=0.0,
    help="Also pay orders for so many minutes, and watch memory and tables.",
)
@click.option(
    "--json",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("bench.json"),
    show_default=True,
    help="Where the results are written.",
)
def main(
    names: tuple[str, ...],
    quick: bool,
    rounds: int | None,
    seconds: float | None,
    rows: int | None,
    minutes: float,
    file: Path,
) -> None:
    """Measure the service beside the least that its work costs, in the same run.

    Without a NAME, every benchmark runs. The servers are started for it and end with it.
    """
    console = Console(stderr=True)
    plan = Plan(
        rounds=rounds or (2 if quick else 5),
        seconds=seconds or (0.5 if quick else 3.0),
        rows=rows or (20_000 if quick else 200_000),
        soak_minutes=minutes,
        console=console,
    )
    machine = describe_machine()
    results: list[Result] = []
    failed = False
    try:
        with tempfile.TemporaryDirectory() as folder, Lab.open(Path(folder)) as lab:
            chosen = {each: BENCHMARKS[each] for each in names or (_QUICK if quick else BENCHMARKS)}
            if minutes:
                chosen["soak"] = measure_soak
            for name, measure in chosen.items():
                try:
                    found = measure(lab, plan)
                except BenchFailed as error:
                    console.print(f"{name}: {error}", style="red", markup=False)
                    failed = True
                else:
                    show(console, found)
                    results += found
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    print(markdown(machine, results))
    content = {"machine": machine, "results": [each.as_json() for each in results]}
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    sys.exit(failed)
