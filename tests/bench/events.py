"""Events in and out, beside nats-py without a database."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from attrs import define

from tests.bench.broker import Broker
from tests.bench.charges import charge_once
from tests.bench.copies import copy_rows
from tests.bench.cpu import cpu_seconds
from tests.bench.database import Database
from tests.bench.lab import Lab, Service
from tests.bench.load import MICRO, BenchFailed
from tests.bench.measured_process import ROOT
from tests.bench.plan import Plan
from tests.bench.results import Measured, Result, Sample

# Events of one round for each second that it should take.
_PER_SECOND: Final = 8_000

_SMALL_BACKLOG: Final = 10_000

_FLOOR_SECONDS: Final = 600.0

_REPLICATED: Final = "order events replicated"
_PULLED: Final = "nats-py, pull and ack in batches of 256"
_RELAYED: Final = "outbox relayed"
_PUBLISHED: Final = "nats-py, publish_async with 256 unconfirmed"


@define
class Worker:
    """A worker that is suspended while its next work is prepared."""

    service: Service
    broker: Broker
    pids: Mapping[str, int]
    rounds: int = 0

    def measure(self, count: int, prepare: Callable[[], None], wait: Callable[[], None]) -> Sample:
        """Prepare so many events, then let the worker process them."""
        self.service.process.suspend()
        prepare()
        before = {name: cpu_seconds(pid) for name, pid in self.pids.items()}
        started = time.perf_counter()
        self.service.process.resume()
        wait()
        seconds = time.perf_counter() - started
        used = {name: cpu_seconds(pid) - before[name] for name, pid in self.pids.items()}
        return Sample(count / seconds, {name: MICRO * each / count for name, each in used.items()})

    def replicate(self, count: int) -> Sample:
        """Replicate so many new orders."""
        self.rounds += 1
        return self.measure(
            count,
            partial(self.broker.publish_orders, f"event{self.rounds}", count),
            partial(self.broker.wait_for_consumer, "ORDERS", "payments"),
        )

    def relay(self, database: Database, event: Mapping[str, str], count: int) -> Sample:
        """Publish so many copies of an event of the outbox."""
        self.rounds += 1
        ids = list(event.values())
        values = {"sent_at": "NULL", "recorded_at": "now()"}
        # No copy of an earlier round has the same id.
        suffix = f"{self.rounds}-"
        where = f"order_id = '{event['order_id']}'"
        expected = self.broker.messages("PAYMENTS") + count
        return self.measure(
            count,
            partial(copy_rows, database, "outbox", where, count, ids, values, suffix),
            partial(self.broker.wait_for_messages, "PAYMENTS", expected),
        )


def measure_events(lab: Lab, plan: Plan) -> list[Result]:
    """Measure how fast order events are replicated and our own events relayed."""
    broker = Broker(lab.nats.url)
    count = int(plan.seconds * _PER_SECOND)
    servers = {"postgres": lab.postgres_pid, "nats": lab.nats.process.pid}
    orders, outbox = lab.database("replicate"), lab.database("relay")
    event = charge_once(lab, outbox)
    with lab.worker(orders, "replicate") as replicating, lab.worker(outbox, "relay") as relaying:
        broker.publish_orders("first", 1)
        broker.wait_for_consumer("ORDERS", "payments")
        broker.wait_for_messages("PAYMENTS", 1)
        replicate = Worker(replicating, broker, {"worker": replicating.pid, **servers})
        relay = Worker(relaying, broker, {"worker": relaying.pid, **servers})
        measured = plan.measure(
            "events",
            {
                _REPLICATED: lambda: replicate.replicate(count),
                _PULLED: lambda: _floor(lab, "pull", count),
                _RELAYED: lambda: relay.relay(outbox, event, count),
                _PUBLISHED: lambda: _floor(lab, "publish", count),
            },
        )
    pairs = ((_REPLICATED, _PULLED), (_RELAYED, _PUBLISHED))
    return [Result(measured[work], "events/s", measured[floor]) for work, floor in pairs]


def measure_backlog(lab: Lab, plan: Plan) -> list[Result]:
    """Measure once how fast a very large outbox is relayed, beside a small one."""
    broker, database = Broker(lab.nats.url), lab.database("backlog")
    event = charge_once(lab, database)
    many = plan.waiting
    with lab.worker(database, "relay") as service:
        broker.wait_for_messages("PAYMENTS", 1)
        pids = {"worker": service.pid, "postgres": lab.postgres_pid, "nats": lab.nats.process.pid}
        worker = Worker(service, broker, pids)
        small = worker.relay(database, event, min(many, _SMALL_BACKLOG))
        large = worker.relay(database, event, many)
    work, floor = f"relay with {many:,} waiting events", f"with {_SMALL_BACKLOG:,}"
    return [Result(Measured(work, [large]), "events/s", Measured(floor, [small]))]


def _floor(lab: Lab, kind: str, count: int) -> Sample:
    pid = lab.nats.process.pid
    before = cpu_seconds(pid)
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.nats_floor", lab.nats.url, kind, str(count)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=_FLOOR_SECONDS,
    )
    if done.returncode != 0:
        raise BenchFailed(f"the floor failed: {done.stderr.strip()}")
    used = json.loads(done.stdout)
    cpu = {"nats-py": used["cpu"], "nats": cpu_seconds(pid) - before}
    return Sample(
        count / used["seconds"], {name: MICRO * each / count for name, each in cpu.items()}
    )
