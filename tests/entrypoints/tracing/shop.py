"""A whole shop in one process, on real servers and Stripe's double."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import Final

import httpx
from attrs import evolve, frozen

from entrypoints.composition.http import open_http
from entrypoints.composition.worker import open_worker
from entrypoints.http.app import create_app
from entrypoints.settings import read_settings
from entrypoints.tracing.tracing import Tracing
from entrypoints.worker import Role
from entrypoints.worker.loops import run_loops
from entrypoints.worker.roles import loops_of
from payments_kit.doubles.stripe.running import RunningDouble, running_stripe_double
from tests.builders import PAYER
from tests.checkpoints import TIMEOUT
from tests.entrypoints.http.world import a_token, in_session
from tests.system.deployment import JWT_KEY, STRIPE_KEY, WEBHOOK_SECRET
from tests.system.shop_events import ShopEvents
from tests.system.waiting import eventually

ROLES: Final[Sequence[Role]] = ("replicate", "relay", "recover", "complete")

# Of a client whose trace is recorded (https://www.w3.org/TR/trace-context/).
TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT: Final = "00f067aa0ba902b7"
TRACEPARENT: Final = f"00-{TRACE}-{PARENT}-01"

TOKEN: Final = a_token(PAYER, JWT_KEY)
COOKIE: Final = in_session(TOKEN)
SESSION: Final = f"session={COOKIE}"


@frozen
class Shop:
    """The service with its worker, and what is beside it."""

    client: httpx.AsyncClient
    stripe: RunningDouble
    events: ShopEvents

    async def create_order(self) -> str:
        """Create an order, and wait until it is known."""
        order_id = await self.events.create_order()
        path, headers = f"/api/payments/options?orderId={order_id}", {"cookie": SESSION}

        async def is_known() -> None:
            reply = await self.client.get(path, headers=headers)
            assert reply.status_code == 200

        await eventually(is_known, TIMEOUT)
        return order_id

    async def pay(self, order_id: str, token: str = "tok_visa", **headers: str) -> httpx.Response:
        """Pay for an order."""
        body = {"orderId": order_id, "token": token}
        headers |= {"cookie": SESSION}
        return await self.client.post("/api/payments", json=body, headers=headers)


@contextlib.asynccontextmanager
async def running_shop(
    database_url: str, nats_url: str, tracing: Tracing | None
) -> AsyncIterator[Shop]:
    """Run the service and its worker in this event loop."""
    async with AsyncExitStack() as stack:
        stripe = await stack.enter_async_context(running_stripe_double())
        settings = read_settings(environment(database_url, nats_url, stripe.url))
        dependencies = await stack.enter_async_context(open_http(settings, tracing))
        worker, _ = await stack.enter_async_context(open_worker(settings, tracing))
        loops = [
            evolve(each, trace=worker.trace) for role in ROLES for each in loops_of(role, worker)
        ]
        stop = asyncio.Event()
        running = asyncio.create_task(run_loops(loops, stop))
        app = create_app(dependencies)
        events = ShopEvents(nats_url, PAYER)
        stack.push_async_callback(events.close)
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # Litestar's scopes are narrower
        client = httpx.AsyncClient(transport=transport, base_url="http://payments.test")
        await stack.enter_async_context(client)
        yield Shop(client, stripe, events)
        stop.set()
        await running


def environment(database_url: str, nats_url: str, stripe_url: str) -> dict[str, str]:
    """Return the variables of a process of the shop."""
    return {
        "DATABASE_URL": database_url,
        "NATS_URL": nats_url,
        "JWT_KEY": JWT_KEY,
        "STRIPE_KEY": STRIPE_KEY,
        "STRIPE_API_BASE": stripe_url,
        "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "WORKER_PORT": "0",
    }
