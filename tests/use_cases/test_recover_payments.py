"""RecoverPayments, CheckPayment and CheckRefund finish what is unfinished, and never charge."""

import asyncio
from collections import Counter
from inspect import signature

import pytest
from attrs import evolve

from adapters.gateways.in_memory import GatewayFaultKind
from application.ports.alerts import AlertKind
from application.ports.gateways import Gateways
from application.use_cases.recover_payments import MAX_CONCURRENT, RecoverPayments
from domain.check_times import ABANDON_AFTER, FIRST_CHECK_AFTER
from domain.payment_status import PaymentStatus
from domain.refund import RefundStatus
from tests.builders import PRICE
from tests.checkpoints import TIMEOUT, FailAt, interleaving
from tests.world import AUTHENTICATING, World

FIRST_CHECK = FIRST_CHECK_AFTER.total_seconds()


async def pay_with_unknown_outcome(
    world: World, fault: GatewayFaultKind = GatewayFaultKind.REPLY_LOST, orders: int = 1
) -> None:
    """Pay for some orders, each with an unknown outcome."""
    for number in range(1, orders + 1):
        order_id = await world.create_order(f"order-{number}")
        world.faults.add("charge", fault)
        await world.pay(order_id=order_id)


async def test_a_payment_is_checked_when_its_check_is_due_and_not_before(world: World) -> None:
    await world.create_order("unpaid")
    await pay_with_unknown_outcome(world)
    assert await world.recover() == 0
    world.advance(seconds=FIRST_CHECK)
    assert await world.recover() == 1
    assert world.payment().status is PaymentStatus.SUCCEEDED
    world.advance(hours=48)
    assert await world.recover() == 0


async def test_a_payment_that_may_not_be_looked_up_stays_open_and_is_an_alert(
    world: World,
) -> None:
    await pay_with_unknown_outcome(world)
    world.advance(seconds=FIRST_CHECK)
    world.faults.add("find", GatewayFaultKind.FORBIDDEN)
    await world.recover()
    (alert,) = await world.alerts.list_current()
    assert (alert.kind, alert.subject) == (AlertKind.LOOKUP_IMPOSSIBLE, world.payment().id)
    assert "refuses the key" in alert.text
    assert world.payment().status is PaymentStatus.PROCESSING
    await world.come_to_rest()
    assert world.payment().status is PaymentStatus.SUCCEEDED


async def test_a_payment_without_a_record_is_abandoned_once_no_request_can_be_in_flight(
    world: World,
) -> None:
    await pay_with_unknown_outcome(world, GatewayFaultKind.REQUEST_LOST)
    while world.now() < world.payment().created_at + ABANDON_AFTER:
        await world.recover()
        assert world.payment().status is PaymentStatus.PROCESSING
        world.advance(seconds=1)
    world.advance(seconds=10)
    await world.recover()
    assert world.payment().status is PaymentStatus.ABANDONED


async def test_a_payment_stays_unknown_for_as_long_as_the_gateway_does_not_reply(
    world: World,
) -> None:
    await pay_with_unknown_outcome(world, GatewayFaultKind.REQUEST_LOST)
    for _ in range(50):
        world.advance(minutes=30)
        world.faults.add("find", GatewayFaultKind.UNREACHABLE)
        await world.recover()
        assert world.payment().status is PaymentStatus.PROCESSING


async def test_a_payment_is_settled_within_30_seconds_after_the_gateway_replies_again(
    world: World,
) -> None:
    await pay_with_unknown_outcome(world)
    for _ in range(30):
        world.advance(seconds=10)
        world.faults.add("find", GatewayFaultKind.SLOW, 60)
        await world.recover()
    world.faults.waiting.clear()
    available = world.now()
    while world.payment().is_open:
        world.advance(seconds=1)
        await world.recover()
    assert (world.now() - available).total_seconds() <= 30


@pytest.mark.parametrize("seed", range(10))
async def test_two_processes_check_each_payment_and_send_each_refund_once(
    world: World, seed: int
) -> None:
    await world.create_order("cancelled")
    await world.pay(order_id=world.order("cancelled").id)
    await pay_with_unknown_outcome(world, orders=10)
    await world.cancel_order(world.order("cancelled").id)
    world.advance(seconds=FIRST_CHECK)
    world.checkpoint = interleaving(seed)
    world.steps.clear()
    async with asyncio.timeout(TIMEOUT):
        checked = await asyncio.gather(world.recover(), world.recover())
    assert sum(checked) == 11
    assert Counter(world.steps)["find"] == 10
    await world.come_to_rest()
    assert (len(world.charges), len(world.refunds)) == (11, 1)


@pytest.mark.parametrize("call", ["find_refund", "refund"])
@pytest.mark.parametrize("fault", [GatewayFaultKind.UNREACHABLE, GatewayFaultKind.REPLY_LOST])
async def test_a_refund_stays_pending_until_the_gateway_replies(
    world: World, call: str, fault: GatewayFaultKind
) -> None:
    await world.create_order()
    await world.pay()
    await world.cancel_order()
    world.faults.add(call, fault)
    assert await world.recover() == 1
    assert world.order().refunds[0].status is RefundStatus.PENDING
    await world.come_to_rest()
    assert (world.balance, len(world.refunds)) == (0, 1)


async def test_an_order_that_cannot_be_recovered_does_not_stop_the_others(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await pay_with_unknown_outcome(world, orders=5)
    world.advance(seconds=FIRST_CHECK)
    world.checkpoint = FailAt(0, ZeroDivisionError("a bug"), {"find"})
    recover = world.use_cases().recover_payments
    assert [await recover.run_once(limit=1) for _ in range(5)] == [0, 1, 1, 1, 1]
    assert "could not recover order order-1" in caplog.text
    settled = [order.payments[0].status for order in world.orders]
    assert settled.count(PaymentStatus.SUCCEEDED) == 4
    await world.come_to_rest()


async def test_a_payment_whose_customer_never_authenticates_is_cancelled_after_an_hour(
    world: World,
) -> None:
    await world.create_order()
    await world.pay(AUTHENTICATING)
    world.advance(minutes=59)
    await world.recover()
    assert world.payment().status is PaymentStatus.REQUIRES_ACTION
    world.advance(minutes=1)
    await world.recover()
    assert (world.payment().status, world.payment().code) == (PaymentStatus.FAILED, "canceled")


@pytest.mark.parametrize("by_payer", [False, True])
async def test_an_authentication_without_a_record_is_abandoned_and_the_order_can_be_paid(
    world: World, by_payer: bool
) -> None:
    await world.create_order()
    await world.pay(AUTHENTICATING)
    world.ledger.records.clear()
    world.advance(seconds=ABANDON_AFTER.total_seconds() - 1)
    await world.recover()
    assert world.payment().status is PaymentStatus.REQUIRES_ACTION
    world.advance(seconds=1)
    await (world.pay() if by_payer else world.recover())
    assert world.payment().status is PaymentStatus.ABANDONED
    assert (await world.pay()).payment.status is PaymentStatus.SUCCEEDED
    await world.come_to_rest()
    assert world.balance == PRICE.minor_units


@pytest.mark.parametrize("change", [{"name": "another"}, {"livemode": True}], ids=str)
async def test_another_gateway_is_not_asked_about_a_payment_or_a_refund(
    world: World, change: dict[str, object]
) -> None:
    await world.create_order()
    await world.pay()
    await world.cancel_order()
    await world.create_order("order-2")
    world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    await world.pay(order_id=world.order("order-2").id)
    world.advance(hours=1)
    other_world = World(time=world.time)
    other = other_world.gateway
    for name, value in change.items():
        setattr(other, name, value)
    recover = world.use_cases().recover_payments
    await evolve(
        recover,
        check=evolve(recover.check, gateways=Gateways.only(other)),
        check_refund=evolve(recover.check_refund, gateways=Gateways.only(other)),
    ).run_once()
    assert world.order("order-2").payments[0].status is PaymentStatus.PROCESSING
    assert not other_world.steps
    await world.come_to_rest()
    assert world.balance == PRICE.minor_units


async def test_a_charge_that_is_executed_within_a_day_is_found(world: World) -> None:
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.LATE, 20 * 3600)
    await world.pay()
    world.advance(minutes=1)
    await world.recover()
    assert world.payment().status is PaymentStatus.ABANDONED
    await world.come_to_rest()
    assert world.payment().status is PaymentStatus.SUCCEEDED
    assert world.balance == PRICE.minor_units


async def test_a_late_authentication_of_an_abandoned_payment_is_cancelled(world: World) -> None:
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.LATE, 60)
    await world.pay(AUTHENTICATING)
    await world.come_to_rest()
    assert world.payment().status is PaymentStatus.FAILED
    await world.gateway.complete_authentication(world.payment().id, succeeded=True)
    assert not world.charges


async def test_recovery_asks_the_gateway_about_sixteen_orders_at_once(world: World) -> None:
    await pay_with_unknown_outcome(world, orders=40)
    world.advance(seconds=FIRST_CHECK)
    running, most = 0, 0

    async def count(step: str) -> None:
        nonlocal running, most
        if step == "find":
            running += 1
            most = max(most, running)
            for _ in range(10):
                await asyncio.sleep(0)
            running -= 1

    world.checkpoint = count
    assert await world.recover() == 40
    assert most == MAX_CONCURRENT == 16


async def test_a_hundred_orders_are_recovered_at_once(world: World) -> None:
    await pay_with_unknown_outcome(world, orders=101)
    world.advance(seconds=FIRST_CHECK)
    assert [await world.recover() for _ in range(3)] == [100, 1, 0]


def test_a_run_of_recovery_has_a_limit_that_its_health_check_knows() -> None:
    assert signature(RecoverPayments.run_once).parameters["limit"].default == 100
    assert MAX_CONCURRENT == 16  # both are in READY_SECONDS of the worker
