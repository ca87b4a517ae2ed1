"""Shop: one serve and one worker on in-memory adapters, scraped every minute as Prometheus does.

Everything that counts is what production runs: the HTTP application, the loops of all roles with
their observer, the metrics, and the text of `/metrics`. Only the adapters and the clock differ.
"""

import re
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from itertools import count
from typing import Final, cast

import httpx
from attrs import Factory, define, field
from prometheus_client import CollectorRegistry

from adapters.gateways.in_memory import GatewayFaultKind, InMemoryGateway
from entrypoints.http.app import create_app
from entrypoints.http.dependencies import HttpDependencies
from entrypoints.http.probes import metrics_text
from entrypoints.monitoring.clock_watch import ClockWatch
from entrypoints.monitoring.gateway_metrics import GatewayMetrics
from entrypoints.monitoring.process_metrics import (
    Pool,
    export_degraded_gateways,
    export_pool,
    export_version,
)
from entrypoints.worker import Role
from tests.alerts.rules import NAMES
from tests.alerts.series import Scrape
from tests.alerts.worker import Shared, Worker
from tests.entrypoints.http.world import HttpWorld, signed_in

SERVE: Final = "payments-serve"
WORKER: Final = "payments-worker"
ROLES: Final[tuple[Role, ...]] = ("replicate", "relay", "recover", "reconcile")
"""What a worker runs by default."""

# A line of the text format; no value of our labels has a quotation mark or a backslash.
_SAMPLE: Final = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')


@define
class IdlePool:
    """Connections to the database of which none is in use."""

    size: int = 10
    in_use: int = 0
    waiting: int = 0


async def nothing() -> None:
    """Do nothing."""


def samples(text: str, names: frozenset[str] | None) -> Iterator[tuple[str, dict[str, str], float]]:
    """Yield name, labels and value of these metrics.

    The client library's own parser takes ten times as long.
    """
    for name, labels, value in _SAMPLE.findall(text):
        if names is None or name in names:
            yield name, dict(_LABEL.findall(labels)), float(value)


@define
class Shop(HttpWorld):
    """A world with two processes, whose metrics are scraped."""

    gateway_type: type[InMemoryGateway] = InMemoryGateway
    token: str = "tok_visa"
    customers: int = 1
    """How many customers pay in a minute."""
    fault: GatewayFaultKind | None = None
    """What happens to each charge."""
    roles: tuple[Role, ...] = ROLES
    """What the worker runs."""
    down: set[str] = field(factory=set)
    """Jobs whose process does not run."""
    clock_offset: timedelta = timedelta(0)
    """How far the clock of both hosts is ahead of the database's."""
    pool: Pool = field(factory=IdlePool)
    headers: dict[str, str] = Factory(signed_in)
    before_scrape: Callable[[], Awaitable[None]] = nothing
    names: frozenset[str] | None = NAMES
    """The metrics that are kept; None: all."""
    scrapes: list[Scrape] = field(factory=list)
    serve_registry: CollectorRegistry = field(factory=CollectorRegistry)
    app: httpx.AsyncClient = field(init=False)
    worker: Worker = field(init=False)
    gateway_metrics: GatewayMetrics = field(factory=GatewayMetrics)
    _shared: Shared = field(init=False)
    _numbers: "count[int]" = field(factory=count)

    @property
    def gateway(self) -> InMemoryGateway:
        measured = self.gateway_metrics.measured(HttpWorld.gateway.fget(self))  # type: ignore[attr-defined]
        return cast(InMemoryGateway, measured)

    def dependencies(self) -> HttpDependencies:
        found = super().dependencies()
        self.serve_registry = found.registry
        health = found.use_cases.list_options.health
        names = [each.name for each in self.gateways]
        export_degraded_gateways(names, health.is_away, found.registry)
        return found

    @property
    def watch(self) -> ClockWatch:
        """What compares the clock of the hosts with the database's."""

        def host_now() -> object:
            return self.now() + self.clock_offset

        return ClockWatch("host-1", host_now, self.now, self.alerts)  # type: ignore[arg-type]

    async def start(self) -> None:
        """Start both processes."""
        transport = httpx.ASGITransport(
            create_app(self.dependencies()),  # type: ignore[arg-type]  # Litestar's scopes are narrower
            raise_app_exceptions=False,
        )
        self.app = httpx.AsyncClient(transport=transport, base_url="http://payments.test")
        self.worker = Worker.start(self, self.roles, CollectorRegistry())
        self._shared = Shared.on(self.serve_registry)
        for registry in (self.serve_registry, self.worker.registry):
            export_version("1.0.0", registry)
            export_pool(self.pool, registry)
            self.watch.export(registry)
            self.gateway_metrics.export(registry)

    async def minutes(self, number: int) -> None:
        """Let minutes pass: customers pay, the worker works, and Prometheus scrapes."""
        for _ in range(number):
            self.advance(minutes=1)
            if SERVE not in self.down:
                for _ in range(self.customers):
                    await self.customer_pays()
            if WORKER not in self.down:
                await self.worker.run_once(self.roles)
            await self.watch.check()
            await self.alerts.flush()
            await self.before_scrape()
            await self.scrape()

    async def customer_pays(self) -> None:
        """Let a customer pay for a new order."""
        order_id = f"order-{next(self._numbers)}"
        if "database" not in self.failing:
            await self.create_order(order_id)
        if self.fault is not None:
            self.faults.add("charge", self.fault)
        body = {"token": self.token, "orderId": order_id}
        await self.app.post("/api/payments", json=body, headers=self.headers)

    async def scrape(self) -> None:
        """Read `/metrics` of both processes."""
        scrape = Scrape(self.now())
        for job in (SERVE, WORKER):
            target = {"job": job, "instance": f"{job}-1"}
            scrape.add("up", target, float(job not in self.down))
            if job not in self.down:
                for name, labels, value in samples(await self.metrics_of(job), self.names):
                    scrape.add(name, {**labels, **target}, value)
        self.scrapes.append(scrape)

    async def metrics_of(self, job: str) -> str:
        """Return the text that a process serves to Prometheus."""
        if job == SERVE:
            await self._shared.refresh(self)
            return (await self.app.get("/metrics")).text
        await self.worker.refresh()
        content, _ = metrics_text(self.worker.registry)
        return content.decode()
