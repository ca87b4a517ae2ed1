"""PayPal beside Stripe, with real processes: customers approve at PayPal, which sends webhooks."""

import asyncio
from contextlib import suppress
from pathlib import Path

from domain.payment_status import PaymentStatus
from tests.system.api_client import NoResponse
from tests.system.paypal_shop import approve, captures, open_session, shop
from tests.system.shop_events import on_subject
from tests.system.waiting import eventually


async def test_customers_pay_with_paypal_beside_stripe(logs: Path, tmp_path: Path) -> None:
    async with shop(logs, tmp_path) as (system, paypal):
        order_ids = [await system.create_order(price=19.99) for _ in range(5)]
        at_once, later, cancelled, declined, by_card = order_ids
        tokens = [await open_session(system, each) for each in order_ids[:4]]

        # The customer approves first; a webhook about that is early.
        approve(paypal, tokens[0])
        paid = await system.api.pay(at_once, tokens[0], gateway="paypal")
        assert (paid.status, paid.body["gateway"]) == (201, "paypal"), paid
        again = await system.api.pay(at_once, tokens[0], gateway="paypal")
        assert again.status == 409, again

        # The customer approves afterwards: a webhook says so, and the money is taken.
        for order_id, token in ((later, tokens[1]), (cancelled, tokens[2])):
            waiting = await system.api.pay(order_id, token, gateway="paypal")
            assert (waiting.status, waiting.body["status"]) == (202, "requires_action"), waiting
        approve(paypal, tokens[1])
        await system.wait_for_status(later, PaymentStatus.SUCCEEDED)

        # The order is cancelled first: what is approved then takes nothing.
        await system.events.cancel_order(cancelled)
        await system.wait_for_status(cancelled, PaymentStatus.FAILED)
        approve(paypal, tokens[2])

        approve(paypal, tokens[3], "declined")
        refused = await system.api.pay(declined, tokens[3], gateway="paypal")
        assert (refused.status, refused.error_code) == (402, "instrument_declined"), refused
        other = await system.api.pay(declined, tokens[0], gateway="paypal")
        assert (other.status, other.error_code) == (402, "session_of_another_order"), other
        card = await system.api.pay(by_card)
        assert (card.status, card.body["gateway"]) == (201, "stripe"), card

        refunded = await system.api.refund(paid.payment_id, 999)
        assert refunded.status == 201, refunded

        async def are_published() -> None:
            events = await system.events.payment_events(order_ids)
            created = {each.body["orderId"] for each in on_subject("payment:created", events)}
            assert created == {at_once, later, by_card}
            assert len(on_subject("payment:refunded", events)) == 1

        await eventually(are_published)
        assert captures(paypal, tokens) == ["19.99", "19.99"]
        assert [each["amount"]["value"] for each in paypal.ledger.refunds.values()] == ["9.99"]
        assert len(await system.stripe.charges(by_card)) == 1

        async def are_delivered() -> None:
            assert {each.state for each in paypal.webhooks.deliveries} == {"delivered"}

        await eventually(are_delivered)
        assert len(paypal.webhooks.deliveries) >= 6


async def test_a_lost_reply_or_a_killed_process_takes_the_money_once(
    logs: Path, tmp_path: Path
) -> None:
    async with shop(logs, tmp_path) as (system, paypal):
        paypal.webhooks.endpoints.clear()  # so that recovery finds the outcome
        lost, killed = order_ids = [await system.create_order(price=19.99) for _ in range(2)]
        tokens = [await open_session(system, each) for each in order_ids]
        for token in tokens:
            approve(paypal, token)

        paypal.faults.add("reset_after", "/capture$")
        response = await system.api.pay(lost, tokens[0], gateway="paypal")
        assert response.status == 202, response

        paypal.faults.add("slow", "/capture$", seconds=600)
        paying = asyncio.create_task(system.api.pay(killed, tokens[1], gateway="paypal"))

        async def is_captured_now() -> None:
            assert paypal.faults.happened["slow"] == 1

        await eventually(is_captured_now)
        system.deployment.serve[0].kill()
        with suppress(NoResponse):
            await paying
        paypal.faults.release()

        for order_id in order_ids:
            await system.wait_for_status(order_id, PaymentStatus.SUCCEEDED)
        assert captures(paypal, tokens) == ["19.99", "19.99"]
        taken = {each["id"] for each in paypal.ledger.captures.values()}

        async def are_announced() -> None:
            events = await system.events.payment_events(order_ids)
            announced = [each.body["chargeId"] for each in on_subject("payment:created", events)]
            assert (len(announced), set(announced)) == (2, taken)

        await eventually(are_announced)
