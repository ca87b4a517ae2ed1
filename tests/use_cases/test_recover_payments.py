"""RecoverPayments finishes what was left open, looks, and never charges."""

import asyncio

import pytest
from attrs import evolve

from adapters.gateways.in_memory import GatewayFaultKind
from application.ports.unit_of_work import StorageUnavailable
from domain.identifiers import OrderId
from domain.payment import ABANDON_AFTER, FIRST_CHECK_AFTER, PaymentStatus
from tests.builders import PRICE, cancelled_event
from tests.use_cases.shop import AUTHENTICATING, PATIENCE, Raise, Shop, shuffled

FIRST = FIRST_CHECK_AFTER.total_seconds()


async def unknown(
    shop: Shop, kind: GatewayFaultKind = GatewayFaultKind.REPLY_LOST, orders: int = 1
) -> None:
    """So many orders whose charge has an unknown outcome."""
    for number in range(1, orders + 1):
        order_id = await shop.order(f"order-{number}")
        shop.faults.add("charge", kind)
        await shop.pay(order_id=order_id)


async def test_nothing_is_looked_at_before_its_time(shop: Shop) -> None:
    await unknown(shop)
    assert await shop.replica().recover_payments.run_once() == 0
    shop.let_pass(seconds=FIRST)
    assert await shop.replica().recover_payments.run_once() == 1
    assert shop.payment().status is PaymentStatus.SUCCEEDED


async def test_no_trace_means_nothing_while_the_request_may_be_on_its_way(shop: Shop) -> None:
    await unknown(shop, GatewayFaultKind.REQUEST_LOST)
    while shop.now() < shop.payment().created_at + ABANDON_AFTER:
        await shop.replica().recover_payments.run_once()
        assert shop.payment().status is PaymentStatus.PROCESSING
        shop.let_pass(seconds=1)
    shop.let_pass(seconds=10)
    await shop.replica().recover_payments.run_once()
    assert shop.payment().status is PaymentStatus.ABANDONED


async def test_a_gateway_that_does_not_answer_leaves_the_payment_unknown_for_ever(
    shop: Shop,
) -> None:
    await unknown(shop, GatewayFaultKind.REQUEST_LOST)
    for _ in range(50):
        shop.let_pass(minutes=30)
        shop.faults.add("find", GatewayFaultKind.UNREACHABLE)
        await shop.replica().recover_payments.run_once()
        assert shop.payment().status is PaymentStatus.PROCESSING


async def test_a_gateway_that_answers_again_is_asked_within_half_a_minute(shop: Shop) -> None:
    await unknown(shop)
    for _ in range(30):
        shop.let_pass(seconds=10)
        shop.faults.add("find", GatewayFaultKind.SLOW, 60)
        await shop.replica().recover_payments.run_once()
    shop.faults.waiting.clear()
    back = shop.now()
    while shop.payment().is_open:
        shop.let_pass(seconds=1)
        await shop.replica().recover_payments.run_once()
    assert (shop.now() - back).total_seconds() <= 30


@pytest.mark.parametrize("seed", range(10))
async def test_two_replicas_at_once_end_like_one(shop: Shop, seed: int) -> None:
    await unknown(shop, orders=10)
    shop.let_pass(seconds=FIRST)
    shop.checkpoint = shuffled(seed)
    async with asyncio.timeout(PATIENCE):
        looked = await asyncio.gather(
            *(shop.replica(name).recover_payments.run_once() for name in ("one", "two"))
        )
    assert sum(looked) == 10
    await shop.come_to_rest()
    assert len(shop.charges) == 10
    assert not shop.broken_promises


@pytest.mark.parametrize("seed", range(10))
async def test_two_replicas_at_once_send_a_refund_once(shop: Shop, seed: int) -> None:
    await shop.order()
    await shop.pay()
    await shop.apply(cancelled_event())
    shop.checkpoint = shuffled(seed)
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(
            *(shop.replica(name).recover_payments.run_once() for name in ("one", "two"))
        )
    await shop.come_to_rest()
    assert (len(shop.refunds), shop.kept) == (1, 0)
    assert not shop.broken_promises


async def test_a_bill_that_makes_trouble_does_not_hold_up_the_others(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    await unknown(shop, orders=3)
    shop.let_pass(seconds=FIRST)

    class Broken(Exception):
        """A mistake of ours."""

    shop.checkpoint = Raise(0, Broken(), frozenset({"find"}))
    assert await shop.replica().recover_payments.run_once() == 2
    assert "could not look after order" in caplog.text
    await shop.come_to_rest()
    assert not shop.broken_promises


async def test_a_database_that_goes_at_any_step_is_no_end() -> None:
    for step in range(200):
        shop = Shop()
        await unknown(shop, orders=2)
        shop.let_pass(seconds=FIRST)
        failure = Raise(
            step,
            StorageUnavailable("gone"),
            frozenset({"read due bills", "read bills", "commit", "committed"}),
        )
        shop.checkpoint = failure
        try:
            await shop.replica().recover_payments.run_once()
        except StorageUnavailable:
            assert failure.step == "read due bills"
        await shop.come_to_rest()
        assert len(shop.charges) == 2
        assert not shop.broken_promises, f"at step {step}: {failure.step}"
        if not failure.step:
            return
    raise AssertionError("it never went through")


async def test_the_longest_due_are_looked_after_first_and_nobody_starves(shop: Shop) -> None:
    await unknown(shop, orders=5)
    shop.let_pass(minutes=1)
    shop.checkpoint = Raise(0, RuntimeError("a mistake of ours"), frozenset({"find"}))
    recover = shop.replica().recover_payments
    for _ in range(5):
        await recover.run_once(limit=1)
    settled = [order.payments[0].status for order in shop.orders]
    assert settled.count(PaymentStatus.SUCCEEDED) == 4


async def test_a_customer_who_never_comes_back_from_the_bank_is_called_off(shop: Shop) -> None:
    await shop.order()
    await shop.pay(AUTHENTICATING)
    shop.let_pass(minutes=59)
    await shop.replica().recover_payments.run_once()
    assert shop.payment().status is PaymentStatus.REQUIRES_ACTION
    shop.let_pass(minutes=1)
    await shop.replica().recover_payments.run_once()
    assert (shop.payment().status, shop.payment().code) == (PaymentStatus.FAILED, "canceled")


async def test_a_visit_to_the_bank_of_which_the_gateway_has_no_trace_is_abandoned(
    shop: Shop,
) -> None:
    await shop.order()
    await shop.pay(AUTHENTICATING)
    shop.ledger.records.clear()
    shop.let_pass(seconds=ABANDON_AFTER.total_seconds())
    await shop.replica().recover_payments.run_once()
    assert shop.payment().status is PaymentStatus.ABANDONED
    assert (await shop.pay()).payment.status is PaymentStatus.SUCCEEDED
    await shop.come_to_rest()
    assert shop.kept == PRICE.minor_units
    assert not shop.broken_promises


async def test_a_visit_to_the_bank_is_not_abandoned_while_its_request_may_be_on_its_way(
    shop: Shop,
) -> None:
    await shop.order()
    await shop.pay(AUTHENTICATING)
    shop.ledger.records.clear()
    shop.let_pass(seconds=ABANDON_AFTER.total_seconds() - 1)
    await shop.replica().recover_payments.run_once()
    assert shop.payment().status is PaymentStatus.REQUIRES_ACTION


@pytest.mark.parametrize("change", [{"name": "another"}, {"livemode": True}], ids=str)
async def test_the_silence_of_another_gateway_is_no_evidence(
    shop: Shop, change: dict[str, object]
) -> None:
    await unknown(shop)
    shop.let_pass(hours=1)
    recover = shop.replica().recover_payments
    other = shop.gateway
    for name, value in change.items():
        setattr(other, name, value)
    empty = Shop(moment=shop.moment)
    other.ledger = empty.ledger
    await evolve(recover, gateway=other).run_once()
    assert shop.payment().status is PaymentStatus.PROCESSING
    await shop.come_to_rest()
    assert shop.payment().status is PaymentStatus.SUCCEEDED
    assert not shop.broken_promises


async def test_a_charge_that_lands_within_a_day_is_found(shop: Shop) -> None:
    await shop.order()
    shop.faults.add("charge", GatewayFaultKind.LATE, 20 * 3600)
    await shop.pay()
    shop.let_pass(minutes=1)
    await shop.replica().recover_payments.run_once()
    assert shop.payment().status is PaymentStatus.ABANDONED
    await shop.come_to_rest()
    assert shop.payment().status is PaymentStatus.SUCCEEDED
    assert shop.kept == PRICE.minor_units
    assert not shop.broken_promises


async def test_a_bank_visit_that_lands_after_it_was_given_up_is_called_off(shop: Shop) -> None:
    await shop.order()
    shop.faults.add("charge", GatewayFaultKind.LATE, 60)
    await shop.pay(AUTHENTICATING)
    await shop.come_to_rest()
    assert shop.payment().status is PaymentStatus.FAILED
    await shop.gateway.complete_authentication(shop.payment().id, succeeded=True)
    assert not shop.charges


async def test_an_order_nobody_pays_is_never_due(shop: Shop) -> None:
    await shop.order()
    shop.let_pass(hours=48)
    assert await shop.replica().recover_payments.run_once() == 0
    assert shop.order(OrderId("order-1")).payments == ()
