"""Every way to pay at Stripe, from the request to the event: also if the first reply is lost.

Captures are in test_authorization.py.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import pytest
from attrs import frozen

from domain.payment_status import PaymentStatus
from tests.system.api_client import NoResponse
from tests.system.comparison import assert_promises_kept
from tests.system.deployment import RETURN_ORIGIN
from tests.system.shop_events import on_subject
from tests.system.stripe_control import HELD
from tests.system.system import System
from tests.system.waiting import eventually

BACK: Final = f"{RETURN_ORIGIN}/paid?order=1"


@frozen
class Way:
    """One way to pay."""

    token: str = ""
    """Empty: a confirmation token for the method below."""
    method: Mapping[str, str] = {}
    currency: str = "usd"
    waits: PaymentStatus | None = None
    """Where the payment waits for its customer or its money."""


WAYS: Final = {
    "a card's token": Way("tok_visa"),
    "a payment method": Way("pm_card_visa"),
    "a card": Way(method={"payment_method": "pm_card_visa"}),
    "a redirect": Way(
        method={"payment_method_data[type]": "ideal"},
        currency="eur",
        waits=PaymentStatus.REQUIRES_ACTION,
    ),
    "a voucher": Way(
        method={"payment_method_data[type]": "boleto"},
        currency="brl",
        waits=PaymentStatus.PENDING,
    ),
    "a debit": Way("pm_usBankAccount_success", waits=PaymentStatus.PENDING),
}


async def begin(system: System, way: Way) -> tuple[str, dict[str, Any]]:
    """Create an order; return it with what the customer's browser sends besides."""
    order_id = await system.create_order(currency=way.currency)
    token = way.token or await system.stripe.confirmation_token(way.method)
    is_redirect = way.waits is PaymentStatus.REQUIRES_ACTION
    return order_id, {"token": token, "return_url": BACK if is_redirect else None}


async def finish(system: System, way: Way, order_id: str) -> None:
    """Act as the customer and their bank until the order is paid."""
    if way.waits is not None:
        await system.wait_for_status(order_id, way.waits)
        [payment] = (await system.orders(order_id))[0].payments
        async with system.stripe.webhooks_to(system.deployment.addresses[1]):  # never killed
            if way.token:
                await system.stripe.finish_debits(order_id)
            else:
                await system.stripe.authenticate(str(payment.reference))
            await system.wait_for_status(order_id, PaymentStatus.SUCCEEDED)
    await system.wait_for_status(order_id, PaymentStatus.SUCCEEDED)


@pytest.mark.parametrize("name", WAYS)
async def test_each_way_pays_its_order(system: System, name: str) -> None:
    way = WAYS[name]
    order_id, request = await begin(system, way)
    response = await system.api.pay(order_id, **request)
    assert response.status == (201 if way.waits is None else 202), response
    if way.waits is PaymentStatus.REQUIRES_ACTION:
        action = response.body["nextAction"]
        assert action["type"] == "redirect_to_url"
        back = await system.stripe.answer_bank(action["redirectUrl"])
        assert back.startswith(BACK)
        way = WAYS["a card"]  # nothing is left to do but to look
    await finish(system, way, order_id)
    await assert_promises_kept(system, [order_id], [response])
    events = await system.events.payment_events([order_id])
    assert len(on_subject("payment:created", events)) == 1


@pytest.mark.parametrize("name", ["a card", "a redirect", "a debit"])
async def test_each_way_pays_once_if_the_reply_of_the_gateway_is_lost(
    system: System, name: str
) -> None:
    way = WAYS[name]
    order_id, request = await begin(system, way)
    await system.stripe.add_fault("reset_after")
    response = await system.api.pay(order_id, **request)
    assert response.status == 202, response
    await finish(system, way, order_id)
    await assert_promises_kept(system, [order_id], [response])
    assert len(await system.stripe.charges(order_id)) == 1


@pytest.mark.parametrize("name", ["a card", "a redirect", "a voucher"])
async def test_each_way_pays_once_if_the_process_is_killed_while_it_charges(
    system: System, name: str
) -> None:
    way = WAYS[name]
    order_id, request = await begin(system, way)
    paying = await system.begin_payment(order_id, HELD, **request)
    system.deployment.serve[0].kill()
    with suppress(NoResponse):
        await paying
    await system.stripe.release()
    await finish(system, way, order_id)
    await assert_promises_kept(system, [order_id])
    assert len(await system.stripe.charges(order_id)) == 1


async def test_a_redirect_that_is_cancelled_while_its_bank_agrees_pays_once(
    system: System,
) -> None:
    order_id, request = await begin(system, WAYS["a redirect"])
    waiting = await system.api.pay(order_id, **request)
    address = waiting.body["nextAction"]["redirectUrl"]
    # The bank refuses if the payment is cancelled before.
    await asyncio.gather(
        system.api.cancel(waiting.payment_id),
        system.stripe.answer_bank(address),
        return_exceptions=True,
    )

    async def is_paid() -> None:
        response = await system.api.pay(order_id)
        assert response.status == 201 or response.error_code == "already_paid", response

    await eventually(is_paid)
    await assert_promises_kept(system, [order_id])
    assert len(await system.stripe.charges(order_id)) == 1
