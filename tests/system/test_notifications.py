"""Stripe's webhooks; test_reported_inconsistencies.py has those that come early, late or twice."""

from domain.payment_status import PaymentStatus
from tests.system.comparison import assert_promises_kept
from tests.system.deployment import PREVIOUS_WEBHOOK_SECRET
from tests.system.system import System

FORGERIES = ("wrong_secret", "tampered", "stale", "future", "unsigned", "malformed")


async def test_a_webhook_is_accepted_only_if_it_is_genuine_and_was_saved(system: System) -> None:
    order_id = await system.create_order()
    system.suspend_workers()  # so that only a webhook can settle the payment
    # Also after the rotation of the secret, as the double still signs with the previous one.
    async with system.stripe.webhooks_to(
        system.deployment.addresses[0], secret=PREVIOUS_WEBHOOK_SECRET, paused=True
    ):
        await system.stripe.add_fault("reset_after")
        unknown = await system.api.pay(order_id)
        events = [each["event"] for each in await system.stripe.deliveries()]
        assert events
        for forgery in FORGERIES:
            assert await system.stripe.deliver(events=events, forged=forgery) == {400}, forgery
        system.deployment.serve_database.refuse()
        assert await system.stripe.deliver(events=events) == {503}
        system.deployment.serve_database.heal()
        await system.wait_for_status(order_id, PaymentStatus.PROCESSING)
        assert await system.stripe.deliver(events=events) == {200}
        await system.wait_for_status(order_id, PaymentStatus.SUCCEEDED)
    system.resume_workers()
    await assert_promises_kept(system, [order_id], [unknown])
