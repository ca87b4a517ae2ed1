"""A bill is paid at most once, gives back at most what it took, and ends alike however it is told."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import combinations, permutations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from domain.bill import (
    Agreed,
    AlreadyPaid,
    AmountDiffers,
    Bill,
    NotRefundable,
    OrderNotFound,
    PaymentNotFound,
    PaymentUnderWay,
    RefundExceedsPayment,
)
from domain.dispute import DisputeId, DisputeStatus
from domain.money import Money
from domain.order import NotYourOrder, Order, OrderCancelled, OrderExpired, OrderStatus
from domain.payment import (
    AUTHENTICATION_WINDOW,
    Charged,
    ChargeId,
    Evidence,
    NeverArrived,
    PaymentId,
    PaymentStatus,
)
from domain.refund import (
    MOST_RETRIES,
    SETTLEMENT_LOOK,
    Refunded,
    RefundId,
    RefundRefused,
    RefundStatus,
    RefundUnderWay,
)
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
from tests.strategies import bills, evidence, wrong_charges

SECOND = PaymentId("payment-2")
CHARGE = charged().charge_id
DISPUTE = DisputeId("dp_1")


def paid() -> Bill:
    """The ordinary order, paid."""
    return claimed().settle(PAYMENT, charged(), NOW)


def given_back(bill: Bill) -> Money:
    """What has been given back of its first payment."""
    total = Money(0, PRICE.currency)
    for refund in bill.refunds:
        if refund.payment_id == PAYMENT and refund.status is RefundStatus.SUCCEEDED:
            total += refund.amount
    return total


# --- claiming ----------------------------------------------------------------------------------


def test_a_claim_is_for_what_is_due() -> None:
    payment = claimed().payment(PAYMENT)
    assert payment.amount == PRICE
    assert (payment.order_id, payment.user_id) == (ORDER, PAYER)
    assert payment.status is PaymentStatus.PROCESSING
    assert payment.look_at is not None


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
def test_an_order_that_may_not_be_paid_is_not_claimed(order: Order, error: type[Exception]) -> None:
    with pytest.raises(error):
        a_bill(order=order).claim(PAYMENT, PAYER, Agreed(), GATEWAY, False, NOW)


@pytest.mark.parametrize("status", [PaymentStatus.PROCESSING, PaymentStatus.REQUIRES_ACTION])
def test_a_payment_under_way_keeps_out_another(status: PaymentStatus) -> None:
    first = a_payment(status=status)
    with pytest.raises(PaymentUnderWay) as refused:
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
    with pytest.raises(PaymentUnderWay) as under_way:
        begin(a_bill(a_payment(), order=theirs), SECOND)
    with pytest.raises(AlreadyPaid) as paid:
        begin(a_bill(a_payment(status=PaymentStatus.SUCCEEDED), order=theirs), SECOND)
    assert under_way.value.payment is paid.value.payment is None


@pytest.mark.parametrize(
    "status", [PaymentStatus.FAILED, PaymentStatus.ABANDONED, PaymentStatus.UNWANTED]
)
def test_a_payment_out_of_the_way_lets_the_order_be_paid_again(status: PaymentStatus) -> None:
    assert begin(a_bill(a_payment(status=status)), SECOND).payment(SECOND).is_open


@pytest.mark.parametrize(
    ("minor", "currency"), [(9_999, None), (10_001, "usd"), (None, "eur"), (0, None)]
)
def test_a_payer_who_agreed_to_something_else_does_not_pay(
    minor: int | None, currency: str | None
) -> None:
    with pytest.raises(AmountDiffers) as refused:
        a_bill().claim(PAYMENT, PAYER, Agreed(minor, currency), GATEWAY, False, NOW)
    assert refused.value.due == PRICE


@pytest.mark.parametrize("agreed", [Agreed(), Agreed(10_000), Agreed(10_000, "USD")], ids=str)
def test_a_payer_who_agreed_to_what_is_due_pays(agreed: Agreed) -> None:
    bill = a_bill().claim(PAYMENT, PAYER, agreed, GATEWAY, False, NOW)
    assert bill.payment(PAYMENT).amount == PRICE


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


def ends(said: Iterable[str]) -> list[Bill]:
    """How the bill ends when it hears these things, for every order of hearing them."""
    return [_told(order) for order in permutations(said)]


def _told(said: Iterable[str]) -> Bill:
    bill = claimed()
    for what in said:
        bill = (
            bill.hear(CANCEL, NOW) if what == "cancelled" else bill.settle(PAYMENT, SAID[what], NOW)
        )
    return bill


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
    for bill in ends(["at the bank", "no trace"]):
        payment = bill.payment(PAYMENT)
        assert payment.look_at is not None
        assert payment.reference is not None
        called_off = bill.settle(PAYMENT, declined(code="canceled"), NOW)
        assert called_off.payment(PAYMENT).status is PaymentStatus.FAILED


@pytest.mark.parametrize("said", sets(SAID, ["charged", "cancelled"]), ids=str)
def test_a_charge_and_a_cancellation_end_with_everything_going_back_in_every_order(
    said: tuple[str, ...],
) -> None:
    for bill in ends(said):
        assert bill.order.is_cancelled
        assert bill.payment(PAYMENT).is_captured
        assert [refund.amount for refund in bill.refunds] == [PRICE]


@pytest.mark.parametrize("said", sets(SAID, ["charged", "declined"]), ids=str)
def test_a_charge_is_kept_if_it_was_heard_before_the_refusal_and_given_back_if_after(
    said: tuple[str, ...],
) -> None:
    for order in permutations(said):
        kept = order.index("charged") < order.index("declined")
        bill = _told(order)
        assert bill.payment(PAYMENT).status is (
            PaymentStatus.SUCCEEDED if kept else PaymentStatus.UNWANTED
        )
        assert sum(refund.amount.minor for refund in bill.refunds) == (0 if kept else PRICE.minor)


# --- late successes ----------------------------------------------------------------------------


def test_a_late_success_of_a_failed_payment_is_given_back() -> None:
    bill = claimed().settle(PAYMENT, declined(), NOW).settle(PAYMENT, charged(), NOW)
    assert bill.payment(PAYMENT).status is PaymentStatus.UNWANTED
    assert bill.order.status is OrderStatus.CREATED
    (refund,) = bill.refunds
    assert (refund.amount, refund.reason, refund.automatic) == (PRICE, "declined_before", True)
    assert refund.is_due(NOW)


def test_a_late_success_of_an_abandoned_payment_is_adopted() -> None:
    bill = claimed().settle(PAYMENT, NeverArrived(), NOW).settle(PAYMENT, charged(), NOW)
    assert bill.payment(PAYMENT).status is PaymentStatus.SUCCEEDED
    assert bill.order.status is OrderStatus.COMPLETE
    assert not bill.refunds


@pytest.mark.parametrize("second", [None, charged(SECOND)], ids=["under way", "paid"])
def test_a_late_success_of_an_abandoned_payment_is_given_back_beside_another(
    second: Charged | None,
) -> None:
    bill = begin(claimed().settle(PAYMENT, NeverArrived(), NOW), SECOND)
    if second is not None:
        bill = bill.settle(SECOND, second, NOW)
    before = bill.payment(SECOND)
    bill = bill.settle(PAYMENT, charged(), NOW)
    assert bill.payment(PAYMENT).status is PaymentStatus.UNWANTED
    assert bill.payment(SECOND) == before
    assert [refund.reason for refund in bill.refunds] == ["order_already_paid"]


def test_a_success_after_the_expiry_is_given_back() -> None:
    order = created_event(expires_at=after(seconds=10))
    in_time = claimed(order=order).settle(PAYMENT, charged(), after(seconds=9))
    too_late = claimed(order=order).settle(PAYMENT, charged(), after(seconds=10))
    assert in_time.payment(PAYMENT).status is PaymentStatus.SUCCEEDED
    assert too_late.payment(PAYMENT).status is PaymentStatus.UNWANTED
    assert [refund.reason for refund in too_late.refunds] == ["order_expired"]
    assert in_time.settle(PAYMENT, charged(), after(hours=1)) == in_time


@given(st.data(), st.sampled_from(["processing", "declined", "at the bank", "no trace"]))
def test_a_charge_that_is_not_the_one_asked_for_is_reviewed_and_never_called_paid(
    data: st.DataObject, before: str
) -> None:
    bill = claimed() if before == "processing" else _told([before])
    wrong = data.draw(wrong_charges(bill.payment(PAYMENT)))
    bill = bill.settle(PAYMENT, wrong, NOW)
    payment = bill.payment(PAYMENT)
    assert payment.status is PaymentStatus.REVIEW
    assert payment.code in {"amount_mismatch", "currency_mismatch", "livemode_mismatch"}
    assert bill.order.status is OrderStatus.CREATED
    assert not bill.refunds
    with pytest.raises(AlreadyPaid):
        begin(bill, SECOND)


def test_a_wrong_charge_that_lands_beside_another_payment_leaves_one_of_them_live() -> None:
    bill = begin(claimed().settle(PAYMENT, NeverArrived(), NOW), SECOND)
    bill = bill.settle(PAYMENT, charged(amount=PRICE + PRICE), NOW)
    assert [payment.is_live for payment in bill.payments] == [False, True]
    # One charge stands already and waits for a person: the second one goes back.
    bill = bill.settle(SECOND, charged(SECOND), NOW)
    assert bill.payment(SECOND).status is PaymentStatus.UNWANTED
    assert [refund.payment_id for refund in bill.refunds] == [SECOND]


REVIEWED = dollars("7")


def reviewed() -> Bill:
    """The ordinary order, of which another amount was taken than was asked for."""
    return claimed().settle(PAYMENT, charged(amount=REVIEWED), NOW)


def test_of_a_payment_under_review_what_was_taken_can_be_given_back_and_no_more() -> None:
    bill = reviewed()
    assert bill.refundable(bill.payment(PAYMENT)) == REVIEWED
    with pytest.raises(RefundExceedsPayment):
        bill.reserve_refund(RefundId("one"), PAYMENT, REVIEWED.minor + 1, "requested", NOW)
    bill = bill.reserve_refund(RefundId("one"), PAYMENT, None, "requested", NOW)
    assert [refund.amount for refund in bill.refunds] == [REVIEWED]


def test_a_payment_under_review_blocks_its_order_until_nothing_of_it_is_left() -> None:
    bill = reviewed().reserve_refund(RefundId("part"), PAYMENT, 1, "requested", NOW)
    with pytest.raises(AlreadyPaid):
        begin(bill, SECOND)
    bill = bill.reserve_refund(RefundId("rest"), PAYMENT, None, "requested", NOW)
    bill = begin(bill, SECOND).settle(SECOND, charged(SECOND), NOW)
    assert bill.payment(SECOND).status is PaymentStatus.SUCCEEDED


def test_a_payment_under_review_whose_refund_is_refused_blocks_its_order_again() -> None:
    bill = reviewed().reserve_refund(RefundId("all"), PAYMENT, None, "requested", NOW)
    bill = bill.settle_refund(RefundId("all"), RefundRefused("charge_disputed"), NOW)
    with pytest.raises(AlreadyPaid):
        begin(bill, SECOND)


@pytest.mark.parametrize("steps", list(permutations(["reviewed", "cancelled"])), ids=str)
def test_a_payment_under_review_on_a_cancelled_order_goes_back_by_itself(
    steps: tuple[str, ...],
) -> None:
    bill = claimed()
    for step in steps:
        if step == "cancelled":
            bill = bill.hear(CANCEL, NOW)
        else:
            bill = bill.settle(PAYMENT, charged(amount=REVIEWED), NOW)
    assert bill.payment(PAYMENT).status is PaymentStatus.REVIEW
    assert [(refund.amount, refund.automatic) for refund in bill.refunds] == [(REVIEWED, True)]
    back = bill.refunds[0]
    bill = bill.settle_refund(back.id, RefundRefused("insufficient_funds"), NOW)
    assert bill.refunds[-1].amount == REVIEWED
    assert bill.refunds[-1].status is RefundStatus.PENDING


# --- cancelling --------------------------------------------------------------------------------


def test_cancelling_a_paid_order_gives_back_what_is_left_at_once() -> None:
    bill = paid().reserve_refund(RefundId("partial"), PAYMENT, 6_000, "requested", NOW)
    bill = bill.hear(CANCEL, NOW)
    assert [refund.amount for refund in bill.refunds] == [dollars("60"), dollars("40")]
    assert bill.hear(CANCEL, after(hours=1)) == bill


def test_cancelling_an_order_whose_customer_is_at_the_bank_calls_the_payment_off() -> None:
    waiting = claimed().settle(PAYMENT, requires_action(), NOW)
    assert not waiting.calls_off(waiting.payment(PAYMENT), NOW)
    cancelled = waiting.hear(CANCEL, NOW)
    assert cancelled.payment(PAYMENT).is_due(NOW)
    assert cancelled.calls_off(cancelled.payment(PAYMENT), NOW)


def test_a_customer_is_not_waited_for_past_the_expiry_nor_for_ever() -> None:
    expiring = claimed(order=created_event(expires_at=after(minutes=5)))
    expiring = expiring.settle(PAYMENT, requires_action(), NOW)
    assert not expiring.calls_off(expiring.payment(PAYMENT), after(minutes=4))
    assert expiring.calls_off(expiring.payment(PAYMENT), after(minutes=5))
    endless = claimed().settle(PAYMENT, requires_action(), NOW)
    assert endless.calls_off(endless.payment(PAYMENT), NOW + AUTHENTICATION_WINDOW)


def test_a_charge_under_way_is_never_called_off() -> None:
    bill = claimed().hear(CANCEL, NOW)
    assert not bill.calls_off(bill.payment(PAYMENT), after(hours=2))


@given(bills(), st.data())
def test_a_cancelled_order_ends_with_nothing_captured_once_its_refunds_succeed(
    bill: Bill, data: st.DataObject
) -> None:
    late = NOW + timedelta(days=3)
    bill = bill.hear(CANCEL, late)
    for payment in bill.payments:
        if payment.is_open:
            outcomes: list[Evidence] = [charged(payment.id, payment.amount), declined(payment.id)]
            final = data.draw(st.sampled_from(outcomes))
            bill = bill.settle(payment.id, final, late)
    for refund in bill.refunds:
        if refund.status is RefundStatus.PENDING:
            bill = bill.settle_refund(refund.id, Refunded(f"re_{refund.id}", refund.amount), late)
    for payment in bill.payments:
        assert bill.refundable(payment).is_zero
    assert all(refund.status is not RefundStatus.PENDING for refund in bill.refunds)


# --- refunds -----------------------------------------------------------------------------------


def test_two_refunds_that_exceed_the_payment_together_are_not_both_reserved() -> None:
    bill = paid().reserve_refund(RefundId("one"), PAYMENT, 6_000, "requested", NOW)
    with pytest.raises(RefundExceedsPayment) as refused:
        bill.reserve_refund(RefundId("two"), PAYMENT, 6_000, "requested", NOW)
    assert refused.value.left == dollars("40")


@pytest.mark.parametrize("minor", [-1, 0, 10_001, 2**60])
def test_a_refund_of_nothing_or_of_more_than_was_taken_is_refused(minor: int) -> None:
    with pytest.raises(RefundExceedsPayment):
        paid().reserve_refund(RefundId("one"), PAYMENT, minor, "requested", NOW)


@pytest.mark.parametrize(
    "status",
    sorted(
        set(PaymentStatus)
        - {PaymentStatus.SUCCEEDED, PaymentStatus.UNWANTED, PaymentStatus.REVIEW},
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
    bill = paid().reserve_refund(RefundId("one"), PAYMENT, None, "requested", NOW)
    bill = bill.settle_refund(RefundId("one"), RefundRefused("charge_disputed"), NOW)
    bill = bill.reserve_refund(RefundId("two"), PAYMENT, None, "requested", NOW)
    # A late word on the first one cannot give the same money back twice.
    assert bill.settle_refund(RefundId("one"), Refunded("re_1", PRICE), NOW) == bill


def test_a_refusal_leaves_a_paid_order_as_it_is() -> None:
    bill = paid().reserve_refund(RefundId("one"), PAYMENT, None, "requested", NOW)
    bill = bill.settle_refund(RefundId("one"), RefundRefused("charge_disputed"), NOW)
    assert [refund.status for refund in bill.refunds] == [RefundStatus.FAILED]


def test_an_operators_refund_refused_after_a_cancellation_goes_back_by_itself() -> None:
    bill = paid().reserve_refund(RefundId("one"), PAYMENT, 6_000, "requested", NOW)
    bill = bill.hear(CANCEL, NOW)
    bill = bill.settle_refund(RefundId("one"), RefundRefused("charge_disputed"), NOW)
    assert [refund.amount for refund in bill.refunds if refund.reserves] == [
        dollars("40"),
        dollars("60"),
    ]
    assert bill.refunds[-1].is_due(NOW)


@pytest.mark.parametrize(
    "bill",
    [paid().hear(CANCEL, NOW), _told(["declined", "charged"])],
    ids=["cancelled", "unwanted"],
)
def test_money_that_has_to_go_back_is_sent_again_ever_later_and_then_left_to_a_person(
    bill: Bill,
) -> None:
    now, waits = NOW, []
    while bill.refunds[-1].status is RefundStatus.PENDING:
        last = bill.refunds[-1]
        assert last.look_at is not None
        waits.append((last.look_at - now).total_seconds() / 60)
        now = last.look_at
        bill = bill.settle_refund(
            last.id, RefundRefused("insufficient_funds", f"re_{last.id}"), now
        )
    assert waits == [0, *(1 << retry for retry in range(MOST_RETRIES))]
    assert len({refund.id for refund in bill.refunds}) == len(bill.refunds)
    assert bill.hear(CANCEL, now).refunds == bill.refunds
    by_hand = bill.reserve_refund(RefundId("by hand"), PAYMENT, None, "requested", now)
    by_hand = by_hand.settle_refund(RefundId("by hand"), Refunded("re_by_hand", PRICE), now)
    assert given_back(by_hand) == PRICE


def test_a_late_word_on_a_refused_refund_is_not_taken_for_the_next_one() -> None:
    bill = paid().hear(CANCEL, NOW)
    first = bill.refunds[0].id
    refused = RefundRefused("expired_or_canceled_card", "re_first")
    bill = bill.settle_refund(first, refused, NOW)
    for late in (refused, Refunded("re_first", PRICE), RefundUnderWay("re_first")):
        assert bill.settle_refund(first, late, after(hours=1)) == bill
    assert [refund.status for refund in bill.refunds] == [RefundStatus.FAILED, RefundStatus.PENDING]


def test_what_a_bank_sends_back_to_a_cancelled_order_goes_out_again() -> None:
    bill = paid().hear(CANCEL, NOW)
    first = bill.refunds[0].id
    bill = bill.settle_refund(first, Refunded("re_first", PRICE), NOW)
    bill = bill.settle_refund(first, RefundRefused("expired_or_canceled_card", "re_first"), NOW)
    assert given_back(bill).is_zero
    assert bill.refundable(bill.payment(PAYMENT)).is_zero


def test_a_refund_of_somebody_else_changes_nothing() -> None:
    assert paid().settle_refund(RefundId("strange"), Refunded("re", PRICE), NOW) == paid()


def test_refunds_of_one_payment_leave_another_ones_alone() -> None:
    second = a_payment(SECOND, PaymentStatus.SUCCEEDED)
    first = a_payment(status=PaymentStatus.UNWANTED)
    bill = a_bill(first, second, refunds=(a_refund(),))
    assert bill.refundable(first).is_zero
    assert bill.refundable(second) == PRICE


def test_money_given_back_by_another_hand_is_in_our_books_once() -> None:
    bill = paid()
    for outcome in (RefundUnderWay("re_hand"), Refunded("re_hand", dollars("60"))) * 2:
        bill = bill.hear_refund(CHARGE, "re_hand", dollars("60"), outcome, NOW)
    assert given_back(bill) == dollars("60")
    assert bill.refundable(bill.payment(PAYMENT)) == dollars("40")


def test_a_refund_of_another_hand_is_asked_after_while_the_bank_has_it() -> None:
    bill = paid().hear_refund(CHARGE, "re_hand", dollars("60"), RefundUnderWay("re_hand"), NOW)
    (theirs,) = bill.refunds
    assert theirs.look_at == NOW + SETTLEMENT_LOOK
    bill = bill.settle_refund(theirs.id, Refunded("re_hand", dollars("60")), NOW)
    assert bill.refunds[0].look_at is None
    assert given_back(bill) == dollars("60")


def test_less_given_back_than_asked_for_leaves_the_rest_to_be_given_back() -> None:
    bill = paid().hear(CANCEL, NOW)
    first = bill.refunds[0].id
    bill = bill.settle_refund(first, Refunded("re_first", dollars("60")), NOW)
    assert given_back(bill) == dollars("60")
    assert bill.refunds[-1].amount == dollars("40")
    assert bill.refunds[-1].status is RefundStatus.PENDING


def test_our_refund_that_another_hand_made_already_is_not_counted_twice() -> None:
    bill = paid().hear(CANCEL, NOW)
    done = Refunded("re_hand", PRICE)
    noticed = bill.hear_refund(CHARGE, "re_hand", PRICE, done, NOW)
    for told in (
        noticed.settle_refund(bill.refunds[0].id, done, NOW),
        bill.settle_refund(bill.refunds[0].id, done, NOW).hear_refund(
            CHARGE, "re_hand", PRICE, done, NOW
        ),
    ):
        assert given_back(told) == PRICE
        assert all(refund.status is not RefundStatus.PENDING for refund in told.refunds)


def test_what_another_hand_left_of_a_cancelled_order_goes_back() -> None:
    bill = paid().hear(CANCEL, NOW)
    bill = bill.hear_refund(
        CHARGE, "re_hand", dollars("60"), Refunded("re_hand", dollars("60")), NOW
    )
    bill = bill.settle_refund(bill.refunds[0].id, RefundRefused("amount_too_large"), NOW)
    assert bill.refunds[-1].amount == dollars("40")
    assert bill.refunds[-1].status is RefundStatus.PENDING


def test_what_is_said_of_a_strange_charge_changes_nothing() -> None:
    done = Refunded("re_hand", PRICE)
    strange = ChargeId("ch_strange")
    assert paid().hear_refund(strange, "re_hand", PRICE, done, NOW) == paid()
    assert paid().hear_dispute(DISPUTE, strange, PRICE, "fraudulent", DisputeStatus.OPEN) == paid()


@pytest.mark.parametrize("end", [DisputeStatus.WON, DisputeStatus.LOST])
def test_a_dispute_ends_as_decided_in_either_order_of_hearing_of_it(end: DisputeStatus) -> None:
    ends = []
    for said in permutations([DisputeStatus.OPEN, end, end]):
        bill = paid()
        for status in said:
            bill = bill.hear_dispute(DISPUTE, CHARGE, PRICE, "fraudulent", status)
        ends.append(bill)
    assert {bill.disputes[0].status for bill in ends} == {end}
    assert all(bill.payments == paid().payments for bill in ends)


# --- completing --------------------------------------------------------------------------------


@given(bills())
def test_completing_twice_changes_nothing_and_never_undoes_a_cancellation(bill: Bill) -> None:
    completed = bill.complete()
    assert completed.complete() == completed
    assert completed.order.is_cancelled == bill.order.is_cancelled
    assert evolve(completed, order=bill.order) == bill


@given(bills(), st.data())
def test_settling_a_captured_payment_again_changes_nothing(bill: Bill, data: st.DataObject) -> None:
    for payment in bill.payments:
        if payment.is_captured and payment.status is not PaymentStatus.REVIEW:
            said: Evidence = data.draw(evidence(payment))
            assert bill.settle(payment.id, said, after(days=2)) == bill
