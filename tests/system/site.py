"""Everything on one machine: PostgreSQL, NATS, Stripe's double, and the service's own processes."""

import itertools
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from attrs import frozen
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.persistence.sql.database import Database, Statement
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.migrate import migrate
from adapters.persistence.sql.tables import metadata
from adapters.persistence.sql.unit_of_work import SqlUnitOfWork
from domain.identifiers import OrderId
from domain.order import Order
from payments_kit.servers.nats import LocalNats
from payments_kit.servers.postgres import LocalPostgres
from payments_kit.servers.processes import free_port
from tests.system.customers import Answer, Customers
from tests.system.gateway import Gateway
from tests.system.lines import Line, Lines
from tests.system.replica import ROOT, Replica
from tests.system.shop import Shop
from tests.system.waiting import until

# Told apart from everything else, so that a leak is seen.
JWT_KEY: Final = "jwt-key-that-must-leak-nowhere-0123456789"
STRIPE_KEY: Final = "sk_test_thatMustLeakNowhere"
WEBHOOK_SECRET: Final = "whsec_thatMustLeakNowhere"
OPERATOR_KEY: Final = "operator-key-that-must-leak-nowhere"
SECRETS: Final = (JWT_KEY, STRIPE_KEY, WEBHOOK_SECRET, OPERATOR_KEY)

# A command does one thing; the slowest, `migrate` on an empty database, takes a second or two.
COMMAND_SECONDS: Final = 60.0

_numbers = itertools.count(1)


@frozen
class Done:
    """How a command of ours ended."""

    code: int
    out: str
    err: str


class Site:
    """One installation of the service with everything around it, up and running.

    Every connection of ours goes over an unreliable line (`serve_database` and so on); what the
    test itself wants to know it asks directly.
    """

    def __init__(
        self,
        *,
        gateway: str = "stripe-payment-intents",
        serves: int = 2,
        workers: int = 2,
        keep_logs: Path | None = None,
    ) -> None:
        self.gateway = gateway
        self._serves = serves
        self._workers = workers
        self._keep_logs = keep_logs
        self._stack = ExitStack()
        self.extra: list[Replica] = []

    def __enter__(self) -> Self:
        with self._stack:
            self._raise()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _raise(self) -> None:
        enter = self._stack.enter_context
        self.postgres = enter(LocalPostgres(fsync=False))
        self.nats = enter(LocalNats())
        self.lines = enter(Lines())
        self.database_url = self.postgres.create_database("shop")
        migrate(self.database_url)
        self.stripe = self._replica(
            "stripe", ["-m", "payments_kit.doubles.stripe"], {}, started=lambda log: '"url"' in log
        )
        self.stripe.start()
        self.stripe_url = self.stripe.find(r'"url": "([^"]+)"')
        stripe_port = int(self.stripe_url.rpartition(":")[2])
        self.serve_database = self.lines.to(self.postgres.port)
        self.worker_database = self.lines.to(self.postgres.port)
        self.serve_stripe = self.lines.to(stripe_port)
        self.worker_stripe = self.lines.to(stripe_port)
        self.worker_nats = self.lines.to(self.nats.port)
        self.addresses: list[str] = []
        self.serve = [self.new_serve() for _ in range(self._serves)]
        self.worker = [self.new_worker() for _ in range(self._workers)]
        self.extra.clear()
        for replica in self.replicas:
            replica.begin()
        for replica in self.replicas:
            replica.await_start()

    @property
    def replicas(self) -> list[Replica]:
        """The service's own processes."""
        return [*self.serve, *self.worker, *self.extra]

    @property
    def all_lines(self) -> Mapping[str, Line]:
        """Every unreliable line, by its name."""
        return {
            "serve-postgres": self.serve_database,
            "worker-postgres": self.worker_database,
            "serve-stripe": self.serve_stripe,
            "worker-stripe": self.worker_stripe,
            "worker-nats": self.worker_nats,
        }

    def environment(self, **changes: str) -> dict[str, str]:
        """What the service is configured with, as an operator would."""
        return {
            "DATABASE_URL": self.database_url,
            "NATS_URL": self.nats.url,
            "JWT_KEY": JWT_KEY,
            "PAYMENT_GATEWAY": self.gateway,
            "STRIPE_KEY": STRIPE_KEY,
            "STRIPE_API_BASE": self.stripe_url,
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "OPERATOR_KEY": OPERATOR_KEY,
            "HOST": "127.0.0.1",
            # All customers of a test have one address; the limit has a test of its own.
            "DECLINES_PER_ADDRESS": "1000000",
            "TRUSTED_PROXIES": "1",
            **changes,
        }

    def new_serve(self, **changes: str) -> Replica:
        """One more replica of `payments serve`, not started; customers reach it by its number."""
        port = free_port()
        self.addresses.append(f"http://127.0.0.1:{port}")
        lines = {
            "DATABASE_URL": self._through(self.serve_database),
            "STRIPE_API_BASE": f"http://127.0.0.1:{self.serve_stripe.port}",
            "PORT": str(port),
        }
        environment = self.environment(**(lines | changes))
        return self._replica("serve", ["-m", "entrypoints.cli", "serve"], environment, _is_serving)

    def new_worker(self, *roles: str, **changes: str) -> Replica:
        """One more replica of `payments worker`, not started."""
        lines = {
            "DATABASE_URL": self._through(self.worker_database),
            "STRIPE_API_BASE": f"http://127.0.0.1:{self.worker_stripe.port}",
            "NATS_URL": f"nats://127.0.0.1:{self.worker_nats.port}",
        }
        arguments = ["-m", "entrypoints.cli", "worker", *(f"--role={role}" for role in roles)]
        environment = self.environment(**(lines | changes))
        return self._replica("worker", arguments, environment, lambda log: "worker started" in log)

    def _replica(
        self,
        kind: str,
        arguments: list[str],
        environment: Mapping[str, str],
        started: Callable[[str], bool],
    ) -> Replica:
        replica = Replica(f"{kind}-{next(_numbers)}", arguments, environment, started)
        self._stack.callback(lambda: replica.close(self._keep_logs))
        if kind != "stripe":
            self.extra.append(replica)
        return replica

    def _through(self, line: Line) -> str:
        runtime = urlsplit(self.database_url)
        user = runtime.netloc.rpartition("@")[0]
        return runtime._replace(netloc=f"{user}@127.0.0.1:{line.port}").geturl()

    def run(self, *arguments: str, **changes: str) -> Done:
        """Run a command of ours to its end; an empty value takes a variable away."""
        environment = self.environment(**changes)
        done = subprocess.run(
            [sys.executable, "-m", "entrypoints.cli", *arguments],
            env={"PYTHONPATH": str(ROOT), **environment},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def restore(self) -> None:
        """Have everything running and reachable again, whatever was done to it."""
        for line in self.all_lines.values():
            line.heal()
        if not self.postgres.process.runs():
            self.postgres.start()
        if not self.nats.process.runs():
            self.nats.start()
        self.nats.process.signal(signal.SIGCONT)
        self.stripe.resume()
        for replica in [*self.serve, *self.worker]:
            replica.restore()
        for replica in self.extra:
            replica.resume()
            if replica.runs:
                replica.kill()

    def tails(self) -> dict[str, str]:
        """The end of every process's log, by its name."""
        logs = {replica.name: replica.tail for replica in [self.stripe, *self.replicas]}
        for server in (self.postgres, self.nats):
            logs[server.name] = server.process.detail("")
        return logs


def _is_serving(log: str) -> bool:
    return "listening" in log


@frozen
class Runtime:
    """What one test drives: a site, and those around it, in the test's own event loop."""

    site: Site
    shop: Shop
    customers: Customers
    gateway: Gateway
    engine: AsyncEngine

    async def order(self, user_id: str, **more: object) -> str:
        """Somebody orders a ticket, and we have heard of it; the order's id."""
        order_id = await self.shop.order(user_id, **more)
        await self.known(order_id)
        return order_id

    async def known(self, *order_ids: str) -> None:
        """Wait until our replicas have these orders."""

        async def look() -> None:
            orders = await self.orders(*order_ids)
            assert {bill.id for bill in orders if bill.terms} == set(order_ids)

        await until(look)

    async def becomes(self, payment_id: str, user_id: str, status: str) -> Answer:
        """Wait until the customer sees the payment so."""

        async def look() -> Answer:
            answer = await self.customers.show(payment_id, user_id)
            assert answer.status == 200, answer
            assert answer.body["status"] == status, answer
            return answer

        return await until(look)

    async def bill(self, order_id: str) -> Order:
        """What our tables say about an order, this moment."""
        [bill] = await self.orders(order_id)
        return bill

    async def orders(self, *order_ids: str) -> list[Order]:
        """What our tables say about these orders."""
        work = SqlUnitOfWork(Database(self.engine))
        return list((await work.orders.get_many([OrderId(each) for each in order_ids])).values())

    async def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask our database something."""
        given = {f"value_{number}": value for number, value in enumerate(values)}
        return list(await Database(self.engine).run(Statement(query, tuple(given)), **given))

    async def dump(self) -> list[str]:
        """Every row of every table of ours, as text."""
        return [
            str(row[0])
            for table in metadata.sorted_tables
            for row in await self.rows(f"SELECT t::text FROM {table.name} AS t")
        ]


@asynccontextmanager
async def around(site: Site) -> AsyncIterator[Runtime]:
    """Those who use a site, until the block ends."""
    async with AsyncExitStack() as stack:
        shop = Shop(site.nats.url)
        stack.push_async_callback(shop.close)
        customers = await stack.enter_async_context(
            Customers(site.addresses, JWT_KEY, OPERATOR_KEY)
        )
        gateway = await stack.enter_async_context(Gateway(site.stripe_url, WEBHOOK_SECRET))
        engine = create_engine(site.database_url, 1)
        stack.push_async_callback(engine.dispose)
        yield Runtime(site, shop, customers, gateway, engine)
