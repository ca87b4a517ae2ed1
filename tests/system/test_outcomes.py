"""What a customer is told when a part is not there, or the bank wants to see them; how it ends.

Lost answers are in test_reported_failures.py.
"""

import asyncio
import time

from entrypoints.local.processes import free_port
from tests.system.comparison import holds
from tests.system.customers import Answer
from tests.system.shop import new_name, of_kind
from tests.system.site import Parts
from tests.system.waiting import KNOWN_WITHIN_SECONDS, until


async def test_a_gateway_that_cannot_be_reached_charges_nothing(parts: Parts) -> None:
    user = new_name("user")
    nowhere = parts.site.new_serve(STRIPE_API_BASE=f"http://127.0.0.1:{free_port()}")
    await asyncio.to_thread(nowhere.start)
    order_id = await parts.order(user)
    refused = await parts.customers.pay(order_id, user, replica=-1)
    assert refused.status == 503, refused
    assert int(refused.headers["Retry-After"]) > 0
    paid = await parts.customers.pay(order_id, user)
    assert paid.status == 201, "the order is free at once"
    await holds(parts, [order_id], [paid])


async def test_a_database_that_cannot_be_reached_charges_nothing(parts: Parts) -> None:
    user = new_name("user")
    order_id = await parts.order(user)
    parts.site.serve_database.refuse()
    refused = await parts.customers.pay(order_id, user)
    assert refused.status == 503, refused
    assert int(refused.headers["Retry-After"]) > 0
    assert (await parts.customers.ask("GET", "/health/ready")).status == 503
    assert (await parts.customers.ask("GET", "/health/live")).status == 200
    parts.site.serve_database.heal()
    paid = await parts.customers.pay(order_id, user)
    assert paid.status == 201, paid
    await holds(parts, [order_id], [paid])


# --- 3-D Secure -------------------------------------------------------------------------------------


async def at_the_bank(parts: Parts, user: str, order_id: str) -> Answer:
    """Pay with a card whose bank wants to see the customer."""
    answer = await parts.customers.pay(order_id, user, "tok_threeDSecureRequired")
    assert (answer.status, answer.body["status"]) == (202, "requires_action"), answer
    assert "_secret_" in answer.body["clientSecret"]
    assert answer.body["nextAction"]["type"] == "use_stripe_sdk"
    return answer


async def reference(parts: Parts, order_id: str) -> str:
    """The gateway's name for the attempt, which the customer's browser knows."""
    [payment] = (await parts.bill(order_id)).payments
    return payment.reference or ""


async def test_a_customer_comes_back_from_their_bank_and_a_notice_tells(parts: Parts) -> None:
    user = new_name("user")
    order_id = await parts.order(user)
    async with parts.gateway.notifying(parts.site.addresses[1]):
        waiting = await at_the_bank(parts, user, order_id)
        again = await parts.customers.pay(order_id, user, "tok_mastercard")
        assert (again.status, again.payment_id) == (409, waiting.payment_id), again
        await parts.gateway.authenticate(await reference(parts, order_id))
        await parts.becomes(waiting.payment_id, user, "succeeded")
        await holds(parts, [order_id])
    assert len(await parts.gateway.charges(order_id)) == 1


async def test_a_customer_comes_back_from_their_bank_and_asks_again(parts: Parts) -> None:
    user = new_name("user")
    order_id = await parts.order(user)
    waiting = await at_the_bank(parts, user, order_id)
    await parts.gateway.authenticate(await reference(parts, order_id))
    paid = await parts.customers.pay(order_id, user, replica=1)
    assert (paid.status, paid.payment_id) == (201, waiting.payment_id), paid
    await holds(parts, [order_id], [paid])
    assert len(await parts.gateway.charges(order_id)) == 1


async def test_without_notices_the_bank_is_heard_of_all_the_same(parts: Parts) -> None:
    user = new_name("user")
    good, bad = await parts.order(user), await parts.order(user)
    succeeding = await at_the_bank(parts, user, good)
    failing = await at_the_bank(parts, user, bad)
    await parts.gateway.authenticate(await reference(parts, good))
    await parts.gateway.authenticate(await reference(parts, bad), "failed")
    said = time.monotonic()
    await parts.becomes(succeeding.payment_id, user, "succeeded")
    await parts.becomes(failing.payment_id, user, "failed")
    assert time.monotonic() - said < KNOWN_WITHIN_SECONDS
    await holds(parts, [good, bad])
    assert await parts.gateway.charges(bad) == []


async def test_an_order_cancelled_while_its_customer_is_at_the_bank_keeps_no_money(
    parts: Parts,
) -> None:
    user = new_name("user")
    called_off, too_late = await parts.order(user), await parts.order(user)
    # Frozen, so that the bank's word comes before ours.
    for worker in parts.site.worker:
        worker.pause()
    await at_the_bank(parts, user, called_off)
    await at_the_bank(parts, user, too_late)
    await parts.shop.cancel(called_off)
    await parts.shop.cancel(too_late)
    await parts.gateway.authenticate(await reference(parts, too_late))
    for worker in parts.site.worker:
        worker.resume()

    async def ends() -> None:
        bills = await parts.bills(called_off, too_late)
        assert all(bill.order.is_cancelled for bill in bills)

    await until(ends)
    await holds(parts, [called_off, too_late])
    assert await parts.gateway.charges(called_off) == []
    assert len(await parts.gateway.refunds(too_late)) == 1
    heard = await parts.shop.heard([called_off, too_late])
    assert of_kind("payment:created", heard) == []
