"""Print what only the sweep reaches: its runs with one crash or one fault.

`payments simulate --seeds 2000 --coverage --json FILE`, then
`python -m tests.simulation.sweep_coverage FILE`.
"""

import json
from collections.abc import Mapping
from typing import IO

import click

from payments_kit.simulation.coverage.branches import EXIT, NEVER_CALLED, NEVER_REACHED
from payments_kit.simulation.coverage.tracing import ROOT, Arcs, Tracer
from tests.simulation.use_case_runs import RECOVERIES, RUNS, crashes, faults

ONE_IN = 3
"""As in `make test`: one in so many occasions of a fault."""


def arcs_of_the_sweep() -> Arcs:
    with Tracer() as tracer:
        for number, run in enumerate([*RUNS, *RECOVERIES]):
            for _, result in (*crashes(run), *faults(run, ONE_IN, number)):
                assert result.broken == [], run.name
    return tracer.take()


def is_taken(unhit: Mapping[str, str], number: int, arcs: Arcs) -> bool:
    """Whether one of these arcs is what the seeds did not take."""
    file = ROOT / unhit["file"]
    pairs = arcs.get(str(file), frozenset())
    if unhit["target"] in (NEVER_CALLED, NEVER_REACHED):
        return any(target == number for _, target in pairs)
    text = file.read_text().splitlines()
    targets = {target for line, target in pairs if line == number}
    return unhit["target"] in {text[each - 1].strip() if each > 0 else EXIT for each in targets}


@click.command()
@click.argument("report", type=click.File(encoding="utf-8"), metavar="FILE")
def main(report: IO[str]) -> None:
    """Print each branch that the seeds of a report do not take, and the sweep does.

    `payments simulate --coverage --json FILE` has written the report.
    """
    unhit, arcs = json.load(report)["coverage"]["unhit"], arcs_of_the_sweep()
    for each in unhit:
        if is_taken(each, each["number"], arcs):
            print(f"{each['file']}:{each['number']} {each['line']} → {each['target']}")


if __name__ == "__main__":
    main()
