"""Charges with many rows in the tables beside charges with few, and the plans of all statements."""

import sys
from typing import Final

from tests.bench.charges import Charging, charge_once
from tests.bench.database import Database
from tests.bench.filling import GROWING, fill
from tests.bench.hot_statements import declared_statements, hot_statements
from tests.bench.lab import Lab
from tests.bench.plan import Plan
from tests.bench.plans import find_full_scans
from tests.bench.results import Measured, Result, Sample

# What PostgreSQL has really done, with plans for the values or for all values. An ANALYZE does not
# count.
_SCANS: Final = "SELECT relname, seq_scan FROM pg_stat_user_tables"


def measure_tables(lab: Lab, plan: Plan) -> list[Result]:
    """Measure charges in a filled database."""
    few, many = lab.database("few"), lab.database("many")
    fill(many, charge_once(lab, many, key=True), plan.rows, plan.console)
    # The first root over all histories takes all of them in, and so reads the whole table, once.
    many.execute(f"SELECT record_history_root({sys.maxsize})")
    many.execute("VACUUM ANALYZE", "CHECKPOINT")
    before = _scans(many)
    statements = {*hot_statements(lab, many), *declared_statements()}
    scanning = find_full_scans(many, statements)
    for statement, tables in scanning.items():
        plan.console.print(f"{', '.join(tables)} read in full by {statement}", markup=False)
    work, floor = f"charges with {plan.rows:,} orders, payments and events", "with few"
    with lab.serve(many) as behind, lab.serve(few) as ahead:
        measured = plan.measure(
            "tables",
            {
                work: Charging(many, (behind,), lab.postgres_pid, plan.seconds).run,
                floor: Charging(few, (ahead,), lab.postgres_pid, plan.seconds).run,
            },
        )
    reads = {table: count - before[table] for table, count in _scans(many).items()}
    for table in (each for each, count in reads.items() if count):
        plan.console.print(f"{table} was read in full while orders were paid", markup=False)
    lab.drop(many)
    return [
        Result(measured[work], "charges/s", measured[floor]),
        _count(f"statements that read a whole table, of {len(statements)}", len(scanning)),
        _count("reads of a whole table meanwhile", sum(reads.values())),
    ]


def _count(name: str, count: int) -> Result:
    return Result(Measured(name, [Sample(count)]), "")


def _scans(database: Database) -> dict[str, int]:
    """Return how often each table that grows was read in full."""
    found: dict[str, int] = dict(database.fetch(_SCANS))
    return {table: found[table] for table, _, _ in GROWING}
