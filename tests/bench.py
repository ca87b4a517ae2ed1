"""`make bench`: how much the service can process, compared with PostgreSQL and NATS themselves.

Each figure is the median of several rounds. It is shown beside a reference measured in the same
run, because the machine's speed varies, but the ratio hardly does. The gateway is in memory and
replies at once, so that only our own code and the servers are measured.
"""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import nats
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import text

from adapters.clock import utc_now
from adapters.gateways.in_memory import GatewayLedger, InMemoryGateway
from adapters.messaging.jetstream import JetStreamSubscription
from adapters.messaging.jetstream.streams import ORDERS
from adapters.persistence.sql.migrate import migrate
from adapters.persistence.sql.stream_positions import SqlStreamPositions
from application.ports.payment_gateway import CardToken
from application.use_cases.align_streams import AlignStreams
from application.use_cases.create_charge import PayOrder
from domain.identifiers import OrderId, UserId
from entrypoints.composition.runtime import Runtime, open_runtime
from entrypoints.settings import read_settings
from entrypoints.worker.alignment import Alignment
from entrypoints.worker.intake import OrderIntake
from payments_kit.servers.nats import LocalNats
from payments_kit.servers.postgres import LocalPostgres

ROUNDS: Final = 5
ORDERS_PER_ROUND: Final = 2_000

# Concurrent customers: enough to keep two cores busy.
CUSTOMERS: Final = 32

# Messages that the relay's reference publishes before it waits for their confirmations.
PUBLISH_BATCH: Final = 256

TOKEN: Final = CardToken("tok_visa")
PAYER: Final = UserId("bench")

# A run takes less than a tenth of this; it only ends a run that hangs.
TIMEOUT_SECONDS: Final = 600

# What is measured, its reference, and the reference's name in the table.
COMPARED: Final = (
    ("charged", "queried", "SELECT 1"),
    ("replicated", "queried", "SELECT 1"),
    ("relayed", "published", "plain messages"),
)


async def seconds(work: Callable[[], Awaitable[object]]) -> float:
    """Return how long this takes."""
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


async def concurrently(work: Callable[[int], Awaitable[object]]) -> None:
    """Do this for every order of a round, with CUSTOMERS orders at a time."""
    numbers = iter(range(ORDERS_PER_ROUND))

    async def customer() -> None:
        for number in numbers:
            await work(number)

    await asyncio.gather(*(customer() for _ in range(CUSTOMERS)))


async def until_all(run_once: Callable[[], Awaitable[int]]) -> None:
    """Repeat this until it has processed every order of a round."""
    done = 0
    while done < ORDERS_PER_ROUND:
        done += await run_once()


class Bench:
    """The work of the rounds on one set of servers."""

    def __init__(self, runtime: Runtime, nats_url: str) -> None:
        self.runtime = runtime
        self.nats_url = nats_url
        self.round = 0
        subscription = JetStreamSubscription(
            runtime.broker, runtime.streams, runtime.dead_letters, ORDERS, durable="payments"
        )
        positions = SqlStreamPositions(runtime.database)
        self.intake = OrderIntake(
            subscription,
            Alignment(AlignStreams(subscription, positions, runtime.alerts)),
            runtime.use_cases.replicate_order,
            runtime.use_cases.cancel_order,
            runtime.use_cases.advance_positions,
            runtime.settings.currency,
            runtime.alerts,
        )

    async def measure(self) -> dict[str, float]:
        """Run one round; return the rate of each kind of work, per second."""
        self.round += 1
        events = (self.order_created(number) for number in range(ORDERS_PER_ROUND))
        await self.publish("order:created", events, ORDERS_PER_ROUND)
        relay = self.runtime.use_cases.relay_outbox
        plain = (b"x" * 300 for _ in range(ORDERS_PER_ROUND))
        took = {
            "replicated": await seconds(lambda: until_all(self.intake.run_once)),
            "charged": await seconds(lambda: concurrently(self.charge)),
            "relayed": await seconds(lambda: until_all(relay.run_once)),
            "queried": await seconds(lambda: concurrently(self.query)),
            "published": await seconds(
                lambda: self.publish("payment:created", plain, PUBLISH_BATCH)
            ),
        }
        return {name: ORDERS_PER_ROUND / each for name, each in took.items()}

    def order_id(self, number: int) -> OrderId:
        return OrderId(f"bench-{self.round}-{number}")

    def order_created(self, number: int) -> bytes:
        event = {
            "id": self.order_id(number),
            "version": 0,
            "status": "created",
            "userId": PAYER,
            "expiresAt": "2999-01-01T00:00:00.000Z",
            "ticket": {"id": "bench", "price": 19.99},
        }
        return json.dumps(event).encode()

    async def publish(self, subject: str, messages: Iterable[bytes], batch: int) -> None:
        """Publish messages with at most this many unconfirmed."""
        client = await nats.connect(self.nats_url)
        stream = client.jetstream(publish_async_max_pending=batch)
        waiting = []
        for message in messages:
            waiting.append(await stream.publish_async(subject, message))
            if len(waiting) == batch:
                await asyncio.gather(*waiting)
                waiting.clear()
        await asyncio.gather(*waiting)
        await client.close()

    async def charge(self, number: int) -> None:
        await self.runtime.use_cases.create_charge(PayOrder(self.order_id(number), PAYER, TOKEN))

    async def query(self, _number: int) -> None:
        async with self.runtime.database.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))


async def run(console: Console) -> None:
    """Measure and print."""
    with LocalPostgres() as postgres, LocalNats() as broker:
        database = postgres.create_database("bench")
        await asyncio.to_thread(migrate, database)
        environment = {"DATABASE_URL": database, "NATS_URL": broker.url, "PAYMENT_GATEWAY": "fake"}
        settings = read_settings(environment, http=False)
        gateway = InMemoryGateway(GatewayLedger(utc_now))
        async with open_runtime(settings, gateway) as runtime:
            runtime.broker.open()
            bench = Bench(runtime, broker.url)
            await bench.intake.run_once()  # creates the streams
            await bench.measure()  # warms up
            rounds = [
                await bench.measure() for _ in track(range(ROUNDS), "measuring…", console=console)
            ]
    show(console, {name: statistics.median(each[name] for each in rounds) for name in rounds[0]})


def show(console: Console, rates: dict[str, float]) -> None:
    """Print each rate beside its reference."""
    title = f"median of {ROUNDS} rounds of {ORDERS_PER_ROUND} orders, {CUSTOMERS} customers"
    table = Table("work", "per second", "reference", "per second", "ratio", title=title)
    for work, reference, name in COMPARED:
        rate, reference_rate = rates[work], rates[reference]
        ratio = f"{rate / reference_rate:.2f}"
        table.add_row(work, f"{rate:,.0f}", name, f"{reference_rate:,.0f}", ratio)
    console.print(table)


def main() -> None:
    """Run the benchmark with a time limit."""
    try:
        asyncio.run(asyncio.wait_for(run(Console()), TIMEOUT_SECONDS))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
