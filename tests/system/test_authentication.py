"""3-D Secure: the customer authenticates at their bank, with or without webhooks."""

from domain.payment_status import PaymentStatus
from tests.system.comparison import assert_promises_kept
from tests.system.shop_events import on_subject
from tests.system.system import System
from tests.system.waiting import KNOWN_WITHIN_SECONDS


async def begin_authentication(system: System, order_id: str) -> str:
    """Pay with a card that requires authentication; return the payment intent."""
    response = await system.api.pay(order_id, "tok_threeDSecureRequired")
    assert (response.status, response.body["status"]) == (202, "requires_action"), response
    assert "_secret_" in response.body["clientSecret"]
    assert response.body["nextAction"]["type"] == "use_stripe_sdk"
    [order] = await system.orders(order_id)
    [payment] = order.payments
    assert payment.reference is not None
    return payment.reference


async def test_a_webhook_settles_an_authenticated_payment(system: System) -> None:
    order_id = await system.create_order()
    async with system.stripe.webhooks_to(system.deployment.addresses[1]):
        intent = await begin_authentication(system, order_id)
        blocked = await system.api.pay(order_id, "tok_mastercard")
        assert (blocked.status, blocked.error_code) == (409, "payment_in_progress"), blocked
        await system.stripe.authenticate(intent)
        await system.wait_for_status(order_id, PaymentStatus.SUCCEEDED)
        await assert_promises_kept(system, [order_id])
    assert len(await system.stripe.charges(order_id)) == 1


async def test_without_webhooks_the_next_request_or_recovery_settles_it(system: System) -> None:
    order_ids = [await system.create_order() for _ in range(3)]
    repeated, succeeding, failing = order_ids
    intents = [await begin_authentication(system, order_id) for order_id in order_ids]
    await system.stripe.authenticate(intents[2], "failed")
    await system.stripe.authenticate(intents[1])
    await system.stripe.authenticate(intents[0])
    assert await system.seconds_until_checked(*order_ids) < KNOWN_WITHIN_SECONDS
    paid = await system.api.pay(repeated, serve=1)
    assert paid.status == 201, paid
    await system.wait_for_status(succeeding, PaymentStatus.SUCCEEDED)
    await system.wait_for_status(failing, PaymentStatus.FAILED)
    await assert_promises_kept(system, order_ids, [paid])
    charges = [len(await system.stripe.charges(order_id)) for order_id in order_ids]
    assert charges == [1, 1, 0]


async def test_an_order_cancelled_during_authentication_keeps_no_money(system: System) -> None:
    cancelled, too_late = await system.create_order(), await system.create_order()
    system.suspend_workers()  # so that the authentication comes before the cancellation
    await begin_authentication(system, cancelled)
    intent = await begin_authentication(system, too_late)
    await system.events.cancel_order(cancelled)
    await system.events.cancel_order(too_late)
    await system.stripe.authenticate(intent)
    system.resume_workers()
    await system.wait_for_cancellation(cancelled, too_late)
    await assert_promises_kept(system, [cancelled, too_late])
    assert await system.stripe.charges(cancelled) == []
    assert len(await system.stripe.refunds(too_late)) == 1
    events = await system.events.payment_events([cancelled, too_late])
    assert on_subject("payment:created", events) == []
