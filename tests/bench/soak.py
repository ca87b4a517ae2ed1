"""The service under load for long: is its memory flat, is everything it keeps bounded?"""

import time
from collections.abc import Iterator
from typing import Final

from attrs import define, field
from rich.progress import Progress

from tests.bench import customers
from tests.bench.broker import Broker
from tests.bench.charges import MAX_PER_SECOND, TOKEN
from tests.bench.cpu import memory_bytes
from tests.bench.database import Database
from tests.bench.lab import Lab, Service
from tests.bench.load import Load
from tests.bench.plan import Plan
from tests.bench.results import Measured, Result, Sample
from tests.bench.starts import MEGA, is_ready

# How long one batch of orders is paid.
_SECONDS: Final = 5.0

# A load that leaves some of two cores for PostgreSQL, NATS and the worker.
_CUSTOMERS: Final = 4

# More than are paid meanwhile.
_ORDERS: Final = int(_SECONDS * MAX_PER_SECOND)

_COUNTS: Final = """
    SELECT (SELECT count(*) FROM outbox WHERE sent_at IS NULL) AS waiting,
        (SELECT count(*) FROM inbox) AS inbox
"""


@define
class Soak:
    """What was seen at the end of each batch."""

    lab: Lab
    database: Database
    serve: Service
    worker: Service
    serve_memory: list[float] = field(factory=list)
    worker_memory: list[float] = field(factory=list)
    waiting: list[int] = field(factory=list)
    inbox: list[int] = field(factory=list)
    charges: float = 0.0
    not_ready: int = 0

    def run_batch(self, number: int) -> None:
        """Publish orders, pay some of them, and look."""
        prefix = f"soak{number}"
        broker = Broker(self.lab.nats.url)
        broker.publish_orders(prefix, _ORDERS)
        broker.wait_for_consumer("ORDERS", "payments")
        requests = [
            customers.charge(each, f"{prefix}-{each}", TOKEN, key=True) for each in range(_ORDERS)
        ]
        load = Load([self.serve.address], requests, _SECONDS, _CUSTOMERS, expected=201)
        self.charges += load.run({}).value * _SECONDS
        self.serve_memory.append(memory_bytes(self.serve.pid) / MEGA)
        self.worker_memory.append(memory_bytes(self.worker.pid) / MEGA)
        [(waiting, inbox)] = self.database.fetch(_COUNTS)
        self.waiting.append(waiting)
        self.inbox.append(inbox)
        self.not_ready += not (is_ready(self.serve) and is_ready(self.worker))


def measure_soak(lab: Lab, plan: Plan) -> list[Result]:
    """Pay orders for so many minutes."""
    database = lab.database("soak")
    with lab.serve(database) as serve, lab.worker(database) as worker:
        soak = Soak(lab, database, serve, worker)
        for number in _batches(plan):
            soak.run_batch(number)
    name = f"memory after {plan.soak_minutes:g} minutes of load, to after its first third"
    results = [
        _growth(f"{kind}: {name}", memory)
        for kind, memory in (("serve", soak.serve_memory), ("worker", soak.worker_memory))
    ]
    counted = {
        "charges made": soak.charges,
        "events waiting at most": max(soak.waiting),
        "rows of the inbox at most": max(soak.inbox),
        "batches after which a process was not ready": soak.not_ready,
    }
    results += [
        Result(Measured(f"soak: {what}", [Sample(value)]), "") for what, value in counted.items()
    ]
    return results


def _growth(name: str, memory: list[float]) -> Result:
    """Return the memory at the end beside that after a third, when caches are full."""
    third = Measured("after a third", [Sample(memory[len(memory) // 3])])
    return Result(Measured(name, [Sample(memory[-1])]), "MB RSS", third)


def _batches(plan: Plan) -> Iterator[int]:
    """Yield the numbers of the batches until the time is over."""
    started, seconds = time.monotonic(), plan.soak_minutes * 60
    with Progress(console=plan.console, transient=True) as progress:
        bar = progress.add_task("soak", total=seconds)
        number = 0
        while (passed := time.monotonic() - started) < seconds or not number:
            progress.update(bar, completed=passed)
            yield number
            number += 1
