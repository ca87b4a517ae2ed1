"""What the use cases cost, in a figure without noise: how often they go to the database."""

import asyncio
from datetime import timedelta
from itertools import count
from typing import Any

import asyncpg
import pytest
from sqlalchemy import AdaptedConnection, event

from adapters.gateways.in_memory import GatewayLedger, InMemoryGateway
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.decline_counter import SqlDeclineCounter
from adapters.persistence.sql.unit_of_work import SqlUnitOfWork
from application.ports.payment_gateway import CardToken
from application.retry import RetryOnConflict
from application.use_cases.create_charge import CreateCharge
from application.use_cases.limit_declines import LimitDeclines
from application.use_cases.replicate_order import ReplicateOrder
from application.use_cases.settle_payment import SettlePayment
from domain.identifiers import OrderId
from domain.payment import PaymentStatus
from tests.builders import NOW, PAYER, an_order
from tests.tcp_proxy import TcpProxy

TOKEN = CardToken("tok_visa")


@pytest.fixture
def retry(proxied: Database) -> RetryOnConflict:
    return RetryOnConflict(lambda: SqlUnitOfWork(proxied))


class Statements:
    """What was said to the database."""

    def __init__(self) -> None:
        self._heard: list[str] = []

    def apply(self, connection: AdaptedConnection, _record: object) -> None:
        driver: asyncpg.Connection[Any] = connection.driver_connection
        driver.add_query_logger(lambda logged: self._heard.append(logged.query))

    async def kinds(self) -> list[str]:
        """How each statement since the last call begins; those that write begin with WITH."""
        await asyncio.sleep(0)  # it is told in the loop's next turn
        kinds = [statement.split()[0] for statement in self._heard]
        self._heard.clear()
        return kinds


@pytest.fixture
def statements(proxied: Database) -> Statements:
    statements = Statements()
    event.listen(proxied.engine.sync_engine, "connect", statements.apply)
    return statements


async def test_a_charge_takes_five_statements_and_five_round_trips(
    proxied: Database, retry: RetryOnConflict, proxy: TcpProxy, statements: Statements
) -> None:
    numbers = count(1)
    charge = CreateCharge(
        retry=retry,
        gateway=InMemoryGateway(GatewayLedger(lambda: NOW)),
        settle=SettlePayment(retry, lambda: NOW),
        declines=LimitDeclines(SqlDeclineCounter(proxied), timedelta(minutes=10), {"user": 5}),
        now=lambda: NOW,
        new_id=lambda: f"payment-{next(numbers)}",
    )
    orders = [OrderId("order-1"), OrderId("order-2")]
    await ReplicateOrder(retry, lambda: NOW)(an_order(order_id) for order_id in orders)
    sources = [f"user:{PAYER}"]
    await charge(orders[0], PAYER, TOKEN, sources=sources)  # has the statements prepared
    await statements.kinds()
    before = proxy.requests
    charged = await charge(orders[1], PAYER, TOKEN, sources=sources)
    assert charged.payment.status is PaymentStatus.SUCCEEDED
    assert proxy.requests - before == 5
    # The declines; the claim, read and written; the settlement, read and written.
    assert await statements.kinds() == ["SELECT", "SELECT", "WITH", "SELECT", "WITH"]


async def test_a_batch_of_order_events_takes_one_statement_to_read_and_one_to_write(
    retry: RetryOnConflict, statements: Statements
) -> None:
    replicate = ReplicateOrder(retry, lambda: NOW)
    await replicate([an_order("order-0")])  # has the statements prepared
    await statements.kinds()
    for expected in (["SELECT", "WITH"], ["SELECT"]):
        await replicate(an_order(f"order-{number}") for number in range(1, 1_001))
        assert await statements.kinds() == expected
