"""Charges with many rows in the tables beside charges with few, and the plans of all statements."""

from tests.bench.charges import Charging, charge_once
from tests.bench.filling import fill
from tests.bench.hot_statements import declared_statements, hot_statements
from tests.bench.lab import Lab
from tests.bench.plan import Plan
from tests.bench.plans import find_full_scans
from tests.bench.results import Measured, Result, Sample


def measure_tables(lab: Lab, plan: Plan) -> list[Result]:
    """Measure charges in a filled database."""
    few, many = lab.database("few"), lab.database("many")
    fill(many, charge_once(lab, many, key=True), plan.rows, plan.console)
    statements = {*hot_statements(lab, many), *declared_statements()}
    scanning = find_full_scans(many, statements)
    for statement, tables in scanning.items():
        plan.console.print(f"{', '.join(tables)} read in full by {statement}", markup=False)
    work, floor = f"charges with {plan.rows:,} rows in each table", "with few"
    with lab.serve(many) as behind, lab.serve(few) as ahead:
        measured = plan.measure(
            "tables",
            {
                work: Charging(many, (behind,), lab.postgres_pid, plan.seconds).run,
                floor: Charging(few, (ahead,), lab.postgres_pid, plan.seconds).run,
            },
        )
    name = f"statements that read a whole table, of {len(statements)}"
    scans = Measured(name, [Sample(len(scanning))])
    return [Result(measured[work], "charges/s", measured[floor]), Result(scans, "statements")]
