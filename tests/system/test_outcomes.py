"""What a customer is told when a part is not there, or the bank wants to see them; how it ends.

Lost answers are in test_reported_failures.py.
"""

import asyncio
import time

from payments_kit.servers.processes import free_port
from tests.system.comparison import holds
from tests.system.customers import Answer
from tests.system.shop import new_name, of_kind
from tests.system.site import Runtime
from tests.system.waiting import KNOWN_WITHIN_SECONDS, until


async def test_a_gateway_that_cannot_be_reached_charges_nothing(runtime: Runtime) -> None:
    user = new_name("user")
    nowhere = runtime.site.new_serve(STRIPE_API_BASE=f"http://127.0.0.1:{free_port()}")
    await asyncio.to_thread(nowhere.start)
    order_id = await runtime.order(user)
    refused = await runtime.customers.pay(order_id, user, replica=-1)
    assert refused.status == 503, refused
    assert int(refused.headers["Retry-After"]) > 0
    paid = await runtime.customers.pay(order_id, user)
    assert paid.status == 201, "the order is free at once"
    await holds(runtime, [order_id], [paid])


async def test_a_database_that_cannot_be_reached_charges_nothing(runtime: Runtime) -> None:
    user = new_name("user")
    order_id = await runtime.order(user)
    runtime.site.serve_database.refuse()
    refused = await runtime.customers.pay(order_id, user)
    assert refused.status == 503, refused
    assert int(refused.headers["Retry-After"]) > 0
    assert (await runtime.customers.ask("GET", "/health/ready")).status == 503
    assert (await runtime.customers.ask("GET", "/health/live")).status == 200
    runtime.site.serve_database.heal()
    paid = await runtime.customers.pay(order_id, user)
    assert paid.status == 201, paid
    await holds(runtime, [order_id], [paid])


# --- 3-D Secure -------------------------------------------------------------------------------------


async def at_the_bank(runtime: Runtime, user: str, order_id: str) -> Answer:
    """Pay with a card whose bank wants to see the customer."""
    answer = await runtime.customers.pay(order_id, user, "tok_threeDSecureRequired")
    assert (answer.status, answer.body["status"]) == (202, "requires_action"), answer
    assert "_secret_" in answer.body["clientSecret"]
    assert answer.body["nextAction"]["type"] == "use_stripe_sdk"
    return answer


async def reference(runtime: Runtime, order_id: str) -> str:
    """The gateway's name for the attempt, which the customer's browser knows."""
    [payment] = (await runtime.bill(order_id)).payments
    return payment.reference or ""


async def test_a_customer_comes_back_from_their_bank_and_a_notice_tells(runtime: Runtime) -> None:
    user = new_name("user")
    order_id = await runtime.order(user)
    async with runtime.gateway.notifying(runtime.site.addresses[1]):
        waiting = await at_the_bank(runtime, user, order_id)
        again = await runtime.customers.pay(order_id, user, "tok_mastercard")
        assert (again.status, again.payment_id) == (409, waiting.payment_id), again
        await runtime.gateway.authenticate(await reference(runtime, order_id))
        await runtime.becomes(waiting.payment_id, user, "succeeded")
        await holds(runtime, [order_id])
    assert len(await runtime.gateway.charges(order_id)) == 1


async def test_a_customer_comes_back_from_their_bank_and_asks_again(runtime: Runtime) -> None:
    user = new_name("user")
    order_id = await runtime.order(user)
    waiting = await at_the_bank(runtime, user, order_id)
    await runtime.gateway.authenticate(await reference(runtime, order_id))
    paid = await runtime.customers.pay(order_id, user, replica=1)
    assert (paid.status, paid.payment_id) == (201, waiting.payment_id), paid
    await holds(runtime, [order_id], [paid])
    assert len(await runtime.gateway.charges(order_id)) == 1


async def test_without_notices_the_bank_is_heard_of_all_the_same(runtime: Runtime) -> None:
    user = new_name("user")
    good, bad = await runtime.order(user), await runtime.order(user)
    succeeding = await at_the_bank(runtime, user, good)
    failing = await at_the_bank(runtime, user, bad)
    await runtime.gateway.authenticate(await reference(runtime, good))
    await runtime.gateway.authenticate(await reference(runtime, bad), "failed")
    said = time.monotonic()
    await runtime.becomes(succeeding.payment_id, user, "succeeded")
    await runtime.becomes(failing.payment_id, user, "failed")
    assert time.monotonic() - said < KNOWN_WITHIN_SECONDS
    await holds(runtime, [good, bad])
    assert await runtime.gateway.charges(bad) == []


async def test_an_order_cancelled_while_its_customer_is_at_the_bank_keeps_no_money(
    runtime: Runtime,
) -> None:
    user = new_name("user")
    called_off, too_late = await runtime.order(user), await runtime.order(user)
    # Frozen, so that the bank's word comes before ours.
    for worker in runtime.site.worker:
        worker.pause()
    await at_the_bank(runtime, user, called_off)
    await at_the_bank(runtime, user, too_late)
    await runtime.shop.cancel(called_off)
    await runtime.shop.cancel(too_late)
    await runtime.gateway.authenticate(await reference(runtime, too_late))
    for worker in runtime.site.worker:
        worker.resume()

    async def ends() -> None:
        orders = await runtime.orders(called_off, too_late)
        assert all(bill.is_cancelled for bill in orders)

    await until(ends)
    await holds(runtime, [called_off, too_late])
    assert await runtime.gateway.charges(called_off) == []
    assert len(await runtime.gateway.refunds(too_late)) == 1
    heard = await runtime.shop.heard([called_off, too_late])
    assert of_kind("payment:created", heard) == []
