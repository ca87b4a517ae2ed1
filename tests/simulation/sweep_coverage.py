"""Print what only the sweep reaches.

`payments simulate --seeds 2000 --coverage --json FILE`, then
`python -m tests.simulation.sweep_coverage FILE`: every run of the sweep with one crash or one fault.
"""

import json
import sys
from pathlib import Path

from payments_kit.simulation.coverage.branches import Branch, measure
from payments_kit.simulation.coverage.tracing import Tracer
from tests.simulation.use_case_runs import RECOVERIES, RUNS, crashes, faults

ONE_IN = 3
"""As in `make test`: one in so many occasions of a fault."""


def missed_by_the_sweep() -> set[Branch]:
    """Run the sweep; return what it does not reach."""
    with Tracer() as tracer:
        for number, run in enumerate([*RUNS, *RECOVERIES]):
            for _, result in (*crashes(run), *faults(run, ONE_IN, number)):
                assert result.broken == [], run.name
    return {branch for module in measure([tracer.take()]) for branch in module.unhit}


def main() -> None:
    """Print each branch that the seeds of a report do not take, and the sweep does."""
    report = json.loads(Path(sys.argv[1]).read_text())
    unhit = [
        Branch(each["name"], each["line"], each["target"], each["file"], each["number"])
        for each in report["coverage"]["unhit"]
    ]
    missed = missed_by_the_sweep()
    functions = {branch.name for branch in missed if not branch.line}
    for branch in unhit:
        if branch not in missed and not any(branch.name.startswith(name) for name in functions):
            print(branch)


if __name__ == "__main__":
    main()
