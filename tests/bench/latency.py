"""From the commit of a payment to its event at a consumer, while nothing else happens."""

import asyncio
import random
import time
from datetime import datetime
from typing import Final

import nats
from nats.aio.msg import Msg
from nats.js.api import DeliverPolicy

from tests.bench import customers
from tests.bench.broker import Broker
from tests.bench.charges import charge_once
from tests.bench.filling import add_orders
from tests.bench.lab import Lab, Service
from tests.bench.load import MILLI, BenchFailed, pay_once
from tests.bench.plan import Plan
from tests.bench.results import Measured, Result, Sample, percentile

_NAME: Final = "commit of a payment to its event at a consumer, p50"

# Payments of one round for each second that it should take.
_PER_SECOND: Final = 5

# The pauses are random, so that no polling interval fits them.
_LONGEST_PAUSE: Final = 0.3

_EVENT_SECONDS: Final = 10.0


def measure_latency(lab: Lab, plan: Plan) -> list[Result]:
    """Measure the time that an event takes."""
    database = lab.database("latency")
    count = max(1, int(plan.seconds * _PER_SECOND))
    charge_once(lab, database)
    with lab.serve(database) as service, lab.worker(database):
        Broker(lab.nats.url).wait_for_messages("PAYMENTS", 1)

        def pay() -> Sample:
            add_orders(database, prefix := f"latency{time.time_ns()}", count)
            found = asyncio.run(_pay(lab.nats.url, service, prefix, count))
            return Sample(percentile(found, 50), {}, {"p99 ms": percentile(found, 99)})

        measured: Measured = plan.measure("event latency", {_NAME: pay})[_NAME]
    return [Result(measured, "ms")]


async def _pay(url: str, service: Service, prefix: str, count: int) -> list[float]:
    """Pay one order after the other; return how many milliseconds each event took."""
    arrived: asyncio.Queue[float] = asyncio.Queue()

    async def receive(message: Msg) -> None:
        now = time.time()
        # The database's clock when the statement that commits began; the same clock as ours.
        committed = datetime.fromisoformat((message.headers or {})["ce-time"])
        arrived.put_nowait(MILLI * (now - committed.timestamp()))

    client = await nats.connect(url)
    found = []
    try:
        await client.jetstream().subscribe(
            "payment:created", cb=receive, deliver_policy=DeliverPolicy.NEW
        )
        for number in range(count):
            await asyncio.sleep(random.uniform(0, _LONGEST_PAUSE))
            request = customers.charge(number, f"{prefix}-{number}", "tok_visa")
            await asyncio.to_thread(pay_once, service.address, [request])
            found.append(await asyncio.wait_for(arrived.get(), _EVENT_SECONDS))
    except TimeoutError:
        raise BenchFailed(f"no event within {_EVENT_SECONDS} s") from None
    finally:
        await client.close()
    return found
