"""`make bench`: what the service can take, on real PostgreSQL and NATS, beside what these can take.

Each figure is the median of several rounds, and stands beside a yardstick taken in the same run:
the machine's speed drifts, the ratio does not. The gateway is in memory and answers at once, so
that what is measured is ours.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Final

import nats
import read_backlog
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import text

from adapters.gateways.in_memory import GatewayLedger, InMemoryGateway
from adapters.messaging.jetstream import JetStreamSubscription
from adapters.messaging.jetstream.streams import ORDERS
from adapters.persistence.sql.migrate import migrate
from application.ports.payment_gateway import CardToken
from domain.identifiers import OrderId, UserId
from entrypoints.composition.runtime import Runtime, open_runtime
from entrypoints.settings import read_settings
from entrypoints.worker.intake import OrderIntake
from payments_kit.servers.nats import LocalNats
from payments_kit.servers.postgres import LocalPostgres

ROUNDS: Final = 5
ORDERS_A_ROUND: Final = 2_000
PAYERS: Final = 32
"""Customers paying at once: as many as keep both cores busy."""

TOKEN: Final = CardToken("tok_visa")
PAYER: Final = UserId("bench")

# Nothing here takes a tenth of it; it only ends a benchmark that hangs.
TIMEOUT: Final = 600


async def seconds(work: Callable[[], Awaitable[object]]) -> float:
    """How long this takes."""
    begun = time.perf_counter()
    await work()
    return time.perf_counter() - begun


async def side_by_side(count: int, one: Callable[[int], Awaitable[object]]) -> None:
    """Do it for every number below `count`, PAYERS at a time."""
    numbers = iter(range(count))

    async def payer() -> None:
        for number in numbers:
            await one(number)

    await asyncio.gather(*(payer() for _ in range(PAYERS)))


class Bench:
    """One run on one set of servers."""

    def __init__(self, runtime: Runtime, nats_url: str) -> None:
        self.runtime = runtime
        self.nats_url = nats_url
        self.round = 0

    def order_id(self, number: int) -> OrderId:
        return OrderId(f"bench-{self.round}-{number}")

    async def publish_orders(self) -> None:
        client = await nats.connect(self.nats_url)
        stream = client.jetstream(publish_async_max_pending=ORDERS_A_ROUND)
        pending = [
            await stream.publish_async(
                "order:created",
                json.dumps(
                    {
                        "id": self.order_id(number),
                        "version": 0,
                        "status": "created",
                        "userId": PAYER,
                        "expiresAt": "2999-01-01T00:00:00.000Z",
                        "ticket": {"id": "bench", "price": 19.99},
                    }
                ).encode(),
            )
            for number in range(ORDERS_A_ROUND)
        ]
        await asyncio.gather(*pending)
        await client.close()

    async def replicate(self, intake: OrderIntake) -> None:
        heard = 0
        while heard < ORDERS_A_ROUND:
            heard += await intake.run_once()

    async def charge(self, number: int) -> None:
        await self.runtime.use_cases.create_charge(self.order_id(number), PAYER, TOKEN)

    async def relay(self) -> None:
        relayed = 0
        while relayed < ORDERS_A_ROUND:
            relayed += await self.runtime.use_cases.relay_outbox.run_once()

    async def round_trip(self, _number: int) -> None:
        async with self.runtime.database.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def publish_bare(self) -> None:
        """The yardstick of the relay: as many bare messages, pipelined the same way."""
        client = await nats.connect(self.nats_url)
        stream = client.jetstream(publish_async_max_pending=256)
        body = b"x" * 300
        for begin in range(0, ORDERS_A_ROUND, 256):
            batch = range(begin, min(begin + 256, ORDERS_A_ROUND))
            pending = [await stream.publish_async("payment:created", body) for _ in batch]
            await asyncio.gather(*pending)
        await client.close()


async def run(console: Console) -> None:
    """Take the figures and print them."""
    with LocalPostgres() as postgres, LocalNats() as broker:
        database = postgres.create_database("bench")
        await asyncio.to_thread(migrate, database)
        settings = read_settings(
            {
                "DATABASE_URL": database,
                "NATS_URL": broker.url,
                "JWT_KEY": "no HTTP here",
                "PAYMENT_GATEWAY": "fake",
            }
        )
        ledger = GatewayLedger(lambda: runtime.clock())  # noqa: PLW0108 - parts come later
        async with open_runtime(settings, InMemoryGateway(ledger)) as runtime:
            runtime.broker.open()
            subscription = JetStreamSubscription(
                runtime.broker, runtime.streams, runtime.dead_letters, ORDERS, durable="payments"
            )
            intake = OrderIntake(
                subscription,
                runtime.use_cases.replicate_order,
                runtime.use_cases.cancel_order,
                settings.currency,
            )
            await intake.run_once()  # makes the streams
            figures: dict[str, list[float]] = {}
            bench = Bench(runtime, broker.url)
            for bench.round in track(range(ROUNDS + 1), "measuring…", console=console):
                await bench.publish_orders()
                took = {
                    "replicated": await seconds(lambda: bench.replicate(intake)),
                    "charged": await seconds(lambda: side_by_side(ORDERS_A_ROUND, bench.charge)),
                    "relayed": await seconds(bench.relay),
                    "round trips": await seconds(
                        lambda: side_by_side(ORDERS_A_ROUND, bench.round_trip)
                    ),
                    "published": await seconds(bench.publish_bare),
                }
                if bench.round:  # the first one warms up
                    for name, each in took.items():
                        figures.setdefault(name, []).append(ORDERS_A_ROUND / each)
            show(console, {name: read_backlog.median(each) for name, each in figures.items()})


def show(console: Console, rates: dict[str, float]) -> None:
    """Print each rate beside its yardstick."""
    table = Table(title=f"median of {ROUNDS} rounds of {ORDERS_A_ROUND}, {PAYERS} payers at once")
    table.add_column("what")
    table.add_column("a second", justify="right")
    table.add_column("yardstick")
    table.add_column("a second", justify="right")
    table.add_column("ratio", justify="right")
    for what, yardstick in (
        ("charged", "round trips"),
        ("replicated", "round trips"),
        ("relayed", "published"),
    ):
        rate, bare = rates[what], rates[yardstick]
        named = {"round trips": "bare SELECT 1", "published": "bare messages"}[yardstick]
        table.add_row(f"{what}", f"{rate:,.0f}", named, f"{bare:,.0f}", f"{rate / bare:.2f}")
    console.print(table)


def main() -> None:
    """Run it, bounded."""
    console = Console()

    async def bounded() -> None:
        async with asyncio.timeout(TIMEOUT):
            await run(console)

    try:
        asyncio.run(bounded())
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
