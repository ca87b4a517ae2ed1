"""A bill is paid at most once, gives back at most what it took, and ends alike however it is told."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import combinations, permutations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

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
from domain.dispute import DisputeStatus
from domain.identifiers import ChargeId, DisputeId, PaymentId, RefundId
from domain.money import Money
from domain.order import Order
from domain.order_entities import PaymentNotFound
from domain.outcome import Charged, Evidence, NeverArrived
from domain.payment import AUTHENTICATION_WINDOW, PaymentStatus
from domain.refund import (
    SETTLEMENT_CHECK_INTERVAL,
    Refunded,
    RefundFailed,
    RefundPending,
    RefundStatus,
)
from domain.refund_rules import MAX_RETRIES, NotRefundable, RefundExceedsPayment
from domain.replica import OrderReplica, OrderStatus
from tests.builders import (
    GATEWAY,
    NOW,
    ORDER,
    PAYER,
    PAYMENT,
    PRICE,
    STRANGER,
    a_bill,
    a_payment,
    a_refund,
    after,
    begin,
    cancelled_event,
    charged,
    claimed,
    created_event,
    declined,
    dollars,
    requires_action,
)
from tests.strategies import evidence, orders, wrong_charges

SECOND = PaymentId("payment-2")
CHARGE = charged().charge_id
DISPUTE = DisputeId("dp_1")


def paid() -> Order:
    """The ordinary order, paid."""
    return claimed().settle(PAYMENT, charged(), NOW)


def given_back(order: Order) -> Money:
    """What has been given back of its first payment."""
    total = Money(0, PRICE.currency)
    for refund in order.refunds:
        if refund.payment_id == PAYMENT and refund.status is RefundStatus.SUCCEEDED:
            total += refund.amount
    return total


# --- claiming ----------------------------------------------------------------------------------


def test_a_claim_is_for_what_is_due() -> None:
    payment = claimed().payment(PAYMENT)
    assert payment.amount == PRICE
    assert (payment.order_id, payment.user_id) == (ORDER, PAYER)
    assert payment.status is PaymentStatus.PROCESSING
    assert payment.next_check_at is not None


@pytest.mark.parametrize(
    ("order", "error"),
    [
        (cancelled_event(), OrderNotFound),
        (created_event(user_id=STRANGER), NotYourOrder),
        (created_event(user_id=STRANGER).merge(cancelled_event()), NotYourOrder),
        (created_event().merge(cancelled_event()), OrderCancelled),
        (created_event(expires_at=NOW), OrderExpired),
        (created_event(status=OrderStatus.COMPLETE), AlreadyPaid),
    ],
    ids=["unheard", "strange", "strange and cancelled", "cancelled", "expired", "complete"],
)
def test_an_order_that_may_not_be_paid_is_not_claimed(
    order: OrderReplica, error: type[Exception]
) -> None:
    with pytest.raises(error):
        a_bill(order=order).claim(PAYMENT, PAYER, ExpectedAmount(), GATEWAY, False, NOW)


@pytest.mark.parametrize("status", [PaymentStatus.PROCESSING, PaymentStatus.REQUIRES_ACTION])
def test_a_payment_under_way_keeps_out_another(status: PaymentStatus) -> None:
    first = a_payment(status=status)
    with pytest.raises(PaymentInProgress) as refused:
        begin(a_bill(first), SECOND)
    assert refused.value.payment == first


@pytest.mark.parametrize("status", [PaymentStatus.SUCCEEDED, PaymentStatus.REVIEW])
def test_a_payment_made_keeps_out_another(status: PaymentStatus) -> None:
    first = a_payment(status=status)
    with pytest.raises(AlreadyPaid) as refused:
        begin(a_bill(first), SECOND)
    assert refused.value.payment == first


def test_who_takes_an_order_over_learns_nothing_of_the_payment_before() -> None:
    theirs = created_event(user_id=STRANGER)
    with pytest.raises(PaymentInProgress) as under_way:
        begin(a_bill(a_payment(), order=theirs), SECOND)
    with pytest.raises(AlreadyPaid) as paid:
        begin(a_bill(a_payment(status=PaymentStatus.SUCCEEDED), order=theirs), SECOND)
    assert under_way.value.payment is paid.value.payment is None


@pytest.mark.parametrize(
    "status", [PaymentStatus.FAILED, PaymentStatus.ABANDONED, PaymentStatus.REVERSED]
)
def test_a_payment_out_of_the_way_lets_the_order_be_paid_again(status: PaymentStatus) -> None:
    assert begin(a_bill(a_payment(status=status)), SECOND).payment(SECOND).is_open


@pytest.mark.parametrize(
    ("minor", "currency"), [(9_999, None), (10_001, "usd"), (None, "eur"), (0, None)]
)
def test_a_payer_who_agreed_to_something_else_does_not_pay(
    minor_units: int | None, currency: str | None
) -> None:
    with pytest.raises(AmountMismatch) as refused:
        a_bill().claim(PAYMENT, PAYER, ExpectedAmount(minor_units, currency), GATEWAY, False, NOW)
    assert refused.value.due == PRICE


@pytest.mark.parametrize(
    "agreed", [ExpectedAmount(), ExpectedAmount(10_000), ExpectedAmount(10_000, "USD")], ids=str
)
def test_a_payer_who_agreed_to_what_is_due_pays(expected: ExpectedAmount) -> None:
    order = a_bill().claim(PAYMENT, PAYER, expected, GATEWAY, False, NOW)
    assert order.payment(PAYMENT).amount == PRICE


def test_a_claim_whose_confirmation_was_lost_is_the_same_claim() -> None:
    assert begin(claimed(), PAYMENT, after(seconds=3)) == claimed()


def test_a_payment_of_another_bill_is_not_found() -> None:
    with pytest.raises(PaymentNotFound):
        claimed().settle(SECOND, charged(SECOND), NOW)


# --- evidence in any order ---------------------------------------------------------------------

CANCEL = cancelled_event()
SAID: dict[str, Evidence] = {
    "charged": charged(),
    "declined": declined(),
    "at the bank": requires_action(),
    "no trace": NeverArrived(),
}


def ends(said: Iterable[str]) -> list[Order]:
    """How the bill ends when it hears these things, for every order of hearing them."""
    return [_told(order) for order in permutations(said)]


def _told(said: Iterable[str]) -> Order:
    order = claimed()
    for what in said:
        order = (
            order.apply(CANCEL, NOW)
            if what == "cancelled"
            else order.settle(PAYMENT, SAID[what], NOW)
        )
    return order


def sets(of: Iterable[str], always: Iterable[str] = ()) -> list[tuple[str, ...]]:
    """Every set of these things that holds what it always has to."""
    rest = [each for each in of if each not in set(always)]
    return [
        (*always, *chosen) for size in range(len(rest) + 1) for chosen in combinations(rest, size)
    ]


@pytest.mark.parametrize(
    "said",
    [
        *sets(["charged", "at the bank", "no trace"], ["charged"]),
        *sets(["declined", "at the bank", "no trace"], ["declined"]),
    ],
    ids=str,
)
def test_evidence_with_an_outcome_ends_alike_in_every_order(said: tuple[str, ...]) -> None:
    first, *others = ends(said)
    assert all(other == first for other in others)
    wanted = PaymentStatus.SUCCEEDED if "charged" in said else PaymentStatus.FAILED
    assert first.payment(PAYMENT).status is wanted


def test_without_an_outcome_the_payment_is_looked_after_in_every_order() -> None:
    for order in ends(["at the bank", "no trace"]):
        payment = order.payment(PAYMENT)
        assert payment.next_check_at is not None
        assert payment.reference is not None
        called_off = order.settle(PAYMENT, declined(code="canceled"), NOW)
        assert called_off.payment(PAYMENT).status is PaymentStatus.FAILED


@pytest.mark.parametrize("said", sets(SAID, ["charged", "cancelled"]), ids=str)
def test_a_charge_and_a_cancellation_end_with_everything_going_back_in_every_order(
    said: tuple[str, ...],
) -> None:
    for order in ends(said):
        assert order.is_cancelled
        assert order.payment(PAYMENT).is_captured
        assert [refund.amount for refund in order.refunds] == [PRICE]


@pytest.mark.parametrize("said", sets(SAID, ["charged", "declined"]), ids=str)
def test_a_charge_is_kept_if_it_was_heard_before_the_refusal_and_given_back_if_after(
    said: tuple[str, ...],
) -> None:
    for order in permutations(said):
        kept = order.index("charged") < order.index("declined")
        order = _told(order)
        assert order.payment(PAYMENT).status is (
            PaymentStatus.SUCCEEDED if kept else PaymentStatus.REVERSED
        )
        assert sum(refund.amount.minor_units for refund in order.refunds) == (
            0 if kept else PRICE.minor_units
        )


# --- late successes ----------------------------------------------------------------------------


def test_a_late_success_of_a_failed_payment_is_given_back() -> None:
    order = claimed().settle(PAYMENT, declined(), NOW).settle(PAYMENT, charged(), NOW)
    assert order.payment(PAYMENT).status is PaymentStatus.REVERSED
    assert order.status is OrderStatus.CREATED
    (refund,) = order.refunds
    assert (refund.amount, refund.reason, refund.automatic) == (PRICE, "declined_before", True)
    assert refund.is_check_due(NOW)


def test_a_late_success_of_an_abandoned_payment_is_adopted() -> None:
    order = claimed().settle(PAYMENT, NeverArrived(), NOW).settle(PAYMENT, charged(), NOW)
    assert order.payment(PAYMENT).status is PaymentStatus.SUCCEEDED
    assert order.status is OrderStatus.COMPLETE
    assert not order.refunds


@pytest.mark.parametrize("second", [None, charged(SECOND)], ids=["under way", "paid"])
def test_a_late_success_of_an_abandoned_payment_is_given_back_beside_another(
    second: Charged | None,
) -> None:
    order = begin(claimed().settle(PAYMENT, NeverArrived(), NOW), SECOND)
    if second is not None:
        order = order.settle(SECOND, second, NOW)
    before = order.payment(SECOND)
    order = order.settle(PAYMENT, charged(), NOW)
    assert order.payment(PAYMENT).status is PaymentStatus.REVERSED
    assert order.payment(SECOND) == before
    assert [refund.reason for refund in order.refunds] == ["order_already_paid"]


def test_a_success_after_the_expiry_is_given_back() -> None:
    order = created_event(expires_at=after(seconds=10))
    in_time = claimed(order=order).settle(PAYMENT, charged(), after(seconds=9))
    too_late = claimed(order=order).settle(PAYMENT, charged(), after(seconds=10))
    assert in_time.payment(PAYMENT).status is PaymentStatus.SUCCEEDED
    assert too_late.payment(PAYMENT).status is PaymentStatus.REVERSED
    assert [refund.reason for refund in too_late.refunds] == ["order_expired"]
    assert in_time.settle(PAYMENT, charged(), after(hours=1)) == in_time


@given(st.data(), st.sampled_from(["processing", "declined", "at the bank", "no trace"]))
def test_a_charge_that_is_not_the_one_asked_for_is_reviewed_and_never_called_paid(
    data: st.DataObject, before: str
) -> None:
    order = claimed() if before == "processing" else _told([before])
    wrong = data.draw(wrong_charges(order.payment(PAYMENT)))
    order = order.settle(PAYMENT, wrong, NOW)
    payment = order.payment(PAYMENT)
    assert payment.status is PaymentStatus.REVIEW
    assert payment.code in {"amount_mismatch", "currency_mismatch", "livemode_mismatch"}
    assert order.status is OrderStatus.CREATED
    assert not order.refunds
    with pytest.raises(AlreadyPaid):
        begin(order, SECOND)


def test_a_wrong_charge_that_lands_beside_another_payment_leaves_one_of_them_live() -> None:
    order = begin(claimed().settle(PAYMENT, NeverArrived(), NOW), SECOND)
    order = order.settle(PAYMENT, charged(amount=PRICE + PRICE), NOW)
    assert [payment.is_live for payment in order.payments] == [False, True]
    # One charge stands already and waits for a person: the second one goes back.
    order = order.settle(SECOND, charged(SECOND), NOW)
    assert order.payment(SECOND).status is PaymentStatus.REVERSED
    assert [refund.payment_id for refund in order.refunds] == [SECOND]


REVIEWED = dollars("7")


def reviewed() -> Order:
    """The ordinary order, of which another amount was taken than was asked for."""
    return claimed().settle(PAYMENT, charged(amount=REVIEWED), NOW)


def test_of_a_payment_under_review_what_was_taken_can_be_given_back_and_no_more() -> None:
    order = reviewed()
    assert order.refundable(order.payment(PAYMENT)) == REVIEWED
    with pytest.raises(RefundExceedsPayment):
        order.reserve_refund(RefundId("one"), PAYMENT, REVIEWED.minor_units + 1, "requested", NOW)
    order = order.reserve_refund(RefundId("one"), PAYMENT, None, "requested", NOW)
    assert [refund.amount for refund in order.refunds] == [REVIEWED]


def test_a_payment_under_review_blocks_its_order_until_nothing_of_it_is_left() -> None:
    order = reviewed().reserve_refund(RefundId("part"), PAYMENT, 1, "requested", NOW)
    with pytest.raises(AlreadyPaid):
        begin(order, SECOND)
    order = order.reserve_refund(RefundId("rest"), PAYMENT, None, "requested", NOW)
    order = begin(order, SECOND).settle(SECOND, charged(SECOND), NOW)
    assert order.payment(SECOND).status is PaymentStatus.SUCCEEDED


def test_a_payment_under_review_whose_refund_is_refused_blocks_its_order_again() -> None:
    order = reviewed().reserve_refund(RefundId("all"), PAYMENT, None, "requested", NOW)
    order = order.settle_refund(RefundId("all"), RefundFailed("charge_disputed"), NOW)
    with pytest.raises(AlreadyPaid):
        begin(order, SECOND)


@pytest.mark.parametrize("steps", list(permutations(["reviewed", "cancelled"])), ids=str)
def test_a_payment_under_review_on_a_cancelled_order_goes_back_by_itself(
    steps: tuple[str, ...],
) -> None:
    order = claimed()
    for step in steps:
        if step == "cancelled":
            order = order.apply(CANCEL, NOW)
        else:
            order = order.settle(PAYMENT, charged(amount=REVIEWED), NOW)
    assert order.payment(PAYMENT).status is PaymentStatus.REVIEW
    assert [(refund.amount, refund.automatic) for refund in order.refunds] == [(REVIEWED, True)]
    back = order.refunds[0]
    order = order.settle_refund(back.id, RefundFailed("insufficient_funds"), NOW)
    assert order.refunds[-1].amount == REVIEWED
    assert order.refunds[-1].status is RefundStatus.PENDING


# --- cancelling --------------------------------------------------------------------------------


def test_cancelling_a_paid_order_gives_back_what_is_left_at_once() -> None:
    order = paid().reserve_refund(RefundId("partial"), PAYMENT, 6_000, "requested", NOW)
    order = order.apply(CANCEL, NOW)
    assert [refund.amount for refund in order.refunds] == [dollars("60"), dollars("40")]
    assert order.apply(CANCEL, after(hours=1)) == order


def test_cancelling_an_order_whose_customer_is_at_the_bank_calls_the_payment_off() -> None:
    waiting = claimed().settle(PAYMENT, requires_action(), NOW)
    assert not waiting.should_cancel(waiting.payment(PAYMENT), NOW)
    cancelled = waiting.apply(CANCEL, NOW)
    assert cancelled.payment(PAYMENT).is_check_due(NOW)
    assert cancelled.should_cancel(cancelled.payment(PAYMENT), NOW)


def test_a_customer_is_not_waited_for_past_the_expiry_nor_for_ever() -> None:
    expiring = claimed(order=created_event(expires_at=after(minutes=5)))
    expiring = expiring.settle(PAYMENT, requires_action(), NOW)
    assert not expiring.should_cancel(expiring.payment(PAYMENT), after(minutes=4))
    assert expiring.should_cancel(expiring.payment(PAYMENT), after(minutes=5))
    endless = claimed().settle(PAYMENT, requires_action(), NOW)
    assert endless.should_cancel(endless.payment(PAYMENT), NOW + AUTHENTICATION_WINDOW)


def test_a_charge_under_way_is_never_called_off() -> None:
    order = claimed().apply(CANCEL, NOW)
    assert not order.should_cancel(order.payment(PAYMENT), after(hours=2))


@given(orders(), st.data())
def test_a_cancelled_order_ends_with_nothing_captured_once_its_refunds_succeed(
    order: Order, data: st.DataObject
) -> None:
    late = NOW + timedelta(days=3)
    order = order.apply(CANCEL, late)
    for payment in order.payments:
        if payment.is_open:
            outcomes: list[Evidence] = [charged(payment.id, payment.amount), declined(payment.id)]
            final = data.draw(st.sampled_from(outcomes))
            order = order.settle(payment.id, final, late)
    for refund in order.refunds:
        if refund.status is RefundStatus.PENDING:
            order = order.settle_refund(refund.id, Refunded(f"re_{refund.id}", refund.amount), late)
    for payment in order.payments:
        assert order.refundable(payment).is_zero
    assert all(refund.status is not RefundStatus.PENDING for refund in order.refunds)


# --- refunds -----------------------------------------------------------------------------------


def test_two_refunds_that_exceed_the_payment_together_are_not_both_reserved() -> None:
    order = paid().reserve_refund(RefundId("one"), PAYMENT, 6_000, "requested", NOW)
    with pytest.raises(RefundExceedsPayment) as refused:
        order.reserve_refund(RefundId("two"), PAYMENT, 6_000, "requested", NOW)
    assert refused.value.left == dollars("40")


@pytest.mark.parametrize("minor", [-1, 0, 10_001, 2**60])
def test_a_refund_of_nothing_or_of_more_than_was_taken_is_refused(minor_units: int) -> None:
    with pytest.raises(RefundExceedsPayment):
        paid().reserve_refund(RefundId("one"), PAYMENT, minor_units, "requested", NOW)


@pytest.mark.parametrize(
    "status",
    sorted(
        set(PaymentStatus)
        - {PaymentStatus.SUCCEEDED, PaymentStatus.REVERSED, PaymentStatus.REVIEW},
        key=str,
    ),
)
def test_money_that_was_never_taken_is_not_given_back(status: PaymentStatus) -> None:
    with pytest.raises(NotRefundable):
        a_bill(a_payment(status=status)).reserve_refund(
            RefundId("one"), PAYMENT, None, "requested", NOW
        )


def test_a_reservation_whose_confirmation_was_lost_is_the_same_reservation() -> None:
    once = paid().reserve_refund(RefundId("one"), PAYMENT, None, "requested", NOW)
    again = once.reserve_refund(RefundId("one"), PAYMENT, None, "requested", after(seconds=3))
    assert again == once


def test_a_refused_refund_frees_its_amount_for_another() -> None:
    order = paid().reserve_refund(RefundId("one"), PAYMENT, None, "requested", NOW)
    order = order.settle_refund(RefundId("one"), RefundFailed("charge_disputed"), NOW)
    order = order.reserve_refund(RefundId("two"), PAYMENT, None, "requested", NOW)
    # A late word on the first one cannot give the same money back twice.
    assert order.settle_refund(RefundId("one"), Refunded("re_1", PRICE), NOW) == order


def test_a_refusal_leaves_a_paid_order_as_it_is() -> None:
    order = paid().reserve_refund(RefundId("one"), PAYMENT, None, "requested", NOW)
    order = order.settle_refund(RefundId("one"), RefundFailed("charge_disputed"), NOW)
    assert [refund.status for refund in order.refunds] == [RefundStatus.FAILED]


def test_an_operators_refund_refused_after_a_cancellation_goes_back_by_itself() -> None:
    order = paid().reserve_refund(RefundId("one"), PAYMENT, 6_000, "requested", NOW)
    order = order.apply(CANCEL, NOW)
    order = order.settle_refund(RefundId("one"), RefundFailed("charge_disputed"), NOW)
    assert [refund.amount for refund in order.refunds if refund.reserves] == [
        dollars("40"),
        dollars("60"),
    ]
    assert order.refunds[-1].is_check_due(NOW)


@pytest.mark.parametrize(
    "bill",
    [paid().apply(CANCEL, NOW), _told(["declined", "charged"])],
    ids=["cancelled", "unwanted"],
)
def test_money_that_has_to_go_back_is_sent_again_ever_later_and_then_left_to_a_person(
    order: Order,
) -> None:
    now, waits = NOW, []
    while order.refunds[-1].status is RefundStatus.PENDING:
        last = order.refunds[-1]
        assert last.next_check_at is not None
        waits.append((last.next_check_at - now).total_seconds() / 60)
        now = last.next_check_at
        order = order.settle_refund(
            last.id, RefundFailed("insufficient_funds", f"re_{last.id}"), now
        )
    assert waits == [0, *(1 << retry for retry in range(MAX_RETRIES))]
    assert len({refund.id for refund in order.refunds}) == len(order.refunds)
    assert order.apply(CANCEL, now).refunds == order.refunds
    externally = order.reserve_refund(RefundId("by hand"), PAYMENT, None, "requested", now)
    externally = externally.settle_refund(RefundId("by hand"), Refunded("re_by_hand", PRICE), now)
    assert given_back(externally) == PRICE


def test_a_late_word_on_a_refused_refund_is_not_taken_for_the_next_one() -> None:
    order = paid().apply(CANCEL, NOW)
    first = order.refunds[0].id
    refused = RefundFailed("expired_or_canceled_card", "re_first")
    order = order.settle_refund(first, refused, NOW)
    for late in (refused, Refunded("re_first", PRICE), RefundPending("re_first")):
        assert order.settle_refund(first, late, after(hours=1)) == order
    assert [refund.status for refund in order.refunds] == [
        RefundStatus.FAILED,
        RefundStatus.PENDING,
    ]


def test_what_a_bank_sends_back_to_a_cancelled_order_goes_out_again() -> None:
    order = paid().apply(CANCEL, NOW)
    first = order.refunds[0].id
    order = order.settle_refund(first, Refunded("re_first", PRICE), NOW)
    order = order.settle_refund(first, RefundFailed("expired_or_canceled_card", "re_first"), NOW)
    assert given_back(order).is_zero
    assert order.refundable(order.payment(PAYMENT)).is_zero


def test_a_refund_of_somebody_else_changes_nothing() -> None:
    assert paid().settle_refund(RefundId("strange"), Refunded("re", PRICE), NOW) == paid()


def test_refunds_of_one_payment_leave_another_ones_alone() -> None:
    second = a_payment(SECOND, PaymentStatus.SUCCEEDED)
    first = a_payment(status=PaymentStatus.REVERSED)
    order = a_bill(first, second, refunds=(a_refund(),))
    assert order.refundable(first).is_zero
    assert order.refundable(second) == PRICE


def test_money_given_back_by_another_hand_is_in_our_books_once() -> None:
    order = paid()
    for outcome in (RefundPending("re_hand"), Refunded("re_hand", dollars("60"))) * 2:
        order = order.record_refund(CHARGE, "re_hand", dollars("60"), outcome, NOW)
    assert given_back(order) == dollars("60")
    assert order.refundable(order.payment(PAYMENT)) == dollars("40")


def test_a_refund_of_another_hand_is_asked_after_while_the_bank_has_it() -> None:
    order = paid().record_refund(CHARGE, "re_hand", dollars("60"), RefundPending("re_hand"), NOW)
    (theirs,) = order.refunds
    assert theirs.next_check_at == NOW + SETTLEMENT_CHECK_INTERVAL
    order = order.settle_refund(theirs.id, Refunded("re_hand", dollars("60")), NOW)
    assert order.refunds[0].next_check_at is None
    assert given_back(order) == dollars("60")


def test_less_given_back_than_asked_for_leaves_the_rest_to_be_given_back() -> None:
    order = paid().apply(CANCEL, NOW)
    first = order.refunds[0].id
    order = order.settle_refund(first, Refunded("re_first", dollars("60")), NOW)
    assert given_back(order) == dollars("60")
    assert order.refunds[-1].amount == dollars("40")
    assert order.refunds[-1].status is RefundStatus.PENDING


def test_our_refund_that_another_hand_made_already_is_not_counted_twice() -> None:
    order = paid().apply(CANCEL, NOW)
    done = Refunded("re_hand", PRICE)
    noticed = order.record_refund(CHARGE, "re_hand", PRICE, done, NOW)
    for told in (
        noticed.settle_refund(order.refunds[0].id, done, NOW),
        order.settle_refund(order.refunds[0].id, done, NOW).record_refund(
            CHARGE, "re_hand", PRICE, done, NOW
        ),
    ):
        assert given_back(told) == PRICE
        assert all(refund.status is not RefundStatus.PENDING for refund in told.refunds)


def test_what_another_hand_left_of_a_cancelled_order_goes_back() -> None:
    order = paid().apply(CANCEL, NOW)
    order = order.record_refund(
        CHARGE, "re_hand", dollars("60"), Refunded("re_hand", dollars("60")), NOW
    )
    order = order.settle_refund(order.refunds[0].id, RefundFailed("amount_too_large"), NOW)
    assert order.refunds[-1].amount == dollars("40")
    assert order.refunds[-1].status is RefundStatus.PENDING


def test_what_is_said_of_a_strange_charge_changes_nothing() -> None:
    done = Refunded("re_hand", PRICE)
    strange = ChargeId("ch_strange")
    assert paid().record_refund(strange, "re_hand", PRICE, done, NOW) == paid()
    assert (
        paid().record_dispute(DISPUTE, strange, PRICE, "fraudulent", DisputeStatus.OPEN) == paid()
    )


@pytest.mark.parametrize("end", [DisputeStatus.WON, DisputeStatus.LOST])
def test_a_dispute_ends_as_decided_in_either_order_of_hearing_of_it(end: DisputeStatus) -> None:
    ends = []
    for said in permutations([DisputeStatus.OPEN, end, end]):
        order = paid()
        for status in said:
            order = order.record_dispute(DISPUTE, CHARGE, PRICE, "fraudulent", status)
        ends.append(order)
    assert {order.disputes[0].status for order in ends} == {end}
    assert all(order.payments == paid().payments for order in ends)


# --- completing --------------------------------------------------------------------------------


@given(orders())
def test_completing_twice_changes_nothing_and_never_undoes_a_cancellation(order: Order) -> None:
    completed = order.complete()
    assert completed.complete() == completed
    assert completed.order.is_cancelled == order.is_cancelled
    assert evolve(completed, order=order.replica) == order


@given(orders(), st.data())
def test_settling_a_captured_payment_again_changes_nothing(
    order: Order, data: st.DataObject
) -> None:
    for payment in order.payments:
        if payment.is_captured and payment.status is not PaymentStatus.REVIEW:
            said: Evidence = data.draw(evidence(payment))
            assert order.settle(payment.id, said, after(days=2)) == order
