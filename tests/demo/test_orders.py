"""The orders side on a real NATS server."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import nats
import pytest
from nats.js import JetStreamContext

from payments_kit.demo.order_projection import Order, OrderBook
from payments_kit.demo.orders import BrokerAway, OrdersSide, UnknownOrder
from payments_kit.servers.nats import LocalNats

# An event comes within milliseconds; two test processes may share two busy cores.
ENOUGH_SECONDS = 30.0
LONG = timedelta(minutes=10)


@pytest.fixture
async def jetstream(nats_url: str) -> AsyncIterator[JetStreamContext]:
    client = await nats.connect(nats_url)
    jetstream = client.jetstream()
    await jetstream.add_stream(name="orders", subjects=["order:created", "order:cancelled"])
    # As two services could have divided them.
    await jetstream.add_stream(name="paid", subjects=["payment:created"])
    await jetstream.add_stream(name="rest", subjects=["payment:refunded", "payment:failed"])
    yield jetstream
    await client.close()


@pytest.fixture
async def orders(nats_url: str, jetstream: JetStreamContext) -> AsyncIterator[OrdersSide]:
    async with OrdersSide(nats_url) as orders:
        yield orders


async def last(jetstream: JetStreamContext, subject: str) -> dict[str, object]:
    message = await jetstream.get_last_msg("orders", subject)
    body: dict[str, object] = json.loads(message.data or b"")
    return body


async def tell_payment(jetstream: JetStreamContext, order: Order) -> None:
    body = {"id": f"payment of {order.id}", "orderId": order.id, "stripeId": "ch_1"}
    await jetstream.publish("payment:created", json.dumps(body).encode())


async def until(orders: OrdersSide, order: Order, status: str) -> Order:
    def condition(book: OrderBook) -> Order | None:
        found = book.find(order.id)
        return found if found and found.status == status else None

    return await orders.until(condition, ENOUGH_SECONDS)


async def test_a_new_order_is_told_in_the_seeds_shape(
    orders: OrdersSide, jetstream: JetStreamContext
) -> None:
    before = datetime.now(UTC)
    order = await orders.create("me", Decimal("8.20"), LONG)
    body = await last(jetstream, "order:created")
    expires_at = body.pop("expiresAt")
    ticket = {"id": order.ticket_id, "price": 8.2}
    assert body == {
        "id": order.id,
        "version": 0,
        "status": "created",
        "userId": "me",
        "ticket": ticket,
    }
    assert isinstance(expires_at, str)
    assert expires_at.endswith("Z")
    moment = datetime.fromisoformat(expires_at)
    assert before + LONG - timedelta(milliseconds=1) <= moment <= datetime.now(UTC) + LONG


async def test_a_cancellation_is_told_once_with_the_next_version(
    orders: OrdersSide, jetstream: JetStreamContext
) -> None:
    order = await orders.create("me", Decimal(10), LONG)
    assert (await orders.cancel(order.id)).status == "cancelled"
    assert (await orders.cancel(order.id)).version == 1
    ticket = {"id": order.ticket_id}
    assert await last(jetstream, "order:cancelled") == {
        "id": order.id,
        "version": 1,
        "ticket": ticket,
    }
    assert (await jetstream.stream_info("orders")).state.messages == 2


async def test_an_unknown_order_cannot_be_cancelled(orders: OrdersSide) -> None:
    with pytest.raises(UnknownOrder):
        await orders.cancel("no-such-order")


async def test_a_payment_completes_its_order(
    orders: OrdersSide, jetstream: JetStreamContext
) -> None:
    order = await orders.create("me", Decimal(10), LONG)
    await tell_payment(jetstream, order)
    assert (await until(orders, order, "complete")).version == 0


async def test_an_order_that_is_not_paid_in_time_is_cancelled_and_a_paid_one_is_not(
    orders: OrdersSide, jetstream: JetStreamContext
) -> None:
    # Far more than it takes to hear of the payment, or it would expire before.
    paid = await orders.create("me", Decimal(10), timedelta(seconds=1))
    await tell_payment(jetstream, paid)
    await until(orders, paid, "complete")
    unpaid = await orders.create("me", Decimal(10), timedelta(seconds=1))
    await until(orders, unpaid, "cancelled")
    assert (await last(jetstream, "order:cancelled"))["id"] == unpaid.id
    assert (await jetstream.stream_info("orders")).state.messages == 3


async def test_the_next_one_knows_what_the_one_before_knew(
    nats_url: str, jetstream: JetStreamContext
) -> None:
    async with OrdersSide(nats_url) as orders:
        paid = await orders.create("me", Decimal(10), timedelta(seconds=1))
        cancelled = await orders.create("me", Decimal(10), LONG)
        await orders.cancel(cancelled.id)
        await tell_payment(jetstream, paid)
        await until(orders, paid, "complete")
    await asyncio.sleep(max(0.0, _seconds_until_expiry(paid)))
    async with OrdersSide(nats_url) as orders:
        statuses = {order.id: order.status for order in orders.book.orders()}
        assert statuses == {paid.id: "complete", cancelled.id: "cancelled"}
        waiting = await orders.create("me", Decimal(10), LONG)
        assert waiting.status == "created"


def _seconds_until_expiry(order: Order) -> float:
    assert order.expires_at is not None
    return (order.expires_at - datetime.now(UTC)).total_seconds()


async def test_it_says_that_nats_is_away_and_goes_on_when_it_is_back() -> None:
    with LocalNats(sync_interval="always") as server:
        client = await nats.connect(server.url, max_reconnect_attempts=-1, error_cb=ignore)
        jetstream = client.jetstream()
        subjects = ["order:created", "order:cancelled", "payment:created"]
        await jetstream.add_stream(name="most", subjects=subjects)
        await jetstream.add_stream(name="rest", subjects=["payment:refunded", "payment:failed"])
        async with OrdersSide(server.url) as orders:
            order = await orders.create("me", Decimal(10), LONG)
            another = await orders.create("me", Decimal(10), LONG)
            await asyncio.to_thread(server.stop)
            with pytest.raises(BrokerAway):
                await orders.cancel(another.id)
            await asyncio.to_thread(server.start)
            await tell_payment(jetstream, order)
            await until(orders, order, "complete")
        await client.close()


async def ignore(_error: Exception) -> None:
    """The client tells of every lost connection; here it is meant."""
