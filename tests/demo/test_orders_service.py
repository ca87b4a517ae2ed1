"""The demo's orders service on a real NATS server."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import nats
import pytest
from nats.js import JetStreamContext

from payments_kit.demo.broker import BrokerUnavailable
from payments_kit.demo.order_events import SUBJECTS
from payments_kit.demo.order_projection import Order, OrderProjection
from payments_kit.demo.orders_service import OrdersService
from payments_kit.servers.nats import LocalNats

# An event arrives within milliseconds; two test processes may share two busy cores.
MAX_SECONDS = 120.0
LIFETIME = timedelta(minutes=10)
ORDER_SUBJECTS = ["order:created", "order:cancelled", "order:shipped"]
OTHER_SUBJECTS = [each for each in SUBJECTS if each not in (*ORDER_SUBJECTS, "payment:created")]


@pytest.fixture
async def jetstream(nats_url: str) -> AsyncIterator[JetStreamContext]:
    client = await nats.connect(nats_url)
    jetstream = client.jetstream(timeout=MAX_SECONDS)
    # Several streams, as other services may have created them.
    await jetstream.add_stream(name="orders", subjects=ORDER_SUBJECTS)
    await jetstream.add_stream(name="paid", subjects=["payment:created"])
    await jetstream.add_stream(name="rest", subjects=OTHER_SUBJECTS)
    yield jetstream
    await client.close()


@pytest.fixture
async def orders(nats_url: str, jetstream: JetStreamContext) -> AsyncIterator[OrdersService]:
    async with OrdersService(nats_url) as orders:
        yield orders


async def last_body(jetstream: JetStreamContext, subject: str) -> dict[str, object]:
    message = await jetstream.get_last_msg("orders", subject)
    body: dict[str, object] = json.loads(message.data or b"")
    return body


async def publish(jetstream: JetStreamContext, subject: str, **body: object) -> None:
    await jetstream.publish(subject, json.dumps(body).encode())


async def publish_payment(jetstream: JetStreamContext, order_id: str) -> None:
    await publish(jetstream, "payment:created", id="payment", orderId=order_id, stripeId="ch_1")


async def wait_for_status(orders: OrdersService, order_id: str, status: str) -> Order:
    def condition(projection: OrderProjection) -> Order | None:
        found = projection.find(order_id)
        return found if found and found.status == status else None

    return await orders.wait_for(condition, MAX_SECONDS)


async def test_a_new_order_is_published_in_the_format_of_the_reference_service(
    orders: OrdersService, jetstream: JetStreamContext
) -> None:
    before = datetime.now(UTC)
    order = await orders.create("me", Decimal("8.20"), LIFETIME)
    body = await last_body(jetstream, "order:created")
    expires_at = body.pop("expiresAt")
    ticket = {"id": order.ticket_id, "price": 8.2}
    fields = {"id": order.id, "version": 0, "status": "created", "userId": "me"}
    assert body == {**fields, "ticket": ticket}
    assert isinstance(expires_at, str)
    assert expires_at.endswith("Z")
    expiry = datetime.fromisoformat(expires_at)
    assert before + LIFETIME - timedelta(milliseconds=1) <= expiry <= datetime.now(UTC) + LIFETIME


async def test_a_cancellation_is_published_once_with_the_next_version(
    orders: OrdersService, jetstream: JetStreamContext
) -> None:
    order = await orders.create("me", Decimal(10), LIFETIME)
    assert (await orders.cancel(order.id)).status == "cancelled"
    assert (await orders.cancel(order.id)).version == 1
    expected = {"id": order.id, "version": 1, "ticket": {"id": order.ticket_id}}
    assert await last_body(jetstream, "order:cancelled") == expected
    assert (await jetstream.stream_info("orders")).state.messages == 2


async def test_a_shipment_is_published_once_and_never_after_a_cancellation(
    orders: OrdersService, jetstream: JetStreamContext
) -> None:
    order = await orders.create("me", Decimal(10), LIFETIME, "manual")
    assert (await last_body(jetstream, "order:created"))["capture"] == "manual"
    assert (await orders.ship(order.id)).is_shipped
    assert (await orders.ship(order.id)).version == 1
    assert await last_body(jetstream, "order:shipped") == {"id": order.id, "version": 1}
    assert (await orders.cancel(order.id)).version == 2
    cancelled = await orders.create("me", Decimal(10), LIFETIME, "manual")
    await orders.cancel(cancelled.id)
    assert not (await orders.ship(cancelled.id)).is_shipped
    assert (await jetstream.stream_info("orders")).state.messages == 5


async def test_a_payment_completes_its_order_and_a_restart_keeps_it(
    nats_url: str, jetstream: JetStreamContext
) -> None:
    async with OrdersService(nats_url) as orders:
        paid = await orders.create("me", Decimal(10), LIFETIME)
        cancelled = await orders.create("me", Decimal(10), LIFETIME)
        await orders.cancel(cancelled.id)
        await publish_payment(jetstream, paid.id)
        assert (await wait_for_status(orders, paid.id, "complete")).version == 0
    async with OrdersService(nats_url) as orders:
        statuses = {order.id: order.status for order in orders.projection.orders()}
        assert statuses == {paid.id: "complete", cancelled.id: "cancelled"}
        assert (await orders.create("me", Decimal(10), LIFETIME)).status == "created"


async def test_an_expired_order_is_cancelled_unless_it_was_paid(
    nats_url: str, jetstream: JetStreamContext
) -> None:
    for order_id in ("unpaid", "paid"):
        fields = {"id": order_id, "version": 0, "status": "created", "userId": "me"}
        ticket = {"id": "ticket", "price": 10}
        expired = "2026-01-01T00:00:00.000Z"
        await publish(jetstream, "order:created", **fields, expiresAt=expired, ticket=ticket)
    await publish_payment(jetstream, "paid")
    async with OrdersService(nats_url) as orders:
        # Newer orders are checked first, so the paid one was checked before the other expired.
        await wait_for_status(orders, "unpaid", "cancelled")
        assert (await last_body(jetstream, "order:cancelled"))["id"] == "unpaid"
        new = await orders.create("me", Decimal(10), timedelta(0))
        await wait_for_status(orders, new.id, "cancelled")
        assert (await wait_for_status(orders, "paid", "complete")).version == 0
        # Three creations and two cancellations.
        assert (await jetstream.stream_info("orders")).state.messages == 5


async def test_it_reports_that_nats_is_unavailable_and_continues_after_its_restart() -> None:
    with LocalNats(sync_interval="always") as server:
        client = await nats.connect(server.url, max_reconnect_attempts=-1, error_cb=ignore)
        jetstream = client.jetstream(timeout=MAX_SECONDS)
        subjects = [*ORDER_SUBJECTS, "payment:created"]
        await jetstream.add_stream(name="most", subjects=subjects)
        await jetstream.add_stream(name="rest", subjects=OTHER_SUBJECTS)
        async with OrdersService(server.url) as orders:
            order = await orders.create("me", Decimal(10), LIFETIME)
            another = await orders.create("me", Decimal(10), LIFETIME)
            await asyncio.to_thread(server.stop)
            with pytest.raises(BrokerUnavailable):
                await orders.cancel(another.id)
            await asyncio.to_thread(server.start)
            await publish_payment(jetstream, order.id)
            await wait_for_status(orders, order.id, "complete")
        await client.close()


async def ignore(_error: Exception) -> None:
    """Ignore the lost connection, which this test causes."""
