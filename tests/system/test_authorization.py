"""Authorize now, capture later, with Stripe's API.

Lost replies and killed processes are in test_ways_to_pay.py.
"""

import asyncio
from typing import Any

import pytest

from domain.payment_status import PaymentStatus
from tests.system.api_client import Response
from tests.system.comparison import assert_promises_kept
from tests.system.shop_events import on_subject
from tests.system.stripe_control import HELD
from tests.system.system import System

CAPTURES = r"^/v1/payment_intents/[^/]+/capture$"
PART = 300


async def authorize(system: System) -> tuple[str, Response]:
    """Pay for a new order whose money is captured later; return it with the reply."""
    order_id = await system.create_order(capture="manual")
    response = await system.api.pay(order_id)
    assert (response.status, response.body["status"]) == (201, "authorized"), response
    assert response.body["authorizedUntil"] > response.body["createdAt"]
    assert await system.stripe.charges(order_id) == []
    return order_id, response


async def ship(system: System, order_id: str, **more: Any) -> None:
    await system.events.publish("order:shipped", {"id": order_id, "version": 1, **more})


@pytest.mark.parametrize("amount", [None, PART])
async def test_an_order_is_captured_when_it_is_shipped(system: System, amount: int | None) -> None:
    order_id, response = await authorize(system)
    blocked = await system.api.pay(order_id, serve=1)
    assert (blocked.status, blocked.body["payment"]["status"]) == (409, "authorized"), blocked
    for _ in range(2):
        await ship(system, order_id, **({} if amount is None else {"amount": amount}))
    await system.wait_for_status(order_id, PaymentStatus.SUCCEEDED)
    await assert_promises_kept(system, [order_id], [response])
    [charge] = await system.stripe.charges(order_id)
    assert charge["amount_captured"] == (amount or 1000)
    events = await system.events.payment_events([order_id])
    assert [each.subject for each in events] == ["payment:authorized", "payment:created"]
    assert events[1].body["amount"] == (amount or 1000)


async def test_a_shipment_before_the_order_is_not_forgotten(system: System) -> None:
    order_id = "order-shipped-first"
    await ship(system, order_id, amount=PART)
    await system.create_order(order_id, capture="manual")
    response = await system.api.pay(order_id)
    assert response.status == 201, response
    await system.wait_for_status(order_id, PaymentStatus.SUCCEEDED)
    await assert_promises_kept(system, [order_id], [response])


async def test_a_released_order_can_be_paid_again_and_cancelled(system: System) -> None:
    order_id, response = await authorize(system)
    released = await system.api.void(response.payment_id)
    assert released.status == 200, released
    paid = await system.api.pay(order_id)
    assert paid.status == 201, paid
    await system.events.cancel_order(order_id)
    await system.wait_for_status(order_id, PaymentStatus.CANCELLED, PaymentStatus.CANCELLED)
    await assert_promises_kept(system, [order_id])
    assert await system.stripe.charges(order_id) == []


async def test_an_order_that_is_cancelled_while_it_is_captured_keeps_nothing(
    system: System,
) -> None:
    order_id, response = await authorize(system)
    await system.stripe.add_fault(**{**HELD, "path": CAPTURES})
    capturing = asyncio.create_task(system.api.capture(response.payment_id))
    await system.stripe.wait_for_fault("slow")
    await system.events.cancel_order(order_id)
    await system.wait_for_cancellation(order_id)
    await system.stripe.release()
    await capturing
    observed = await assert_promises_kept(system, [order_id])
    assert sum(each.amount.minor_units for each in observed.charges) == sum(
        each.amount.minor_units for each in observed.refunds
    )


async def test_an_authorization_is_followed_by_webhooks_alone(system: System) -> None:
    order_id, response = await authorize(system)
    intent = (await system.orders(order_id))[0].payments[0].reference
    system.suspend_workers()
    async with system.stripe.webhooks_to(system.deployment.addresses[0], duplicate=2):
        await system.stripe.request(f"payment_intents/{intent}/cancel")
        await system.wait_for_status(order_id, PaymentStatus.CANCELLED)
    system.resume_workers()
    await assert_promises_kept(system, [order_id], [response])
    voided = on_subject("payment:voided", await system.events.payment_events([order_id]))
    assert len(voided) == 1
