"""The cost of the use cases in statements and round trips to the database."""

import asyncio
from itertools import count
from typing import Any

import asyncpg
import pytest
from sqlalchemy import AdaptedConnection, event

from adapters.gateways.in_memory import GatewayLedger, InMemoryGateway
from adapters.messaging.in_memory import InMemoryBroker, InMemoryPublisher
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.decline_counter import SqlDeclineCounter
from adapters.persistence.sql.outbox_queue import SqlOutboxQueue
from adapters.persistence.sql.unit_of_work import SqlUnitOfWork
from application.application import DeclineLimits, Ports, UseCases, compose
from application.ports.payment_gateway import CardToken
from application.use_cases.create_charge import PayOrder
from domain.identifiers import OrderId
from domain.payment import PaymentStatus
from tests.builders import NOW, PAYER, created_event
from tests.tcp_proxy import TcpProxy


@pytest.fixture
def use_cases(proxied: Database) -> UseCases:
    numbers = count(1)
    ports = Ports(
        begin=lambda: SqlUnitOfWork(proxied),
        outbox=SqlOutboxQueue(proxied),
        publisher=InMemoryPublisher(InMemoryBroker(lambda: NOW)),
        gateway=InMemoryGateway(GatewayLedger(lambda: NOW)),
        declines=SqlDeclineCounter(proxied),
        now=lambda: NOW,
        new_id=lambda: f"payment-{next(numbers)}",
        relay_name="relay",
    )
    return compose(ports, DeclineLimits(max_declines={"user": 5}))


class StatementLog:
    """The statements that were sent to the database."""

    def __init__(self) -> None:
        self._statements: list[str] = []

    def log(self, connection: AdaptedConnection, _record: object) -> None:
        driver: asyncpg.Connection[Any] = connection.driver_connection
        driver.add_query_logger(lambda logged: self._statements.append(logged.query))

    async def first_words(self) -> list[str]:
        """Return the first word of each statement since the last call; WITH is a write."""
        await asyncio.sleep(0)  # the driver calls the logger in the loop's next iteration
        words = [statement.split()[0] for statement in self._statements]
        self._statements.clear()
        return words


@pytest.fixture
def statements(proxied: Database) -> StatementLog:
    statements = StatementLog()
    event.listen(proxied.engine.sync_engine, "connect", statements.log)
    return statements


async def test_a_charge_takes_five_statements_and_five_round_trips(
    use_cases: UseCases, proxy: TcpProxy, statements: StatementLog
) -> None:
    orders = [OrderId("order-1"), OrderId("order-2")]
    await use_cases.replicate_order(created_event(order_id) for order_id in orders)
    commands = [
        PayOrder(order_id, PAYER, CardToken("tok_visa"), sources=[f"user:{PAYER}"])
        for order_id in orders
    ]
    await use_cases.create_charge(commands[0])  # prepares the statements
    await statements.first_words()
    before = proxy.requests
    charged = await use_cases.create_charge(commands[1])
    assert charged.payment.status is PaymentStatus.SUCCEEDED
    assert proxy.requests - before == 5
    # The declines; the claim, read and written; the settlement, read and written.
    assert await statements.first_words() == ["SELECT", "SELECT", "WITH", "SELECT", "WITH"]


async def test_a_batch_of_order_events_takes_one_read_and_one_write(
    use_cases: UseCases, statements: StatementLog
) -> None:
    await use_cases.replicate_order([created_event("order-0")])  # prepares the statements
    await statements.first_words()
    for expected in (["SELECT", "WITH"], ["SELECT"]):
        await use_cases.replicate_order(created_event(f"order-{n}") for n in range(1, 1_001))
        assert await statements.first_words() == expected
