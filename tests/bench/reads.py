"""Reads of a payment, beside the same server without our code and without a database."""

from collections.abc import Mapping, Sequence
from typing import Final

from tests.bench import customers
from tests.bench.charges import CONNECTIONS, Charging
from tests.bench.lab import Lab, Service
from tests.bench.load import Load
from tests.bench.plan import Plan
from tests.bench.results import Result, Sample

_LITESTAR: Final = "uvicorn, Litestar and a verified token, no database"
_BARE: Final = "uvicorn, bare ASGI"
_READ: Final = "GET a payment"

# Payments that are read in turn.
_PAYMENTS: Final = 500


def measure_reads(lab: Lab, plan: Plan) -> list[Result]:
    """Measure GET of a payment."""
    database = lab.database("reads")
    with (
        lab.serve(database) as service,
        lab.program("tests.bench.asgi", "litestar") as litestar,
        lab.program("tests.bench.asgi", "bare") as bare,
    ):
        # Enough for _PAYMENTS on a slow machine.
        charging = Charging(database, (service,), lab.postgres_pid, plan.seconds)
        while charging.paid() < _PAYMENTS:
            charging.run()
        rows = database.fetch(f"SELECT id, user_id FROM payments LIMIT {_PAYMENTS}")
        requests = [customers.get(f"/api/payments/{payment}", user) for payment, user in rows]
        database.execute("ANALYZE")

        def read(server: Service, pids: Mapping[str, int]) -> Sample:
            return _load(server, requests, plan.seconds).run(pids)

        measured = plan.measure(
            "reads",
            {
                _READ: lambda: read(service, {"serve": service.pid, "postgres": lab.postgres_pid}),
                _LITESTAR: lambda: read(litestar, {"uvicorn": litestar.pid}),
                _BARE: lambda: read(bare, {"uvicorn": bare.pid}),
            },
        )
    return [Result(measured[_READ], "reads/s", measured[floor]) for floor in (_LITESTAR, _BARE)]


def _load(server: Service, requests: Sequence[str], seconds: float) -> Load:
    return Load([server.address], requests, seconds, CONNECTIONS, expected=200, repeat=True)
