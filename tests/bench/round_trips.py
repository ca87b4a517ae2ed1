"""Round trips to the database for each charge, counted on the wire: a figure without noise."""

from typing import Final

from tests.bench.charges import Charging
from tests.bench.database import Database
from tests.bench.lab import Lab
from tests.bench.plan import Plan
from tests.bench.results import Result, Sample
from tests.bench.wire_counter import WireCounter

_SECONDS: Final = 1.0


def measure_round_trips(lab: Lab, plan: Plan) -> list[Result]:
    """Count the round trips of a charge with and without an Idempotency-Key."""
    database = lab.database("round-trips")
    with WireCounter(lab.postgres.port) as counter:
        through = Database(counter.through(database.url))
        with lab.serve(through) as service:
            charging = Charging(database, (service,), lab.postgres_pid, _SECONDS, connections=1)

            def count(key: bool) -> Sample:
                before, paid = counter.round_trips, charging.paid()
                charging.run(key=key)
                # What the service asks beside the charges, such as its clock, is a small fraction.
                return Sample((counter.round_trips - before) / (charging.paid() - paid))

            measured = plan.measure(
                "round trips",
                {
                    "round trips of a charge": lambda: count(False),
                    "round trips of a charge with Idempotency-Key": lambda: count(True),
                },
            )
    return [Result(each, "round trips") for each in measured.values()]
