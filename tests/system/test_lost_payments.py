"""A database that has lost payments of which the gateway has the money, and a second charge."""

from urllib.parse import urlencode

from domain.payment_status import PaymentStatus
from domain.second_charge import CHARGED_TWICE
from tests.system.comparison import assert_promises_kept
from tests.system.shop_events import on_subject
from tests.system.system import System


async def lose(system: System, *order_ids: str) -> None:
    """Delete the payments of these orders, as a failover to a standby that lags does."""
    for table in ("payments", "outbox"):
        await system.query(f"DELETE FROM {table} WHERE order_id = ANY($1)", [*order_ids])
    sql = "UPDATE orders SET status = 'created', revision = 1 WHERE id = ANY($1)"
    await system.query(sql, [*order_ids])


async def test_webhooks_restore_what_a_failover_has_lost(system: System) -> None:
    kept, unknown, cancelled, paid_again = [await system.create_order() for _ in range(4)]
    order_ids = [kept, unknown, cancelled, paid_again]
    system.suspend_workers()  # so that nothing but the webhooks restores anything
    async with system.stripe.webhooks_to(system.deployment.addresses[1], paused=True):
        paid = [await system.api.pay(order_id) for order_id in order_ids]
        await lose(system, *order_ids)
        await system.query("DELETE FROM order_history WHERE order_id = $1", unknown)
        await system.query("DELETE FROM orders WHERE id = $1", unknown)
        await system.query("DELETE FROM order_history WHERE order_id = $1", unknown)
        again = await system.api.pay(paid_again)
        assert [response.status for response in (*paid, again)] == [201] * 5
        events = [each["event"] for each in await system.stripe.deliveries()]
        for order in ("last", "shuffled"):
            assert await system.stripe.deliver(events=events, order=order, duplicate=2) == {200}
    assert (await system.api.pay(kept)).status == 409
    assert (await system.api.pay(unknown)).status == 404
    system.resume_workers()
    await system.create_order(unknown)
    assert (await system.api.pay(unknown)).status == 409
    await system.events.cancel_order(cancelled)
    await assert_promises_kept(system, [kept, unknown, cancelled], paid[:2])
    observed = await assert_promises_kept(system, [paid_again], [again])
    assert observed.payments[str(paid[3].payment_id)].status is PaymentStatus.REVERSED


async def test_a_second_charge_of_a_payment_is_given_back(system: System) -> None:
    order_id = await system.create_order()
    async with system.stripe.webhooks_to(system.deployment.addresses[1]):
        paid = await system.api.pay(order_id)
        (charge,) = await system.stripe.charges(order_id)
        metadata = {f"metadata[{name}]": value for name, value in charge["metadata"].items()}
        form = {"amount": 1000, "currency": "usd", "source": "tok_visa", **metadata}
        await system.stripe.charge_externally(urlencode(form))
        await system.stripe.wait_for_deliveries()
    observed = await assert_promises_kept(system, [order_id], [paid])
    assert {payment.status for payment in observed.payments.values()} == {
        PaymentStatus.SUCCEEDED,
        PaymentStatus.REVERSED,
    }
    assert [refund.reason for refund in observed.our_refunds] == [CHARGED_TWICE]
    events = await system.events.payment_events([order_id])
    assert len(on_subject("payment:created", events)) == 1
