"""What the contract promises between processes; tests/entrypoints has the rest of it."""

import asyncio
import re
from datetime import datetime

from domain.replica import OrderStatus
from tests.system.comparison import assert_promises_kept
from tests.system.shop_events import new_id, on_subject
from tests.system.stripe_control import HELD
from tests.system.system import System
from tests.system.waiting import eventually

# The default of DECLINES_PER_USER.
MAX_DECLINES = 20


async def test_a_payment_has_the_documented_reply_and_event(system: System) -> None:
    order_id = await system.create_order()

    response = await system.api.pay(order_id)

    await assert_promises_kept(system, [order_id], [response])
    [charge] = await system.stripe.charges(order_id)
    payment = {
        "id": response.payment_id,
        "orderId": order_id,
        "stripeId": charge["id"],
        "amount": 1000,
        "currency": "usd",
    }
    assert response.status == 201, response
    assert response.body.items() >= {**payment, "status": "succeeded"}.items()
    [event] = on_subject("payment:created", await system.events.payment_events([order_id]))
    assert event.body.items() >= {**payment, "gateway": "stripe"}.items()
    assert datetime.fromisoformat(event.body["createdAt"]).tzinfo is not None
    assert event.headers["Nats-Msg-Id"] == event.headers["ce-id"]
    assert event.headers["ce-type"] == "payment:created"
    assert event.headers["ce-source"]
    assert datetime.fromisoformat(event.headers["ce-time"]).tzinfo is not None
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", event.headers["traceparent"])


async def test_an_idempotency_key_is_shared_by_all_processes(system: System) -> None:
    order_id, key = await system.create_order(), new_id("key")
    paying = await system.begin_payment(order_id, HELD, key=key)
    concurrent = await system.api.pay(order_id, key=key, serve=1)
    without_key = await system.api.pay(order_id, serve=1)
    await system.stripe.release()
    paid = await paying
    repeated = await system.api.pay(order_id, key=key, serve=1)
    assert (concurrent.status, concurrent.error_code) == (409, "request_in_progress")
    assert (without_key.status, without_key.error_code) == (409, "payment_in_progress")
    assert without_key.body["payment"]["id"] == paid.payment_id
    assert (paid.status, repeated.status, repeated.content) == (201, 201, paid.content)
    assert repeated.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in paid.headers
    await assert_promises_kept(system, [order_id], [paid, repeated])
    assert len(await system.stripe.charges(order_id)) == 1


async def test_declines_are_limited_over_all_processes(system: System) -> None:
    order_id = await system.create_order()
    declined = [
        await system.api.pay(order_id, "tok_chargeDeclined", serve=number % 2)
        for number in range(MAX_DECLINES)
    ]
    limited = [await system.api.pay(order_id, serve=number) for number in (0, 1)]
    assert {response.status for response in declined} == {402}
    for response in limited:
        assert response.status == 429, response
        assert int(response.headers["Retry-After"]) > 0
    assert await system.stripe.charges(order_id) == []


async def test_a_cancelled_or_expired_order_is_not_paid(system: System) -> None:
    cancelled = new_id("order")
    await system.events.cancel_order(cancelled)
    await system.wait_for_cancellation(cancelled)  # before its `order:created`
    await system.create_order(cancelled)
    expired = await system.create_order(expiresAt="2020-01-31T12:00:00.000Z")
    for order_id, code in ((cancelled, "order_cancelled"), (expired, "order_expired")):
        rejected = await system.api.pay(order_id)
        assert (rejected.status, rejected.error_code) == (400, code)
    await assert_promises_kept(system, [cancelled, expired])


async def test_the_complete_role_completes_orders_that_are_not_cancelled(system: System) -> None:
    await asyncio.to_thread(system.deployment.start_worker, "complete")
    paid, cancelled = await system.create_order(), await system.create_order()
    await system.events.cancel_order(cancelled)
    for order_id in (paid, cancelled, paid):
        event = {"id": new_id("payment"), "orderId": order_id, "stripeId": "ch_external"}
        await system.events.publish("payment:created", event)

    async def have_statuses() -> None:
        statuses = {
            order.id: order.replica.status for order in await system.orders(paid, cancelled)
        }
        assert statuses == {paid: OrderStatus.COMPLETE, cancelled: OrderStatus.CANCELLED}

    await eventually(have_statuses)
    rejected = await system.api.pay(paid)
    assert (rejected.status, rejected.error_code) == (409, "already_paid"), rejected
    assert await system.stripe.charges(paid) == []
