"""Bank debits: the money comes after the reply, or does not come, and the order may end first."""

from domain.payment_status import PaymentStatus
from tests.system.comparison import assert_promises_kept
from tests.system.shop_events import on_subject
from tests.system.system import System

DEBIT = "pm_usBankAccount_success"
SUBMITTED = "pm_usBankAccount_submitted"


async def begin(system: System, token: str = DEBIT) -> str:
    """Pay for a new order by bank debit; return the order."""
    order_id = await system.create_order()
    response = await system.api.pay(order_id, token)
    assert (response.status, response.body["status"]) == (202, "pending"), response
    blocked = await system.api.pay(order_id, "tok_mastercard", serve=1)
    assert (blocked.status, blocked.error_code) == (409, "payment_in_progress"), blocked
    return order_id


async def test_a_debit_pays_its_order_or_leaves_it_to_be_paid_again(system: System) -> None:
    paid, returned = await begin(system), await begin(system)
    async with system.stripe.webhooks_to(system.deployment.addresses[0]):
        await system.stripe.finish_debits(paid)
        await system.stripe.finish_debits(returned, "failed")
        await system.wait_for_status(paid, PaymentStatus.SUCCEEDED)
        await system.wait_for_status(returned, PaymentStatus.FAILED)
    again = await system.api.pay(returned)
    assert again.status == 201, again
    await assert_promises_kept(system, [paid, returned], [again])
    events = await system.events.payment_events([paid, returned])
    assert len(on_subject("payment:pending", events)) == 2
    assert len(on_subject("payment:failed", events)) == 1


async def test_a_debit_of_a_cancelled_order_is_cancelled_or_given_back(system: System) -> None:
    early, late = await begin(system), await begin(system, SUBMITTED)
    await system.events.cancel_order(early)
    await system.events.cancel_order(late)
    await system.wait_for_cancellation(early, late)
    await system.wait_for_status(early, PaymentStatus.FAILED)
    async with system.stripe.webhooks_to(system.deployment.addresses[1]):
        await system.stripe.finish_debits(late)
        await system.wait_for_status(late, PaymentStatus.REVERSED)
    await assert_promises_kept(system, [early, late])
    assert await system.stripe.charges(early) == []
    assert len(await system.stripe.refunds(late)) == 1
