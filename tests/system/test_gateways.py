"""Each of our gateways: orders are paid, declined, refunded and cancelled, with real processes."""

from pathlib import Path

import pytest

from tests.system.comparison import assert_promises_kept
from tests.system.deployment import deploy
from tests.system.history_files import assert_the_history_is_kept
from tests.system.shop_events import on_subject
from tests.system.system import System, connect


async def test_orders_are_paid_declined_refunded_and_cancelled_with_payment_intents(
    system: System,
) -> None:
    await pay_decline_refund_and_cancel(system, authentication_status=202)


@pytest.mark.parametrize(
    ("gateway", "authentication_status"), [("stripe-charges", 402), ("fake", 202)]
)
async def test_orders_are_paid_declined_refunded_and_cancelled_with(
    gateway: str, authentication_status: int, logs: Path, tmp_path: Path
) -> None:
    with deploy(gateway, serves=1, workers=1, keep_logs_in=logs) as deployment:
        async with connect(deployment) as system:
            await pay_decline_refund_and_cancel(system, authentication_status)
            await assert_the_history_is_kept(system, 5, tmp_path / "shop.jsonl")


async def pay_decline_refund_and_cancel(system: System, authentication_status: int) -> None:
    """Pay orders with every ordinary result; the reply to a 3-D Secure card has this status."""
    order_ids = [await system.create_order(price=19.99) for _ in range(5)]
    paid, declined, cancelled, lost, authenticating = order_ids
    if system.deployment.gateway != "fake":
        await system.stripe.add_fault("reset_after")
    unknown = await system.api.pay(lost)
    responses = [
        await system.api.pay(paid),
        await system.api.pay(paid),
        await system.api.pay(declined, "tok_chargeDeclinedExpiredCard"),
        await system.api.pay(declined, "tok_mastercard"),
        await system.api.pay(cancelled),
    ]
    assert [response.status for response in responses] == [201, 409, 402, 201, 201], responses
    assert responses[1].body["payment"]["id"] == responses[0].payment_id
    assert responses[2].error_code == "expired_card"
    partial = await system.api.refund(responses[0].payment_id, 999)
    excessive = await system.api.refund(responses[0].payment_id, 1001)
    assert (partial.status, excessive.status) == (201, 400)
    authentication = await system.api.pay(authenticating, "tok_threeDSecureRequired")
    assert authentication.status == authentication_status, authentication
    for order_id in (cancelled, authenticating):
        await system.events.cancel_order(order_id)
    await system.wait_for_cancellation(cancelled, authenticating)
    observed = await assert_promises_kept(system, order_ids, [*responses, unknown])
    rejected = await system.api.pay(cancelled)
    assert (rejected.status, rejected.error_code) == (400, "order_cancelled")
    assert sorted(refund.amount.minor_units for refund in observed.refunds) == [999, 1999]
    assert len(observed.charges) == 4
    events = await system.events.payment_events(order_ids)
    assert len(on_subject("payment:created", events)) == 4
    refunded = {event.body["amount"]: event for event in on_subject("payment:refunded", events)}
    assert refunded.keys() == {999, 1999}
    assert refunded[999].body.keys() >= {"id", "refundId", "orderId", "stripeId", "reason"}
    events = await system.events.payment_events([declined])
    assert [event.subject for event in events] == ["payment:failed", "payment:created"]
