"""RefundPayment gives back what was asked for, once, and never more than was taken."""

import asyncio

import pytest

from adapters.gateways.in_memory import GatewayFaultKind
from application.ports.payment_gateway import CardToken
from application.ports.unit_of_work import Conflict, StorageUnavailable
from domain.events import PaymentRefunded
from domain.identifiers import PaymentId, RefundId
from domain.order_entities import PaymentNotFound
from domain.refund import Refund, Refunded, RefundFailed, RefundStatus
from domain.refund_rules import MAX_RETRIES, NotRefundable, RefundExceedsPayment
from tests.builders import PRICE, cancelled_event, dollars
from tests.use_cases.shop import (
    DECLINED,
    PATIENCE,
    STORAGE_STEPS,
    Raise,
    Shop,
    go_on,
    shuffled,
)

WAITS_AT_BANK = CardToken("tok_pendingRefund")


async def paid(shop: Shop, token: CardToken | None = None) -> PaymentId:
    """The ordinary order, paid."""
    await shop.order()
    charge = await (shop.pay() if token is None else shop.pay(token))
    return charge.payment.id


async def test_everything_goes_back_where_no_amount_is_named(shop: Shop) -> None:
    refund = await shop.replica().refund_payment(await paid(shop), reason="damaged")
    assert (refund.status, refund.amount, refund.reason) == (
        RefundStatus.SUCCEEDED,
        PRICE,
        "damaged",
    )
    await shop.come_to_rest()
    assert (shop.kept, shop.heard("payment:refunded")) == (0, 1)
    assert not shop.broken_promises


async def test_parts_go_back_until_nothing_is_left(shop: Shop) -> None:
    payment_id = await paid(shop)
    for minor_units in (6_000, 3_000, 1_000):
        await shop.replica().refund_payment(payment_id, minor_units)
    with pytest.raises(RefundExceedsPayment):
        await shop.replica().refund_payment(payment_id, 1)
    await shop.come_to_rest()
    assert (shop.kept, shop.heard("payment:refunded")) == (0, 3)
    assert not shop.broken_promises


@pytest.mark.parametrize("seed", range(10))
async def test_of_two_refunds_of_sixty_of_a_hundred_at_once_one_is_refused(
    shop: Shop, seed: int
) -> None:
    payment_id = await paid(shop)
    shop.checkpoint = shuffled(seed)
    async with asyncio.timeout(PATIENCE):
        done = await asyncio.gather(
            *(shop.replica().refund_payment(payment_id, 6_000) for _ in range(2)),
            return_exceptions=True,
        )
    assert sorted(type(each).__name__ for each in done) == ["Refund", "RefundExceedsPayment"]
    await shop.come_to_rest()
    assert shop.kept == 4_000
    assert not shop.broken_promises


@pytest.mark.parametrize(
    ("trouble", "seconds"),
    [
        (GatewayFaultKind.UNREACHABLE, 0),
        (GatewayFaultKind.RATE_LIMITED, 0),
        (GatewayFaultKind.REQUEST_LOST, 0),
        (GatewayFaultKind.REPLY_LOST, 0),
        (GatewayFaultKind.SERVER_ERROR_AFTER, 0),
        (GatewayFaultKind.SLOW, 60),
        (GatewayFaultKind.LATE, 10),
        (GatewayFaultKind.LATE, 60),
    ],
    ids=str,
)
async def test_a_refund_with_an_unknown_outcome_is_pending_until_recovery_has_found_out(
    shop: Shop, kind: GatewayFaultKind, seconds: float
) -> None:
    payment_id = await paid(shop)
    shop.faults.add("refund", kind, seconds)
    refund = await shop.replica().refund_payment(payment_id, 6_000)
    assert refund.status is RefundStatus.PENDING
    with pytest.raises(RefundExceedsPayment):
        await shop.replica().refund_payment(payment_id, 6_000)
    await shop.come_to_rest()
    shop.let_pass(hours=1)
    assert shop.kept == 4_000
    assert not shop.broken_promises


@pytest.mark.parametrize("error", ["unavailable", "conflict"])
async def test_a_database_that_goes_at_any_step_gives_nothing_back_twice(error: str) -> None:
    among = STORAGE_STEPS if error == "unavailable" else frozenset({"commit", "committed"})
    for step in range(100):
        shop = Shop()
        payment_id = await paid(shop)
        failure = Raise(
            step, StorageUnavailable("gone") if error == "unavailable" else Conflict("lost"), among
        )
        shop.checkpoint = failure
        try:
            await shop.replica().refund_payment(payment_id, 6_000)
        except StorageUnavailable:
            assert not shop.refunds
        await shop.come_to_rest()
        assert shop.kept in (10_000, 4_000)
        assert not shop.broken_promises, f"at step {step}: {failure.step}"
        if not failure.step:
            assert step >= 4
            return
    raise AssertionError("it never went through")


async def test_a_refund_asked_for_again_by_its_name_is_the_same_one(shop: Shop) -> None:
    payment_id, name = await paid(shop), RefundId("named")
    first = await shop.replica().refund_payment(payment_id, 6_000, refund_id=name)
    again = await shop.replica().refund_payment(payment_id, 6_000, refund_id=name)
    assert (first, first.id) == (again, name)
    await shop.come_to_rest()
    assert shop.kept == 4_000
    assert not shop.broken_promises


async def test_a_refund_whose_reservation_was_confirmed_to_nobody_is_the_same_one(
    shop: Shop,
) -> None:
    payment_id, name = await paid(shop), RefundId("named")
    shop.checkpoint = Raise(0, StorageUnavailable("gone"), frozenset({"committed"}))
    with pytest.raises(StorageUnavailable):
        await shop.replica().refund_payment(payment_id, 6_000, refund_id=name)
    shop.checkpoint = go_on
    refund = await shop.replica().refund_payment(payment_id, 6_000, refund_id=name)
    assert refund.status is RefundStatus.SUCCEEDED
    assert shop.kept == 4_000
    await shop.come_to_rest()
    assert not shop.broken_promises


async def test_a_refund_asked_for_again_late_is_left_to_recovery(shop: Shop) -> None:
    payment_id, name = await paid(shop), RefundId("named")
    shop.faults.add("refund", GatewayFaultKind.REQUEST_LOST)
    await shop.replica().refund_payment(payment_id, refund_id=name)
    # The gateway may have forgotten its key by now: sending it unlooked could give it back twice.
    shop.let_pass(hours=25)
    late = await shop.replica().refund_payment(payment_id, refund_id=name)
    assert (late.status, shop.refunds) == (RefundStatus.PENDING, [])
    await shop.come_to_rest()
    assert (shop.kept, len(shop.refunds)) == (0, 1)
    assert not shop.broken_promises


async def test_what_the_gateway_gave_back_is_what_is_booked_and_announced(shop: Shop) -> None:
    payment_id = await paid(shop)
    shop.faults.add("refund", GatewayFaultKind.REQUEST_LOST)
    refund = await shop.replica().refund_payment(payment_id)
    less = Refunded("re_less", dollars("60"))
    settled = await shop.replica().receive_notification.settle_refund(payment_id, refund.id, less)
    assert settled is not None
    assert settled.amount == dollars("60")
    assert shop.order().refundable(shop.payment()) == dollars("40")
    (event,) = [
        record.entry.event
        for record in shop.database.outbox.values()
        if isinstance(record.entry.event, PaymentRefunded)
    ]
    assert event.amount == dollars("60")


async def test_a_refused_refund_leaves_the_payment_to_be_refunded(shop: Shop) -> None:
    payment_id = await paid(shop)
    await shop.gateway.refund_externally(payment_id, PRICE)
    refund = await shop.replica().refund_payment(payment_id, 6_000)
    assert (refund.status, refund.code) == (RefundStatus.FAILED, "charge_already_refunded")
    assert shop.order().refundable(shop.payment()) == PRICE


async def test_a_refund_at_the_bank_ends_when_the_bank_has_spoken(shop: Shop) -> None:
    payment_id = await paid(shop, WAITS_AT_BANK)
    refund = await shop.replica().refund_payment(payment_id)
    assert (refund.status, refund.reference is None) == (RefundStatus.PENDING, False)
    await shop.gateway.finish_refund(payment_id, refund.id, succeeded=True)
    await shop.come_to_rest()
    assert shop.kept == 0
    assert not shop.broken_promises


async def test_a_payment_that_was_declined_or_never_made_is_not_refunded(shop: Shop) -> None:
    payment_id = await paid(shop, DECLINED)
    with pytest.raises(NotRefundable):
        await shop.replica().refund_payment(payment_id)
    with pytest.raises(PaymentNotFound):
        await shop.replica().refund_payment(PaymentId("unheard"))


# --- what goes back by itself -------------------------------------------------------------------


async def refused_by_the_bank(shop: Shop) -> Refund:
    """The last refund of the cancelled order, sent, and then sent back by the bank."""
    refund = shop.order().refunds[-1]
    assert refund.next_check_at is not None
    shop.moment = max(shop.moment, refund.next_check_at)
    await shop.replica().recover_payments.run_once()
    await shop.gateway.finish_refund(refund.payment_id, refund.id, succeeded=False)
    shop.let_pass(hours=1)
    await shop.replica().recover_payments.run_once()
    return refund


async def test_an_automatic_refund_that_is_refused_is_followed_by_another(shop: Shop) -> None:
    await paid(shop, WAITS_AT_BANK)
    await shop.apply(cancelled_event())
    first = await refused_by_the_bank(shop)
    refused, second = shop.order().refunds
    assert (refused.id, refused.status) == (first.id, RefundStatus.FAILED)
    assert (second.status, second.amount) == (RefundStatus.PENDING, PRICE)
    shop.let_pass(minutes=1)
    await shop.replica().recover_payments.run_once()
    await shop.gateway.finish_refund(second.payment_id, second.id, succeeded=True)
    await shop.come_to_rest()
    assert shop.kept == 0
    assert not shop.broken_promises


async def test_a_late_word_on_a_refused_refund_sends_no_money_twice(shop: Shop) -> None:
    payment_id = await paid(shop)
    await shop.replica().refund_payment(payment_id, 6_000)
    await shop.apply(cancelled_event())
    first = shop.order().refunds[-1]
    late = RefundFailed("expired_or_canceled_card", "re_first")
    settle = shop.replica().receive_notification.settle_refund
    await settle(payment_id, first.id, late)
    shop.let_pass(minutes=1)
    shop.faults.add("refund", GatewayFaultKind.REPLY_LOST)
    await shop.replica().recover_payments.run_once()
    await settle(payment_id, first.id, late)
    await shop.come_to_rest()
    assert shop.kept == 0
    assert not shop.broken_promises


async def test_money_that_keeps_being_refused_is_left_to_a_person_who_can_give_it_back(
    shop: Shop,
) -> None:
    payment_id = await paid(shop, WAITS_AT_BANK)
    await shop.apply(cancelled_event())
    for _ in range(MAX_RETRIES + 1):
        await refused_by_the_bank(shop)
    assert {refund.status for refund in shop.order().refunds} == {RefundStatus.FAILED}
    assert len(shop.order().refunds) == MAX_RETRIES + 1
    externally = await shop.replica().refund_payment(payment_id, reason="by hand")
    await shop.gateway.finish_refund(payment_id, externally.id, succeeded=True)
    await shop.come_to_rest()
    assert shop.kept == 0
    assert not shop.broken_promises


async def test_a_refund_nobody_of_us_made_is_nobodys(shop: Shop) -> None:
    payment_id = await paid(shop)
    settle = shop.replica().receive_notification.settle_refund
    outcome = RefundFailed("unknown")
    assert await settle(payment_id, RefundId("strange"), outcome) is None
    assert await settle(PaymentId("strange"), RefundId("strange"), outcome) is None
