"""System: a deployment and the clients of one test."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from subprocess import CompletedProcess
from typing import Any

import aiohttp
from attrs import frozen
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.tables import payments
from adapters.persistence.sql.unit_of_work import SqlUnitOfWork
from domain.identifiers import OrderId
from domain.order import Order
from domain.payment import Payment
from domain.payment_status import NOT_SENT, PaymentStatus
from payments_kit.doubles.paypal import RunningDouble
from tests.system.api_client import RESPONSE_SECONDS, ApiClient, Response
from tests.system.deployment import JWT_KEY, OPERATOR_KEY, PAYMENTS, WEBHOOK_SECRET, Deployment
from tests.system.service_process import run_to_end
from tests.system.shop_events import ShopEvents, new_id
from tests.system.stripe_control import StripeControl
from tests.system.waiting import eventually


@frozen
class System:
    """A deployment, and everything outside it that a test controls."""

    deployment: Deployment
    events: ShopEvents
    api: ApiClient
    stripe: StripeControl
    engine: AsyncEngine
    paypal: RunningDouble | None = None
    """PayPal, in a shop that has it."""

    async def create_order(self, order_id: str | None = None, **fields: Any) -> str:
        """Create an order in the shop and wait until it is replicated; return its id."""
        created = await self.events.create_order(order_id, **fields)
        await self.wait_for_orders(created)
        return created

    async def begin_payment(
        self, order_id: str, fault: Mapping[str, Any], **request: Any
    ) -> asyncio.Task[Response]:
        """Pay in the background; return once the gateway fails the charge in this way."""
        await self.stripe.add_fault(**fault)
        paying = asyncio.create_task(self.api.pay(order_id, **request))
        await self.stripe.wait_for_fault(fault["kind"])
        return paying

    async def wait_for_orders(self, *order_ids: str) -> None:
        async def are_replicated() -> None:
            orders = await self.orders(*order_ids)
            assert {order.id for order in orders if order.replica.terms} == set(order_ids)

        await eventually(are_replicated)

    async def wait_for_version(self, order_id: str, version: int) -> None:
        async def is_replicated() -> None:
            [order] = await self.orders(order_id)
            assert order.replica.version == version

        await eventually(is_replicated)

    async def wait_for_cancellation(self, *order_ids: str) -> None:
        async def are_cancelled() -> None:
            orders = await self.orders(*order_ids)
            assert {order.id for order in orders if order.is_cancelled} == set(order_ids)

        await eventually(are_cancelled)

    async def wait_for_status(self, order_id: str, *statuses: PaymentStatus) -> None:
        """Wait until the order's payments, oldest first, have these statuses.

        A claim that was released because a connection was lost may stand before them.
        """

        async def have_statuses() -> None:
            [order] = await self.orders(order_id)
            sent = [each for each in order.payments if each.code != NOT_SENT]
            assert statuses in (_statuses(order.payments), _statuses(sent)), order

        await eventually(have_statuses)

    async def orders(self, *order_ids: str) -> list[Order]:
        work = SqlUnitOfWork(Database(self.engine))
        return list((await work.orders.get_many([OrderId(each) for each in order_ids])).values())

    async def seconds_until_checked(self, *order_ids: str) -> float:
        """Return in how many seconds the gateway is asked about each open payment of these orders.

        It is 0 if there is none, or if all checks are due.
        """
        sql = (
            f"SELECT extract(epoch FROM max({payments.c.next_check_at.name}) - now())::float8"
            " FROM payments WHERE order_id = ANY($1)"
        )
        [(seconds,)] = await self.query(sql, list(order_ids))
        return max(0.0, seconds or 0.0)

    async def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Run SQL with the parameters `$1`, `$2` and so on in the database."""
        named = {f"value_{number}": value for number, value in enumerate(values)}
        return list(await Database(self.engine).run(Statement(sql, tuple(named)), **named))

    async def run_command(self, *arguments: str, **changes: str) -> CompletedProcess[str]:
        """Run a command of `payments` to its end."""
        environment = self.deployment.environment(**changes)
        return await asyncio.to_thread(run_to_end, [PAYMENTS, *arguments], environment)

    async def shorten_redelivery(self) -> None:
        """Let the broker redeliver unacknowledged order events after 2 s instead of 30 s."""
        await self.create_order()  # so that the consumer exists
        jetstream = await self.events.jetstream()
        stream = await jetstream.find_stream_name_by_subject("order:created")
        consumer = await jetstream.consumer_info(stream, "payments")
        await jetstream.add_consumer(stream, consumer.config, ack_wait=2.0)

    def suspend_workers(self) -> None:
        """Suspend every worker, so that only `serve` processes change anything."""
        for worker in self.deployment.worker:
            worker.suspend()

    def resume_workers(self) -> None:
        for worker in self.deployment.worker:
            worker.resume()


@asynccontextmanager
async def connect(deployment: Deployment) -> AsyncIterator[System]:
    """Open the clients of a deployment, and close them when the block ends."""
    async with AsyncExitStack() as stack:
        user_id = new_id("user")
        events = ShopEvents(deployment.nats_url, user_id)
        stack.push_async_callback(events.close)
        # A process that ends closes its connections; the next request needs a new one.
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        session = await stack.enter_async_context(
            aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=RESPONSE_SECONDS),
            )
        )
        api = ApiClient(session, deployment.addresses, JWT_KEY, OPERATOR_KEY, user_id)
        stripe = StripeControl(session, deployment.stripe_url, WEBHOOK_SECRET)
        # The test's own connection is patient with a busy machine.
        url = f"{deployment.database_url}?connect_timeout=60"
        engine = create_engine(url, 1, statement_seconds=60.0)
        stack.push_async_callback(engine.dispose)
        yield System(deployment, events, api, stripe, engine)


def _statuses(payments: Iterable[Payment]) -> tuple[PaymentStatus, ...]:
    return tuple(payment.status for payment in payments)
