"""Charges over HTTP with a gateway inside the process, beside pgbench."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Final

from attrs import define, field

from tests.bench import customers
from tests.bench.database import Database
from tests.bench.filling import add_orders
from tests.bench.lab import Lab, Service
from tests.bench.load import Load, pay_once
from tests.bench.pgbench import NAME, Floor
from tests.bench.plan import Plan
from tests.bench.results import Result, Sample

# Requests at once: enough to keep two cores busy.
CONNECTIONS: Final = 16

# More charges than two cores can do in a second; each round has new orders.
MAX_PER_SECOND: Final = 6_000

# Orders of which one is to be paid.
MAX_TRIES: Final = 5

TOKEN: Final = "tok_visa"

_numbers = itertools.count(1)


@define
class Charging:
    """Pays new orders of one database through some processes of `serve`."""

    database: Database
    services: tuple[Service, ...]
    postgres_pid: int
    seconds: float
    connections: int = CONNECTIONS
    spread: float = 0.0
    may_fail: bool = False
    """See Load, as for `spread`."""
    others: dict[str, int] = field(factory=dict)
    """Other processes whose CPU time is shown, by name."""

    def run(self, token: str = TOKEN, *, key: bool = False) -> Sample:
        """Pay new orders; `key` sends an Idempotency-Key with each."""
        count = self.connections + int((self.seconds + self.spread) * MAX_PER_SECOND)
        prefix = f"bench{next(_numbers)}"
        add_orders(self.database, prefix, count)
        self.database.execute("ANALYZE")
        requests = [
            customers.charge(number, f"{prefix}-{number}", token, key=key)
            for number in range(count)
        ]
        addresses = [each.address for each in self.services]
        load = Load(
            addresses,
            requests,
            self.seconds,
            self.connections,
            expected=201,
            spread=self.spread,
            may_fail=self.may_fail,
        )
        pids = {f"serve {number}": each.pid for number, each in enumerate(self.services, start=1)}
        if len(self.services) == 1:
            pids = {"serve": self.services[0].pid}
        written = self.database.written()
        sample = load.run({**pids, "postgres": self.postgres_pid, **self.others})
        wal = (self.database.written() - written) / self.paid(f"{prefix}-")
        return Sample(sample.value, sample.cpu, {**sample.details, "WAL bytes": wal})

    def paid(self, prefix: str = "bench") -> int:
        """Return how many payments there are of orders with this prefix."""
        # By the index, which is in the order of bytes: a large table is not read for it.
        found = f"order_id >= '{prefix}' AND order_id < '{prefix}~'"
        [(count,)] = self.database.fetch(f"SELECT count(*) FROM payments WHERE {found}")
        return int(count)


def tries(prefix: str, *, key: bool) -> Iterator[str]:
    """Yield charges of the first MAX_TRIES orders."""
    for number in range(MAX_TRIES):
        yield customers.charge(number, f"{prefix}-{number}", TOKEN, key=key)


def charge_once(lab: Lab, database: Database, *, key: bool = False) -> Mapping[str, str]:
    """Pay one order; return the ids `order_id` and `payment_id` of what was written."""
    add_orders(database, "example", MAX_TRIES)
    with lab.serve(database) as service:
        pay_once(service.address, tries("example", key=key))
    [(order_id, payment_id)] = database.fetch(
        "SELECT order_id, id FROM payments WHERE status = 'succeeded' LIMIT 1"
    )
    return {"order_id": order_id, "payment_id": payment_id}


def measure_charges(lab: Lab, plan: Plan) -> list[Result]:
    """Measure charges with and without an Idempotency-Key."""
    database = lab.database("charges")
    floor = Floor.create(lab.database("floor"), lab.postgres_pid, lab.folder)
    plain, keyed = "charge over HTTP", "charge over HTTP with Idempotency-Key"
    with lab.serve(database) as service:
        charging = Charging(database, (service,), lab.postgres_pid, plan.seconds)
        measured = plan.measure(
            "charges",
            {
                plain: charging.run,
                keyed: lambda: charging.run(key=True),
                NAME: lambda: floor.run(plan.seconds, CONNECTIONS),
            },
        )
    return [Result(measured[name], "charges/s", measured[NAME]) for name in (plain, keyed)]
