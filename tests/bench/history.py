"""What histories cost a charge: the service beside itself without them, in turn.

As a gateway plug-in, this module switches the histories of the process off that loads it.
"""

from collections.abc import Mapping
from typing import Final

from adapters.persistence.sql import changes
from application.ports.payment_gateway import GatewayAdapter
from domain.actor import Actor
from domain.history import HistoryHead, Recorded
from tests.bench import gateway
from tests.bench.charges import Charging
from tests.bench.lab import Lab
from tests.bench.plan import Plan
from tests.bench.results import Result

_WITHOUT: Final = "tests.bench.history:make"

_WITH, _FLOOR = "charge over HTTP, with its history", "charge over HTTP, without a history"


def make(environ: Mapping[str, str]) -> GatewayAdapter:
    """Return the gateway of the benchmark, in a process without histories."""

    def record(
        _before: object, _after: object, head: HistoryHead | None, *_: int | Actor | object
    ) -> Recorded:
        return Recorded((), head)

    assert hasattr(changes, "record"), "what makes the entries is elsewhere"
    vars(changes)["record"] = record
    return gateway.make(environ)


def measure_history(lab: Lab, plan: Plan) -> list[Result]:
    """Measure charges with and without histories."""
    kept, none = lab.database("history"), lab.database("no-history")
    with lab.serve(kept) as with_history, lab.serve(none, PAYMENT_GATEWAY=_WITHOUT) as without:
        works = {
            name: Charging(database, (service,), lab.postgres_pid, plan.seconds).run
            for name, database, service in (
                (_WITH, kept, with_history),
                (_FLOOR, none, without),
            )
        }
        measured = plan.measure("history", works)
    [(entries, paid)] = kept.fetch(
        "SELECT (SELECT count(*) FROM order_history), (SELECT count(*) FROM payments)"
    )
    assert entries >= 2 * paid, "each charge has written two entries"
    assert none.fetch("SELECT FROM order_history LIMIT 1") == []
    return [Result(measured[_WITH], "charges/s", measured[_FLOOR])]
