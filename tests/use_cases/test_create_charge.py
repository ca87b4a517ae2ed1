"""CreateCharge charges an order once, and its reply stays true."""

import asyncio

import pytest

from adapters.gateways.in_memory import GatewayFaultKind
from application.application import DeclineLimits
from application.ports.alerts import AlertKind
from application.ports.payment_gateway import CardToken, GatewayUnavailable
from application.use_cases.limit_declines import TooManyDeclines
from application.use_cases.pay_order import ChargeResult, PayOrder
from domain.check_times import FIRST_CHECK_AFTER
from domain.claim import (
    AlreadyPaid,
    AmountMismatch,
    ExpectedAmount,
    NotYourOrder,
    OrderCancelled,
    OrderExpired,
    OrderNotFound,
    PaymentInProgress,
)
from domain.identifiers import OrderId
from domain.payment_status import NOT_SENT, PaymentStatus
from domain.replica import OrderStatus
from tests.builders import ORDER, OTHER_USER, PAYER, PRICE, after, cancelled_event, dollars
from tests.checkpoints import TIMEOUT, interleaving, proceed
from tests.world import AUTHENTICATING, DECLINED, VISA, World

CERTAIN = [
    GatewayFaultKind.UNREACHABLE,
    GatewayFaultKind.RATE_LIMITED,
    GatewayFaultKind.FORBIDDEN,
]
UNCERTAIN = [
    *((fault, 0) for fault in GatewayFaultKind if "LOST" in fault.name or "ERROR" in fault.name),
    *((GatewayFaultKind.SLOW, seconds) for seconds in (3, 60)),
    *((GatewayFaultKind.LATE, seconds) for seconds in (10, 60, 3600)),
]

# --- orders that may be paid, or not ------------------------------------------------------------


async def test_an_order_is_charged_completed_and_published_once(world: World) -> None:
    await world.create_order()
    await world.create_order("order-2", price=dollars("5"))
    payment = (await world.pay()).payment
    (charge,) = world.charges
    assert payment == world.payment()
    assert (payment.status, payment.charge_id) == (PaymentStatus.SUCCEEDED, charge.id)
    assert charge.amount == PRICE
    assert world.order().status is OrderStatus.COMPLETE
    with pytest.raises(AlreadyPaid) as error:
        await world.pay()
    assert error.value.payment == payment
    await world.come_to_rest()
    assert (len(world.charges), world.count_events("payment:created")) == (1, 1)
    assert world.order("order-2").status is OrderStatus.CREATED


async def test_an_order_that_may_not_be_paid_is_not_charged(world: World) -> None:
    for events in ([], [cancelled_event()]):
        await world.replicate(*events)
        with pytest.raises(OrderNotFound):
            await world.pay()
    await world.create_order()
    with pytest.raises(OrderCancelled):
        await world.pay()
    await world.create_order("order-2", expires_at=after(minutes=15))
    with pytest.raises(NotYourOrder):
        await world.pay(order_id=OrderId("order-2"), payer=OTHER_USER)
    with pytest.raises(AmountMismatch) as mismatch:
        await world.pay(order_id=OrderId("order-2"), expected=ExpectedAmount(1))
    assert mismatch.value.due == PRICE
    world.advance(minutes=15)
    with pytest.raises(OrderExpired):
        await world.pay(order_id=OrderId("order-2"))
    assert not any(order.payments for order in world.orders)
    assert not world.charges


async def test_a_declined_order_can_be_paid_again(world: World) -> None:
    await world.create_order()
    declined = (await world.pay(DECLINED)).payment
    assert (declined.status, declined.code) == (PaymentStatus.FAILED, "generic_decline")
    assert (await world.pay()).payment.status is PaymentStatus.SUCCEEDED
    await world.come_to_rest()
    assert [world.count_events(f"payment:{what}") for what in ("failed", "created")] == [1, 1]


@pytest.mark.parametrize("seed", range(20))
async def test_fifty_simultaneous_requests_make_one_charge(world: World, seed: int) -> None:
    await world.create_order()
    world.checkpoint = interleaving(seed)

    async def pay() -> bool:
        try:
            return isinstance(await world.pay(), ChargeResult)
        except (PaymentInProgress, AlreadyPaid):
            return False

    async with asyncio.timeout(TIMEOUT):
        assert sum(await asyncio.gather(*(pay() for _ in range(50)))) == 1
    assert len(world.charges) == 1
    await world.come_to_rest()


async def test_a_charge_makes_one_read_and_two_commits_and_none_stays_open(world: World) -> None:
    await world.create_order()
    process = world.use_cases()
    await process.books_guards.default.run_once()
    world.steps.clear()
    await process.create_charge(PayOrder(ORDER, PAYER, VISA))
    commit = ["commit", "committed"]
    assert world.steps == ["read charge", *commit, "charge", "charge replied", *commit]


# --- decline limits -----------------------------------------------------------------------------


async def test_a_source_with_too_many_declines_is_refused_before_any_charge(world: World) -> None:
    await world.create_order()
    world.limits = DeclineLimits(max_declines={"user": 2})
    for _ in range(2):
        await world.pay(DECLINED, sources=("user:1", "address:a"))
    with pytest.raises(TooManyDeclines):
        await world.pay(sources=("user:1",))
    assert len(world.order().payments) == 2
    world.advance(minutes=10)
    assert (await world.pay(sources=("user:1",))).payment.status is PaymentStatus.SUCCEEDED


async def test_a_decline_after_authentication_counts_towards_the_limit(world: World) -> None:
    await world.create_order()
    world.limits = DeclineLimits(max_declines={"user": 1})
    waiting = await world.pay(AUTHENTICATING, sources=("user:1",))
    await world.gateway.complete_authentication(waiting.payment.id, succeeded=False)
    declined = await world.pay(sources=("user:1",))
    assert declined.payment.status is PaymentStatus.FAILED
    with pytest.raises(TooManyDeclines):
        await world.pay(sources=("user:1",))


# --- authentication -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("succeeded", "status"), [(True, PaymentStatus.SUCCEEDED), (False, PaymentStatus.FAILED)]
)
async def test_a_payment_blocks_its_order_until_its_customer_has_authenticated(
    world: World, succeeded: bool, status: PaymentStatus
) -> None:
    await world.create_order()
    first = await world.pay(AUTHENTICATING)
    assert first.action is not None
    assert first.payment.status is PaymentStatus.REQUIRES_ACTION
    again = await world.pay()
    assert (again.payment, again.action) == (first.payment, first.action)
    assert not again.is_new
    assert not world.charges
    await world.gateway.complete_authentication(first.payment.id, succeeded)
    authenticated = await world.pay()
    assert (authenticated.payment.status, authenticated.action) == (status, None)
    if not succeeded:
        assert (await world.pay()).payment.status is PaymentStatus.SUCCEEDED
    await world.come_to_rest()


@pytest.mark.parametrize("fault", [GatewayFaultKind.UNREACHABLE, GatewayFaultKind.REPLY_LOST, None])
async def test_a_payment_stays_in_progress_if_its_authentication_cannot_be_checked_or_settled(
    world: World, fault: GatewayFaultKind | None
) -> None:
    await world.create_order()
    waiting = (await world.pay(AUTHENTICATING)).payment
    await world.gateway.complete_authentication(waiting.id, succeeded=True)
    if fault is None:
        world.failing.add("commit")
    else:
        world.faults.add("find", fault)
    with pytest.raises(PaymentInProgress) as error:
        await world.pay()
    assert error.value.payment == waiting
    await world.come_to_rest()


# --- faults -------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", CERTAIN)
async def test_an_order_can_be_paid_again_at_once_if_certainly_nothing_was_charged(
    world: World, fault: GatewayFaultKind
) -> None:
    await world.create_order()
    world.faults.add("charge", fault)
    with pytest.raises(GatewayUnavailable):
        await world.pay()
    assert (await world.pay()).payment.status is PaymentStatus.SUCCEEDED
    await world.come_to_rest()
    assert len(world.charges) == 1


@pytest.mark.parametrize("fault", CERTAIN)
async def test_a_payment_that_was_never_sent_is_not_announced_as_failed(
    world: World, fault: GatewayFaultKind
) -> None:
    await world.create_order()
    world.faults.add("charge", fault)
    with pytest.raises(GatewayUnavailable):
        await world.pay()
    await world.come_to_rest()
    assert (world.payment().status, world.payment().code) == (PaymentStatus.ABANDONED, NOT_SENT)
    assert world.count_events("payment:failed") == 0


async def test_a_refused_key_is_an_alert_in_the_gateway_s_words(world: World) -> None:
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.FORBIDDEN)
    with pytest.raises(GatewayUnavailable):
        await world.pay()
    (alert,) = await world.alerts.list_current()
    assert (alert.kind, alert.subject) == (AlertKind.GATEWAY_KEY_REFUSED, "in_memory")
    assert "403" in alert.text


async def test_a_gateway_slower_than_every_charge_is_waited_for_while_it_stays_slow(
    world: World,
) -> None:
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.SLOW, 60)
    assert (await world.pay()).payment.status is PaymentStatus.PROCESSING
    world.advance(seconds=FIRST_CHECK_AFTER.total_seconds())
    world.faults.add("find", GatewayFaultKind.SLOW, 20)
    await world.recover()
    assert world.payment().status is PaymentStatus.SUCCEEDED
    await world.come_to_rest()


@pytest.mark.parametrize("token", [VISA, DECLINED, AUTHENTICATING], ids=["good", "bad", "3ds"])
@pytest.mark.parametrize(("fault", "seconds"), UNCERTAIN, ids=str)
async def test_an_unknown_outcome_blocks_the_order_until_the_gateway_reports_it(
    world: World, fault: GatewayFaultKind, seconds: float, token: CardToken
) -> None:
    await world.create_order()
    world.faults.add("charge", fault, seconds)
    result = await world.pay(token)
    if result.payment.status is PaymentStatus.PROCESSING:
        with pytest.raises(PaymentInProgress):
            await world.pay()
    await world.come_to_rest()
    (payment,) = world.order().payments
    assert len(world.charges) == (payment.status is PaymentStatus.SUCCEEDED)


async def test_a_process_that_was_suspended_after_its_claim_charges_nothing(world: World) -> None:
    await world.create_order()

    async def suspend(step: str) -> None:
        if step == "committed":
            world.checkpoint = proceed
            world.advance(seconds=FIRST_CHECK_AFTER.total_seconds())

    world.checkpoint = suspend
    with pytest.raises(GatewayUnavailable):
        await world.pay()
    assert not world.charges
    assert (await world.pay()).payment.status is PaymentStatus.SUCCEEDED


async def test_a_process_that_was_suspended_during_its_charge_keeps_one(world: World) -> None:
    await world.create_order()

    async def suspend(step: str) -> None:
        if step == "charge":
            world.checkpoint = proceed
            for _ in range(3):
                world.advance(seconds=30)
                await world.recover()
            assert world.payment().status is PaymentStatus.ABANDONED
            await world.pay()

    world.checkpoint = suspend
    assert (await world.pay()).payment.status is PaymentStatus.REVERSED
    await world.come_to_rest()
    assert world.balance == PRICE.minor_units


async def test_an_order_with_a_wrong_charge_can_be_paid_after_its_refund(world: World) -> None:
    await world.create_order()
    world.faults.mischarge(dollars("1"))
    reviewed = (await world.pay()).payment
    assert (reviewed.status, reviewed.captured_amount) == (PaymentStatus.REVIEW, dollars("1"))
    with pytest.raises(AlreadyPaid):
        await world.pay()
    await world.come_to_rest()
    assert not world.count_events("payment:created")
    assert (await world.use_cases().refund_payment(reviewed.id)).amount == dollars("1")
    assert (await world.pay()).payment.status is PaymentStatus.SUCCEEDED
    await world.come_to_rest()
    assert world.balance == PRICE.minor_units
