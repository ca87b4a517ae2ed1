"""Chaos: many orders are paid while everything is killed, suspended and disconnected at random.

The seed determines which fault happens when; the effects depend on real processes, so a failure may
not happen again with the same seed.
"""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, get_args

from attrs import Factory, define, field

from payments_kit.doubles.faults import Kind as GatewayFault
from payments_kit.servers.server import LocalServer
from tests.system.chaos_customers import Customers
from tests.system.comparison import assert_promises_kept
from tests.system.proxies import Proxy
from tests.system.service_process import ServiceProcess
from tests.system.stripe_control import CHARGES, REFUNDS
from tests.system.system import System
from tests.system.waiting import eventually

Fault = Callable[[], Awaitable[bool]]
"""Causes a fault and ends it; returns whether anything was affected."""

# How long after the last fault every customer has a final response: longer than a lost payment
# blocks its order (25 s, and a check every 10 s).
LAST_RESPONSE_SECONDS: Final = 90.0

# A refund to which Stripe always responds 500 is sent again a minute later.
REST_SECONDS: Final = 180.0

# The contract's statuses; 500 is not among them.
ALLOWED_STATUSES: Final = {201, 202, 400, 402, 404, 409, 429, 503}


@define
class Chaos:
    """One run: `orders` are paid within `seconds`, while every kind of fault happens.

    `max_missing` kinds may fail to happen: on a busy machine a proxy may have no connection.
    """

    system: System
    orders: int
    seconds: float
    seed: int
    max_missing: int = 0
    _rng: random.Random = Factory(lambda self: random.Random(self.seed), takes_self=True)
    _faults: Counter[str] = field(factory=Counter)
    _busy: dict[str, asyncio.Lock] = field(factory=dict)

    async def run(self) -> str:
        """Cause the faults, then check every promise; return a report."""
        started = time.monotonic()
        stripe = self.system.stripe
        counts_before = await stripe.fault_counts()
        customers = Customers(self.system, self.seed, self.seconds)
        serve = self.system.deployment.addresses[0]
        async with stripe.webhooks_to(serve, duplicate=2, reorder=True):
            await self._run(customers)
        counts = await stripe.fault_counts()
        for kind in get_args(GatewayFault):
            self._faults[f"gateway {kind}"] = counts.get(kind, 0) - counts_before.get(kind, 0)
        wrong = [each for each in customers.responses if each.status not in ALLOWED_STATUSES]
        assert not wrong, wrong[:3]
        await assert_promises_kept(
            self.system, customers.order_ids, customers.responses, REST_SECONDS
        )
        responses = Counter(str(response.status) for response in customers.responses)
        responses["none"] = customers.without_response
        report = [
            f"chaos, seed {self.seed}, {time.monotonic() - started:.0f} s until it was at rest"
        ]
        for title, counted in (("faults", self._faults), ("responses", responses)):
            report.append(f"  {title}")
            report += [f"    {count:>6}  {name}" for name, count in sorted(counted.items())]
        missing = [name for name, count in self._faults.items() if not count]
        report += [f"  never happened: {name}" for name in missing]
        assert len(missing) <= self.max_missing, "\n".join(report)
        return "\n".join(report)

    async def _run(self, customers: Customers) -> None:
        paying = [asyncio.create_task(customers.order_and_pay(n)) for n in range(self.orders)]
        try:
            await asyncio.gather(*self._schedule())
            await asyncio.to_thread(self.system.deployment.restore)
            await self.system.stripe.clear_faults()
            done, _ = await asyncio.wait(paying, timeout=LAST_RESPONSE_SECONDS)
            for task in done:
                task.result()
            assert not customers.waiting, f"no final response: {customers.waiting}"
        finally:
            for task in paying:
                task.cancel()
            await asyncio.gather(*paying, return_exceptions=True)

    def _schedule(self) -> list[Awaitable[None]]:
        """Return every kind of fault once, and as many again at random, at random moments."""
        kinds, gateway_kinds = self._kinds(), get_args(GatewayFault)
        self._faults.update(dict.fromkeys(kinds, 0))
        more = self._rng.choices([*kinds, *gateway_kinds], k=int(self.seconds))
        return [
            # Early, while there are requests to the gateway.
            *(self._fail_a_charge(self._moment(0.4), kind) for kind in gateway_kinds),
            *(self._cause(self._moment(0.9), name, kinds[name]) for name in kinds),
            *(
                self._cause(self._moment(0.9), name, kinds[name])
                if name in kinds
                else self._fail_a_request(self._moment(0.9), name, self._rng.choice([REFUNDS, ""]))
                for name in more
            ),
        ]

    def _moment(self, latest: float) -> float:
        return self._rng.uniform(0.05, latest) * self.seconds

    async def _fail_a_charge(self, moment: float, kind: str) -> None:
        """Make a charge fail in this way, and wait until one has."""
        await asyncio.sleep(moment)
        fault_counts = self.system.stripe.fault_counts
        before = (await fault_counts()).get(kind, 0)
        await self._fail_a_request(0, kind, CHARGES)

        async def has_failed() -> None:
            assert (await fault_counts()).get(kind, 0) > before, f"no charge failed by {kind}"

        await eventually(has_failed, interval=0.2)

    async def _fail_a_request(self, moment: float, kind: str, path: str) -> None:
        """Make a request to this path fail, if there is one; an empty path is any reading one."""
        await asyncio.sleep(moment)
        more = {"seconds": self._rng.uniform(0.5, 3.0)} if kind in ("slow", "late") else {}
        method = "POST" if path else "GET"
        await self.system.stripe.add_fault(kind, path, method=method, **more)

    async def _cause(self, moment: float, name: str, faults: list[tuple[str, Fault]]) -> None:
        """Cause a fault at one of its targets; again if it affected nothing."""
        await asyncio.sleep(moment)
        deadline = time.monotonic() + self.seconds
        while time.monotonic() < deadline:
            target, fault = self._rng.choice(faults)
            async with self._busy.setdefault(target, asyncio.Lock()):
                happened = await fault()
            if happened:
                self._faults[name] += 1
                return
            await asyncio.sleep(0.2)

    def _kinds(self) -> dict[str, list[tuple[str, Fault]]]:
        """Return the faults of each kind with their targets; a target has one fault at a time."""
        deployment = self.system.deployment
        # One server of a cluster at a time: the others have to go on.
        servers: dict[str, list[LocalServer]] = {
            "postgres": [deployment.postgres],
            "nats": [*deployment.nats_servers],
        }
        kinds: dict[str, list[tuple[str, Fault]]] = {
            "nats suspended": [
                ("nats", partial(self._suspend_nats, each)) for each in deployment.nats_servers
            ],
            "gateway suspended": [("stripe", partial(self._suspend, deployment.stripe, 3))],
        }
        if len(deployment.nats_servers) > 1:
            kinds["nats leader killed"] = [("nats", self._crash_leader)]
            kinds["nats quorum lost"] = [("nats", self._lose_quorum)]
        for name, targets in servers.items():
            kinds[f"{name} killed"] = [(name, partial(self._crash, each)) for each in targets]
            kinds[f"{name} restarted"] = [(name, partial(self._restart, each)) for each in targets]
        for kind, processes in (("serve", deployment.serve), ("worker", deployment.worker)):
            kinds[f"{kind} killed"] = [(each.name, partial(self._kill, each)) for each in processes]
            kinds[f"{kind} deployed"] = [
                (each.name, partial(self._deploy, each)) for each in processes
            ]
            kinds[f"{kind} suspended"] = [
                (each.name, partial(self._suspend, each, 8)) for each in processes
            ]
        for name, proxy in deployment.proxies.items():
            kinds[f"{name} cut"] = [(name, partial(self._cut, proxy))]
            kinds[f"{name} silent"] = [(name, partial(self._hold, proxy))]
            kinds[f"{name} reply lost"] = [(name, partial(self._drop, proxy))]
        return kinds

    async def _pause(self, max_seconds: float) -> None:
        await asyncio.sleep(self._rng.uniform(0.1, min(max_seconds, self.seconds / 5)))

    async def _kill(self, process: ServiceProcess) -> bool:
        was_running = process.is_running
        await asyncio.to_thread(process.kill)
        await self._pause(3)
        await asyncio.to_thread(process.start)
        return was_running

    async def _deploy(self, process: ServiceProcess) -> bool:
        exit_code = await asyncio.to_thread(process.stop)
        await asyncio.to_thread(process.start)
        assert exit_code == 0, f"{process.name} did not stop gracefully: {process.log_tail}"
        return True

    async def _suspend(self, process: ServiceProcess, max_seconds: float) -> bool:
        process.suspend()
        await self._pause(max_seconds)
        process.resume()
        return True

    async def _suspend_nats(self, server: LocalServer) -> bool:
        server.process.signal(signal.SIGSTOP)
        await self._pause(5)
        server.process.signal(signal.SIGCONT)
        return True

    async def _crash_leader(self) -> bool:
        """Kill the server that leads the stream of the order events."""
        leader = await self.system.events.leader("order:created")
        for server in self.system.deployment.nats_servers:
            if server.server_name == leader:
                return await self._crash(server)
        return False

    async def _lose_quorum(self) -> bool:
        """Kill all servers but one at the same time."""
        servers = self._rng.sample(
            self.system.deployment.nats_servers, len(self.system.deployment.nats_servers) - 1
        )
        for server in servers:
            await asyncio.to_thread(server.kill)
        await self._pause(15)
        for server in servers:
            await asyncio.to_thread(server.start)
        return True

    async def _crash(self, server: LocalServer) -> bool:
        await asyncio.to_thread(server.kill)
        await self._pause(3)
        await asyncio.to_thread(server.start)
        return True

    async def _restart(self, server: LocalServer) -> bool:
        await asyncio.to_thread(server.restart)
        return True

    async def _cut(self, proxy: Proxy) -> bool:
        return proxy.cut() > 0

    async def _hold(self, proxy: Proxy) -> bool:
        connections = proxy.hold()
        if connections:
            await self._pause(6)
        proxy.heal()
        return connections > 0

    async def _drop(self, proxy: Proxy) -> bool:
        dropped = proxy.dropped
        proxy.drop_replies(self._rng.randint(1, 3))
        await self._pause(2)
        proxy.heal()
        return proxy.dropped > dropped
