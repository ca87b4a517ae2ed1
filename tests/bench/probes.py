"""The readiness probe while very many events wait for NATS."""

from typing import Final

from tests.bench.charges import charge_once
from tests.bench.copies import copy_rows
from tests.bench.lab import Lab, Service
from tests.bench.load import Load
from tests.bench.plan import Plan
from tests.bench.results import Result, Sample

_PATH: Final = "/health/ready"
_REQUEST: Final = f"GET {_PATH} HTTP/1.1\r\nHost: shop.example\r\n\r\n"


def measure_probes(lab: Lab, plan: Plan) -> list[Result]:
    """Measure the probe of serve, beside the same probe without waiting events."""
    empty, full = lab.database("empty"), lab.database("waiting")
    event = charge_once(lab, full)
    count = plan.waiting
    copy_rows(
        full,
        "outbox",
        f"order_id = '{event['order_id']}'",
        count,
        list(event.values()),
        {"sent_at": "NULL"},
    )
    full.execute("ANALYZE")
    work, floor = f"readiness probe with {count:,} waiting events, p50", "without"
    with lab.serve(full) as behind, lab.serve(empty) as ahead:

        def probe(service: Service) -> Sample:
            load = Load([service.address], [_REQUEST], plan.seconds, 1, expected=200, repeat=True)
            found = load.run({"serve": service.pid, "postgres": lab.postgres_pid})
            return Sample(found.details["p50 ms"], found.cpu, {"p99 ms": found.details["p99 ms"]})

        measured = plan.measure(
            "probes",
            {work: lambda: probe(behind), floor: lambda: probe(ahead)},
        )
    return [Result(measured[work], "ms", measured[floor], inverted=True)]
