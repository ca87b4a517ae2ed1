"""CreateCharge pays an order once, and what it says stays true."""

import asyncio

import pytest

from adapters.gateways.in_memory import GatewayFaultKind
from application.application import DeclineLimits
from application.ports.payment_gateway import CardToken, GatewayUnavailable
from application.ports.unit_of_work import Conflict, StorageUnavailable
from application.use_cases.create_charge import Charge
from application.use_cases.limit_declines import TooManyDeclines
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
from domain.errors import DomainError
from domain.identifiers import OrderId
from domain.money import Currency, Money
from domain.payment import FIRST_CHECK_AFTER, PaymentStatus
from domain.replica import OrderStatus
from tests.builders import ORDER, PAYER, PRICE, STRANGER, after, cancelled_event, dollars
from tests.use_cases.shop import (
    AUTHENTICATING,
    DECLINED,
    PATIENCE,
    STORAGE_STEPS,
    VISA,
    Raise,
    Shop,
    go_on,
    shuffled,
)

# --- the seed's behaviours ----------------------------------------------------------------------


async def test_an_unknown_order_is_not_found(shop: Shop) -> None:
    with pytest.raises(OrderNotFound):
        await shop.pay()
    assert not shop.charges


async def test_another_users_order_is_refused(shop: Shop) -> None:
    await shop.order()
    with pytest.raises(NotYourOrder):
        await shop.pay(payer=STRANGER)
    assert not shop.charges


async def test_a_cancelled_order_is_refused(shop: Shop) -> None:
    await shop.order()
    await shop.apply(cancelled_event())
    with pytest.raises(OrderCancelled):
        await shop.pay()
    assert not shop.charges


async def test_a_good_order_is_charged_and_its_payment_kept_and_announced(shop: Shop) -> None:
    await shop.order()
    payment = (await shop.pay()).payment
    (charge,) = shop.charges
    assert payment == shop.payment()
    assert (payment.status, payment.charge_id) == (PaymentStatus.SUCCEEDED, charge.id)
    assert charge.amount == PRICE
    assert shop.order().replica.status is OrderStatus.COMPLETE
    await shop.come_to_rest()
    assert shop.heard("payment:created") == 1
    assert not shop.broken_promises


# --- beyond the seed ----------------------------------------------------------------------------


async def test_an_expired_order_is_refused(shop: Shop) -> None:
    await shop.order(expires_at=after(minutes=15))
    shop.let_pass(minutes=15)
    with pytest.raises(OrderExpired):
        await shop.pay()
    assert not shop.charges


async def test_an_order_cancelled_before_it_was_made_is_never_paid(shop: Shop) -> None:
    await shop.apply(cancelled_event())
    with pytest.raises(OrderNotFound):
        await shop.pay()
    await shop.order()
    with pytest.raises(OrderCancelled):
        await shop.pay()
    assert not shop.charges


async def test_an_order_already_paid_is_not_charged_again(shop: Shop) -> None:
    await shop.order()
    first = (await shop.pay()).payment
    with pytest.raises(AlreadyPaid) as refused:
        await shop.pay()
    assert refused.value.payment == first
    assert len(shop.charges) == 1


async def test_a_declined_payment_is_told_and_the_order_can_be_paid_again(shop: Shop) -> None:
    await shop.order()
    refused = (await shop.pay(DECLINED)).payment
    assert (refused.status, refused.code) == (PaymentStatus.FAILED, "generic_decline")
    assert (await shop.pay()).payment.status is PaymentStatus.SUCCEEDED
    await shop.come_to_rest()
    assert (shop.heard("payment:failed"), shop.heard("payment:created")) == (1, 1)
    assert not shop.broken_promises


async def test_a_payer_who_agreed_to_another_amount_is_not_charged(shop: Shop) -> None:
    await shop.order()
    with pytest.raises(AmountMismatch) as refused:
        await shop.replica().create_charge(ORDER, PAYER, VISA, ExpectedAmount(1))
    assert refused.value.due == PRICE
    assert not shop.order().payments


async def test_who_takes_an_order_over_learns_nothing_of_the_payment_before(shop: Shop) -> None:
    await shop.order()
    await shop.pay(AUTHENTICATING)
    await shop.order(version=1, user_id=STRANGER)
    await shop.gateway.complete_authentication(shop.payment().id, succeeded=True)
    with pytest.raises(PaymentInProgress) as refused:
        await shop.pay(payer=STRANGER)
    assert refused.value.payment is None
    await shop.come_to_rest()
    with pytest.raises(AlreadyPaid) as paid:
        await shop.pay(payer=STRANGER)
    assert paid.value.payment is None


async def test_a_decline_at_the_bank_counts_for_the_limit_as_well(shop: Shop) -> None:
    await shop.order()
    replica = shop.replica(limits=DeclineLimits(max_declines={"user": 1}))
    waiting = await replica.create_charge(ORDER, PAYER, AUTHENTICATING, sources=["user:1"])
    await shop.gateway.complete_authentication(waiting.payment.id, succeeded=False)
    declined = await replica.create_charge(ORDER, PAYER, VISA, sources=["user:1"])
    assert declined.payment.status is PaymentStatus.FAILED
    with pytest.raises(TooManyDeclines):
        await replica.create_charge(ORDER, PAYER, VISA, sources=["user:1"])


async def test_who_tries_card_after_card_is_stopped_before_any_charge(shop: Shop) -> None:
    await shop.order()
    replica = shop.replica(limits=DeclineLimits(max_declines={"user": 2}))
    for _ in range(2):
        await replica.create_charge(ORDER, PAYER, DECLINED, sources=["user:1", "address:a"])
    with pytest.raises(TooManyDeclines):
        await shop.replica("other", DeclineLimits(max_declines={"user": 2})).create_charge(
            ORDER, PAYER, VISA, sources=["user:1"]
        )
    assert len(shop.order().payments) == 2
    shop.let_pass(minutes=10)
    paid = await replica.create_charge(ORDER, PAYER, VISA, sources=["user:1"])
    assert paid.payment.status is PaymentStatus.SUCCEEDED


@pytest.mark.parametrize("seed", range(20))
async def test_fifty_payers_of_one_order_at_once_make_one_charge(shop: Shop, seed: int) -> None:
    await shop.order()
    shop.checkpoint = shuffled(seed)
    replicas = [shop.replica(f"replica-{number}") for number in range(2)]

    async def one(number: int) -> Charge | DomainError:
        try:
            charge = await replicas[number % 2].create_charge(ORDER, PAYER, VISA)
        except (PaymentInProgress, AlreadyPaid) as refused:
            return refused
        shop.answer(charge)
        return charge

    async with asyncio.timeout(PATIENCE):
        answers = await asyncio.gather(*(one(number) for number in range(50)))
    assert sum(isinstance(answer, Charge) for answer in answers) == 1
    assert len(shop.charges) == 1
    await shop.come_to_rest()
    assert not shop.broken_promises


async def test_a_charge_is_two_reads_and_two_writes(shop: Shop) -> None:
    await shop.order()
    steps: list[str] = []

    async def note(step: str) -> None:
        steps.append(step)

    shop.checkpoint = note
    await shop.pay()
    storage = [step for step in steps if step in STORAGE_STEPS and step != "committed"]
    assert storage == ["read bills", "commit", "read bills", "commit"]
    assert steps.index("committed") < steps.index("charge")


# --- the bank asks for the customer -------------------------------------------------------------


async def test_a_customer_sent_to_the_bank_blocks_the_order_until_they_come_back(
    shop: Shop,
) -> None:
    await shop.order()
    charge = await shop.pay(AUTHENTICATING)
    assert charge.action is not None
    assert charge.payment.status is PaymentStatus.REQUIRES_ACTION
    again = await shop.pay()
    assert again.payment == charge.payment
    assert again.action == charge.action
    assert not shop.charges
    await shop.gateway.complete_authentication(charge.payment.id, succeeded=True)
    asked_again = await shop.pay()
    assert asked_again.payment.status is PaymentStatus.SUCCEEDED
    assert asked_again.action is None
    await shop.come_to_rest()
    assert not shop.broken_promises


async def test_a_customer_who_fails_at_the_bank_is_told_so_and_can_pay_again(shop: Shop) -> None:
    await shop.order()
    charge = await shop.pay(AUTHENTICATING)
    await shop.gateway.complete_authentication(charge.payment.id, succeeded=False)
    assert (await shop.pay()).payment.status is PaymentStatus.FAILED
    assert (await shop.pay()).payment.status is PaymentStatus.SUCCEEDED
    await shop.come_to_rest()
    assert not shop.broken_promises


# --- troubles -----------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [GatewayFaultKind.UNREACHABLE, GatewayFaultKind.RATE_LIMITED])
async def test_a_gateway_that_surely_did_nothing_leaves_the_order_to_be_paid_at_once(
    shop: Shop, kind: GatewayFaultKind
) -> None:
    await shop.order()
    shop.faults.add("charge", kind)
    with pytest.raises(GatewayUnavailable):
        await shop.pay()
    assert (await shop.pay()).payment.status is PaymentStatus.SUCCEEDED
    await shop.come_to_rest()
    assert len(shop.charges) == 1
    assert not shop.broken_promises


@pytest.mark.parametrize("token", [VISA, DECLINED, AUTHENTICATING], ids=["good", "bad", "3ds"])
@pytest.mark.parametrize(
    ("trouble", "seconds"),
    [
        (GatewayFaultKind.REQUEST_LOST, 0),
        (GatewayFaultKind.REPLY_LOST, 0),
        (GatewayFaultKind.SERVER_ERROR, 0),
        (GatewayFaultKind.SERVER_ERROR_AFTER, 0),
        (GatewayFaultKind.SLOW, 3),
        (GatewayFaultKind.SLOW, 60),
        (GatewayFaultKind.LATE, 10),
        (GatewayFaultKind.LATE, 60),
        (GatewayFaultKind.LATE, 3600),
    ],
    ids=str,
)
async def test_an_unknown_outcome_blocks_the_order_until_the_gateway_has_said_its_word(
    shop: Shop, kind: GatewayFaultKind, seconds: float, token: CardToken
) -> None:
    await shop.order()
    shop.faults.add("charge", kind, seconds)
    charge = await shop.pay(token)
    if charge.payment.status is PaymentStatus.PROCESSING:
        with pytest.raises(PaymentInProgress):
            await shop.pay()
    await shop.come_to_rest()
    (payment,) = shop.order().payments
    assert len(shop.charges) == (payment.status is PaymentStatus.SUCCEEDED)
    assert not shop.broken_promises


@pytest.mark.parametrize("seconds", [10, 60, 3600])
async def test_a_charge_that_lands_late_beside_another_is_given_back(
    shop: Shop, seconds: float
) -> None:
    await shop.order()
    shop.faults.add("charge", GatewayFaultKind.LATE, seconds)
    await shop.pay()
    shop.let_pass(seconds=30)
    await shop.replica().recover_payments.run_once()
    if shop.payment().status is PaymentStatus.ABANDONED:
        assert (await shop.pay()).payment.status is PaymentStatus.SUCCEEDED
    shop.let_pass(seconds=seconds)
    await shop.come_to_rest()
    assert shop.kept == PRICE.minor_units
    assert not shop.broken_promises


async def test_a_process_that_slept_after_its_claim_charges_nothing(shop: Shop) -> None:
    await shop.order()

    async def sleep(step: str) -> None:
        if step == "committed":
            shop.checkpoint = go_on
            shop.let_pass(seconds=FIRST_CHECK_AFTER.total_seconds())

    shop.checkpoint = sleep
    with pytest.raises(GatewayUnavailable):
        await shop.pay()
    assert not shop.charges
    assert (await shop.pay()).payment.status is PaymentStatus.SUCCEEDED


async def test_a_process_that_slept_in_the_middle_of_its_charge_ends_like_the_others(
    shop: Shop,
) -> None:
    await shop.order()

    async def sleep(step: str) -> None:
        if step == "charge":
            shop.checkpoint = go_on
            for _ in range(3):
                shop.let_pass(seconds=30)
                await shop.replica("other").recover_payments.run_once()
            assert shop.payment().status is PaymentStatus.ABANDONED
            other = await shop.replica("other").create_charge(ORDER, PAYER, VISA)
            shop.answer(other)

    shop.checkpoint = sleep
    first = await shop.pay()
    assert first.payment.status is PaymentStatus.REVERSED
    await shop.come_to_rest()
    assert shop.kept == PRICE.minor_units
    assert not shop.broken_promises


async def test_another_amount_than_was_asked_for_is_reviewed_and_never_called_paid(
    shop: Shop,
) -> None:
    await shop.order()
    shop.faults.misreport(dollars("1"))
    assert (await shop.pay()).payment.status is PaymentStatus.REVIEW
    with pytest.raises(AlreadyPaid):
        await shop.pay()
    await shop.come_to_rest()
    assert not shop.heard("payment:created")
    assert not shop.broken_promises


async def test_an_order_of_which_another_amount_was_taken_can_be_paid_once_that_is_back(
    shop: Shop,
) -> None:
    await shop.order()
    shop.faults.misreport(dollars("1"))
    reviewed = (await shop.pay()).payment
    assert reviewed.captured_amount == dollars("1")
    refund = await shop.replica().refund_payment(reviewed.id)
    assert refund.amount == dollars("1")
    assert (await shop.pay()).payment.status is PaymentStatus.SUCCEEDED
    await shop.come_to_rest()
    assert shop.kept == PRICE.minor_units
    assert not shop.broken_promises


@pytest.mark.parametrize("cancelled", ["before", "after"])
async def test_another_amount_taken_for_a_cancelled_order_goes_back_by_itself(
    shop: Shop, cancelled: str
) -> None:
    await shop.order()
    shop.faults.misreport(Money(5, Currency("eur")))

    async def cancel(step: str) -> None:
        if step == "charge":
            shop.checkpoint = go_on
            await shop.apply(cancelled_event())

    shop.checkpoint = cancel if cancelled == "before" else go_on
    await shop.pay()
    await shop.apply(cancelled_event())
    await shop.come_to_rest()
    assert shop.payment().status is PaymentStatus.REVIEW
    assert shop.kept == 0
    assert not shop.broken_promises


STORAGE_ERRORS = {
    "unavailable": StorageUnavailable("gone"),
    "conflict": Conflict("somebody was faster, or the reply was lost"),
}


@pytest.mark.parametrize("error", STORAGE_ERRORS)
@pytest.mark.parametrize("token", [VISA, DECLINED], ids=["good", "bad"])
@pytest.mark.parametrize(
    "trouble", [None, GatewayFaultKind.UNREACHABLE, GatewayFaultKind.REPLY_LOST], ids=str
)
async def test_a_database_that_goes_at_any_step_makes_no_answer_untrue(
    token: CardToken, kind: GatewayFaultKind | None, error: str
) -> None:
    among = STORAGE_STEPS - {"read bills"} if error == "conflict" else STORAGE_STEPS
    for step in range(100):
        shop = Shop()
        await shop.order()
        if kind is not None:
            shop.faults.add("charge", kind)
        failure = Raise(step, STORAGE_ERRORS[error], among)
        shop.checkpoint = failure
        try:
            await shop.pay(token)
        except (StorageUnavailable, GatewayUnavailable):
            assert not shop.charges, f"charged and answered as not, at step {step}: {failure.step}"
        await shop.come_to_rest()
        assert not shop.broken_promises, f"at step {step}: {failure.step}"
        assert len(shop.charges) <= 1
        if not failure.step:
            assert step >= 2
            return
    raise AssertionError("it never went through")


async def test_one_order_says_nothing_about_another(shop: Shop) -> None:
    await shop.order()
    await shop.order("order-2", price=dollars("5"))
    await shop.pay(order_id=OrderId("order-2"))
    assert not shop.order().payments
    assert shop.order(OrderId("order-2")).order.status is OrderStatus.COMPLETE
