"""The cost of the use cases in statements and round trips to the database."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count

import pytest
from sqlalchemy import literal_column, select

from adapters.messaging.in_memory import InMemoryPublisher
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.statement import Statement
from application.application import DeclineLimits, Ports, UseCases, compose
from application.ports.gateways import Gateways
from application.use_cases.pay_order import PayOrder
from domain.identifiers import OrderId
from domain.payment_status import PaymentStatus
from entrypoints.http.background_tasks import BackgroundTasks
from entrypoints.http.handlers import PaymentHandler
from entrypoints.http.repeated_replies import RepeatedReplies
from tests.builders import PAYER, created_event
from tests.contracts.storages import storage_on
from tests.tcp_proxy import TcpProxy
from tests.world import DECLINED, VISA, World


@pytest.fixture
def use_cases(proxied: Database) -> UseCases:
    numbers, storage, world = count(1), storage_on(proxied), World()
    ports = Ports(
        begin=storage.begin,
        outbox=storage.outbox,
        publisher=InMemoryPublisher(world.broker),
        gateways=Gateways.only(world.gateway),
        declines=storage.declines,
        now=world.now,
        new_id=lambda: f"payment-{next(numbers)}",
        relay_name="relay",
        alerts=world.alerts,
        unusable=world.unusable,
        books=storage.books,
        differences=storage.differences,
        payment_pages=storage.payment_pages,
        histories=storage.histories,
    )
    return compose(ports, DeclineLimits(max_declines={"user": 5, "address": 5}))


ONE = Statement.of(select(literal_column("1")))

Statements = Callable[[], Awaitable[list[str]]]
"""Return the first word of each statement since the last call; WITH is a write."""


@pytest.fixture
async def statements(proxied: Database) -> Statements:
    log: list[str] = []

    async def first_words() -> list[str]:
        await asyncio.sleep(0)  # the driver calls the logger in the loop's next iteration
        words = [statement.split()[0] for statement in log]
        log.clear()
        return words

    await proxied.run(ONE)
    [connection] = proxied.pool.idle
    connection.driver.add_query_logger(lambda logged: log.append(logged.query))
    return first_words


@pytest.mark.parametrize("key", [None, "a-key"])
async def test_a_charge_takes_three_statements_and_three_round_trips(
    use_cases: UseCases, proxy: TcpProxy, statements: Statements, key: str | None
) -> None:
    handler = PaymentHandler(
        use_cases.create_charge, RepeatedReplies(use_cases.find_action), BackgroundTasks()
    )
    sources = [f"user:{PAYER}", "address:192.0.2.1"]
    first, second = (
        PayOrder(OrderId(order_id), PAYER, VISA, sources=sources)
        for order_id in ("order-1", "order-2")
    )
    await use_cases.replicate_order(created_event(each.order_id) for each in (first, second))
    await handler.pay(first, key and f"{key}-1")  # prepares the statements
    await statements()
    before = proxy.requests
    assert (await handler.pay(second, key and f"{key}-2")).status == 201
    assert proxy.requests - before == 3
    # The order with the declines and the key; the claim; the settlement with the reply.
    assert await statements() == ["SELECT", "WITH", "WITH"]


async def test_a_charge_after_a_declined_one_reads_the_payments_with_one_statement_more(
    use_cases: UseCases, statements: Statements
) -> None:
    declined, retried = (PayOrder(OrderId("order-1"), PAYER, token) for token in (DECLINED, VISA))
    await use_cases.replicate_order([created_event(declined.order_id)])
    first = await use_cases.create_charge(declined)
    assert first.payment.status is PaymentStatus.FAILED
    await statements()
    second = await use_cases.create_charge(retried)
    assert second.payment.status is PaymentStatus.SUCCEEDED
    assert await statements() == ["SELECT", "SELECT", "WITH", "WITH"]


async def test_a_repeated_request_takes_two_statements(
    use_cases: UseCases, statements: Statements
) -> None:
    handler = PaymentHandler(
        use_cases.create_charge, RepeatedReplies(use_cases.find_action), BackgroundTasks()
    )
    command = PayOrder(OrderId("order-1"), PAYER, VISA)
    await use_cases.replicate_order([created_event(command.order_id)])
    first = await handler.pay(command, "a-key")
    await statements()
    again = await handler.pay(command, "a-key")
    assert (again.status, again.content) == (first.status, first.content)
    assert await statements() == ["SELECT", "SELECT"]


async def test_a_batch_of_order_events_takes_one_read_and_one_write(
    use_cases: UseCases, statements: Statements
) -> None:
    await use_cases.replicate_order([created_event("order-0")])  # prepares the statements
    await statements()
    for expected in (["SELECT", "WITH"], ["SELECT"]):
        await use_cases.replicate_order(created_event(f"order-{n}") for n in range(1, 1_001))
        assert await statements() == expected
