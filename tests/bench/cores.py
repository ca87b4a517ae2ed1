"""Two processes of `serve` on two cores beside one."""

import os
import shutil
from typing import Final

from tests.bench.charges import Charging
from tests.bench.lab import Lab
from tests.bench.load import BenchFailed
from tests.bench.plan import Plan
from tests.bench.results import Result

_TWO: Final = "charges, two serve on two cores"
_ONE: Final = "one serve on one core"

# Enough for both processes.
_CONNECTIONS: Final = 32


def measure_cores(lab: Lab, plan: Plan) -> list[Result]:
    """Measure what a second process brings; PostgreSQL and the client use the same cores.

    Raises:
        BenchFailed: this machine has one core, or no taskset.
    """
    if shutil.which("taskset") is None or (os.cpu_count() or 1) < 2:
        raise BenchFailed("needs two cores, and taskset to pin processes to them")
    database = lab.database("cores")
    with (
        lab.serve(database, "taskset", "--cpu-list", "0") as first,
        lab.serve(database, "taskset", "--cpu-list", "1") as second,
    ):
        both = Charging(database, (first, second), lab.postgres_pid, plan.seconds, _CONNECTIONS)
        one = Charging(database, (first,), lab.postgres_pid, plan.seconds, _CONNECTIONS)
        measured = plan.measure("cores", {_TWO: both.run, _ONE: one.run})
    return [Result(measured[_TWO], "charges/s", measured[_ONE])]
