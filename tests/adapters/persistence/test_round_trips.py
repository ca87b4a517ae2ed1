"""The cost of the use cases in statements and round trips to the database."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import asyncpg
import pytest
from sqlalchemy import AdaptedConnection, event

from adapters.messaging.in_memory import InMemoryPublisher
from adapters.persistence.sql.database import Database
from application.application import DeclineLimits, Ports, UseCases, compose
from application.use_cases.create_charge import PayOrder
from domain.identifiers import OrderId
from domain.payment import PaymentStatus
from tests.builders import PAYER, created_event
from tests.contracts.storages import storage_on
from tests.tcp_proxy import TcpProxy
from tests.world import VISA, World


@pytest.fixture
def use_cases(proxied: Database) -> UseCases:
    numbers, storage, world = count(1), storage_on(proxied), World()
    ports = Ports(
        begin=storage.begin,
        outbox=storage.outbox,
        publisher=InMemoryPublisher(world.broker),
        gateway=world.gateway,
        declines=storage.declines,
        now=world.now,
        new_id=lambda: f"payment-{next(numbers)}",
        relay_name="relay",
        alerts=world.alerts,
        unusable=world.unusable,
        books=storage.books,
    )
    return compose(ports, DeclineLimits(max_declines={"user": 5}))


Statements = Callable[[], Awaitable[list[str]]]
"""Return the first word of each statement since the last call; WITH is a write."""


@pytest.fixture
def statements(proxied: Database) -> Statements:
    log: list[str] = []

    async def first_words() -> list[str]:
        await asyncio.sleep(0)  # the driver calls the logger in the loop's next iteration
        words = [statement.split()[0] for statement in log]
        log.clear()
        return words

    @event.listens_for(proxied.engine.sync_engine, "connect")
    def log_statements(connection: AdaptedConnection, _record: object) -> None:
        driver: asyncpg.Connection[Any] = connection.driver_connection
        driver.add_query_logger(lambda logged: log.append(logged.query))

    return first_words


async def test_a_charge_takes_five_statements_and_five_round_trips(
    use_cases: UseCases, proxy: TcpProxy, statements: Statements
) -> None:
    first, second = (
        PayOrder(OrderId(order_id), PAYER, VISA, sources=[f"user:{PAYER}"])
        for order_id in ("order-1", "order-2")
    )
    await use_cases.replicate_order(created_event(each.order_id) for each in (first, second))
    await use_cases.create_charge(first)  # prepares the statements
    await statements()
    before = proxy.requests
    charged = await use_cases.create_charge(second)
    assert charged.payment.status is PaymentStatus.SUCCEEDED
    assert proxy.requests - before == 5
    # The declines; the claim, read and written; the settlement, read and written.
    assert await statements() == ["SELECT", "SELECT", "WITH", "SELECT", "WITH"]


async def test_a_batch_of_order_events_takes_one_read_and_one_write(
    use_cases: UseCases, statements: Statements
) -> None:
    await use_cases.replicate_order([created_event("order-0")])  # prepares the statements
    await statements()
    for expected in (["SELECT", "WITH"], ["SELECT"]):
        await use_cases.replicate_order(created_event(f"order-{n}") for n in range(1, 1_001))
        assert await statements() == expected
