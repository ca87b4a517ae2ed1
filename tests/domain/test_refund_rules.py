"""An order gives back at most what was captured, once, and all of it if it may not keep it."""

from datetime import timedelta
from itertools import permutations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from domain.claim import AlreadyPaid
from domain.dispute import DisputeStatus
from domain.identifiers import ChargeId, DisputeId, PaymentId, RefundId
from domain.money import Currency, Money
from domain.order import Order
from domain.outcome import Evidence
from domain.payment_status import CAPTURED, PaymentStatus
from domain.refund import (
    CURRENCY_MISMATCH,
    DOUBTFUL,
    EXCEEDS_PAYMENT,
    SETTLEMENT_CHECK_INTERVAL,
    TRANSITIONS,
    Refunded,
    RefundFailed,
    RefundOutcome,
    RefundPending,
    RefundStatus,
    ReportedRefund,
)
from domain.refund_rules import (
    EXTERNAL_REFUND,
    MAX_RETRIES,
    NotRefundable,
    RefundExceedsPayment,
    automatic_refund,
)
from tests.builders import (
    NOW,
    PAYMENT,
    PRICE,
    a_payment,
    a_refund,
    after,
    an_order,
    cancelled_event,
    charged,
    claimed,
    declined,
    dollars,
    start_payment,
)
from tests.strategies import orders

SECOND = PaymentId("payment-2")
CHARGE = charged().charge_id
DISPUTE = DisputeId("dp_1")
CANCELLED = cancelled_event()
SIXTY = dollars("60")
BY_US, EXTERNALLY = Refunded("re_1", PRICE), Refunded("re_external", PRICE)
FAILED = RefundStatus.FAILED
RETURNED = RefundFailed("expired_or_canceled_card", "re_1")
REFUSED = RefundFailed("charge_disputed")


def paid() -> Order:
    """Return the default order, paid."""
    return claimed().settle(PAYMENT, charged(), NOW)


def reserve(order: Order, refund_id: str, minor_units: int | None = None) -> Order:
    """Return the order after an operator has requested a refund."""
    return order.reserve_refund(RefundId(refund_id), PAYMENT, minor_units, "requested", NOW)


def settle(order: Order, refund_id: str, *outcomes: RefundOutcome) -> Order:
    """Return the order after these reports about a refund."""
    for outcome in outcomes:
        order = order.settle_refund(RefundId(refund_id), outcome, NOW)
    return order


def reserve_and_settle(order: Order, amount: Money) -> Order:
    """Return the order after a refund of ours has succeeded."""
    order = reserve(order, "ours", amount.minor_units)
    return settle(order, "ours", Refunded("re_ours", amount))


def record(order: Order, outcome: RefundOutcome, amount: Money = SIXTY) -> Order:
    """Return the order after a report about an external refund."""
    return order.record_refunds(CHARGE, [ReportedRefund("re_external", amount, outcome)], NOW)


def given_back(order: Order) -> Money:
    """Return what has been given back of the first payment."""
    done = [each for each in order.refunds if each.status is RefundStatus.SUCCEEDED]
    return sum((each.amount for each in done if each.payment_id == PAYMENT), dollars("0"))


@pytest.mark.parametrize("is_reversed", [False, True])
def test_a_refund_counts_although_one_of_everything_that_came_back_is_listed_too(
    is_reversed: bool,
) -> None:
    everything, later = dollars("100"), dollars("30")
    order = record(paid(), Refunded("re_external", everything), everything)
    told = [
        ReportedRefund("re_external", everything, RefundFailed("card_expired", "re_external")),
        ReportedRefund("re_later", later, Refunded("re_later", later)),
    ]
    order = order.record_refunds(CHARGE, told[::-1] if is_reversed else told, NOW)
    assert given_back(order) == later
    assert order.refundable(order.payments[0]) == dollars("70")


# --- requested refunds -------------------------------------------------------------------------


@pytest.mark.parametrize("minor_units", [-1, 0, 4_001, 2**60])
def test_a_refund_of_nothing_or_of_more_than_is_left_is_refused(minor_units: int) -> None:
    order = reserve(paid(), "one", 6_000)
    with pytest.raises(RefundExceedsPayment) as error:
        reserve(order, "two", minor_units)
    assert error.value.left == dollars("40")


@pytest.mark.parametrize("status", sorted(set(PaymentStatus) - CAPTURED, key=str))
def test_a_payment_that_was_not_captured_is_not_refundable(status: PaymentStatus) -> None:
    with pytest.raises(NotRefundable):
        reserve(an_order(a_payment(status=status)), "one")


def test_a_repeated_reservation_changes_nothing() -> None:
    once = reserve(paid(), "one")
    again = once.reserve_refund(RefundId("one"), PAYMENT, None, "requested", after(seconds=3))
    assert again == once


def test_a_failed_refund_releases_its_amount_for_another_one() -> None:
    order = settle(reserve(paid(), "one"), "one", REFUSED)
    assert [refund.status for refund in order.refunds] == [RefundStatus.FAILED]
    order = reserve(order, "two")
    # A late report about the first refund must not give the same money back twice.
    assert settle(order, "one", BY_US) == order


def test_a_refund_of_one_payment_leaves_another_one_refundable() -> None:
    first = a_payment(status=PaymentStatus.REVERSED)
    second = a_payment(SECOND, PaymentStatus.SUCCEEDED)
    order = an_order(first, second, refunds=(a_refund(),))
    assert order.refundable(first).is_zero
    assert order.refundable(second) == PRICE


@pytest.mark.parametrize("before", RefundStatus)
@pytest.mark.parametrize("wanted", RefundStatus)
def test_exactly_the_transitions_in_the_table_can_be_reached(
    before: RefundStatus, wanted: RefundStatus
) -> None:
    reports: dict[RefundStatus, RefundOutcome] = {
        RefundStatus.PENDING: RefundPending("re_1"),
        RefundStatus.SUCCEEDED: BY_US,
        RefundStatus.FAILED: RETURNED,
    }
    order = settle(reserve(paid(), "one"), "one", reports[before])
    assert order.refunds[0].status is before
    reached = settle(order, "one", reports[wanted]).refunds[0].status
    assert reached is (wanted if wanted in TRANSITIONS[before] else before)


# --- payments in review ------------------------------------------------------------------------

SEVEN = dollars("7")


def in_review() -> Order:
    """Return the default order, for which another amount was captured than requested."""
    return claimed().settle(PAYMENT, charged(amount=SEVEN), NOW)


def test_a_payment_in_review_blocks_its_order_until_the_captured_amount_is_refunded() -> None:
    with pytest.raises(RefundExceedsPayment):
        reserve(in_review(), "one", SEVEN.minor_units + 1)
    order = reserve(in_review(), "part", 1)
    with pytest.raises(AlreadyPaid):
        start_payment(order, SECOND)
    order = reserve(order, "rest")
    assert order.refunds[-1].amount == dollars("6.99")
    with pytest.raises(AlreadyPaid):  # the bank may still reject them
        start_payment(order, SECOND)
    reserved = order
    for refund in reserved.refunds:
        order = settle(order, refund.id, Refunded(f"re_{refund.id}", refund.amount))
    second = start_payment(order, SECOND).settle(SECOND, charged(SECOND), NOW)
    assert second.payment(SECOND).status is PaymentStatus.SUCCEEDED
    with pytest.raises(AlreadyPaid):
        start_payment(settle(reserved, "rest", REFUSED), SECOND)


# --- automatic refunds -------------------------------------------------------------------------


PART = reserve(paid(), "part", 6_000).apply(CANCELLED, NOW)
WRONG = claimed().apply(CANCELLED, NOW).settle(PAYMENT, charged(amount=SEVEN), NOW)


@pytest.mark.parametrize("order", [PART, in_review().apply(CANCELLED, NOW), WRONG])
@pytest.mark.parametrize("reports", ["failed", "returned", "in part", "in part externally"])
def test_a_cancelled_order_gives_all_of_its_payment_back_whatever_happens_to_its_refunds(
    order: Order, reports: str
) -> None:
    captured, some = order.payment(PAYMENT).captured_amount, dollars("2")
    assert order.apply(CANCELLED, after(hours=1)) == order
    for refund in order.refunds:
        reference = f"re_{refund.id}"
        if reports == "in part externally":
            order = record(order, Refunded("re_external", some), some)
        if reports in ("returned", "in part"):
            order = settle(order, refund.id, Refunded(reference, some))
        if reports != "in part":
            order = settle(order, refund.id, RefundFailed("refused", reference))
    reserved = [refund for refund in order.refunds if refund.is_reserved]
    assert sum((refund.amount for refund in reserved), dollars("0")) == captured
    pending = [refund for refund in reserved if refund.status is RefundStatus.PENDING]
    assert all(refund.automatic and refund.is_check_due(after(minutes=2)) for refund in pending)


@pytest.mark.parametrize(
    "order",
    [
        paid().apply(CANCELLED, NOW),
        claimed().settle(PAYMENT, declined(), NOW).settle(PAYMENT, charged(), NOW),
    ],
    ids=["cancelled", "reversed"],
)
def test_an_automatic_refund_is_retried_ever_later_and_then_left_to_an_operator(
    order: Order,
) -> None:
    now, minutes, sent = NOW, [], list[str]()
    while order.refunds[-1].status is RefundStatus.PENDING:
        last = order.refunds[-1]
        assert last.id not in sent
        assert last.next_check_at is not None
        sent.append(last.id)
        minutes.append((last.next_check_at - now).total_seconds() / 60)
        now = last.next_check_at
        failed = RefundFailed("insufficient_funds", f"re_{last.id}")
        order = order.settle_refund(last.id, failed, now)
    assert minutes == [0, *(1 << retry for retry in range(MAX_RETRIES))]
    assert timedelta(hours=17) <= now - NOW < timedelta(hours=18)
    assert [refund.id for refund in order.refunds] == sent
    assert order.apply(CANCELLED, now).refunds == order.refunds
    assert given_back(settle(reserve(order, "manual"), "manual", BY_US)) == PRICE


@given(failures=st.integers(0, MAX_RETRIES + 1), others=st.integers(0, MAX_RETRIES + 1))
def test_failed_refunds_of_one_payment_delay_and_end_no_refund_of_another(
    failures: int, others: int
) -> None:
    first, second = (a_payment(each, PaymentStatus.REVERSED) for each in (PAYMENT, SECOND))
    own, of_another = (
        tuple(
            evolve(
                a_refund(f"{each.id}-{number}", payment_id=each.id, status=FAILED), automatic=True
            )
            for number in range(times)
        )
        for each, times in ((first, failures), (second, others))
    )
    alone = automatic_refund(first, own, NOW)
    assert automatic_refund(first, (*own, *of_another), NOW) == alone


def test_a_failed_automatic_refund_is_not_changed_by_late_reports() -> None:
    order = paid().apply(CANCELLED, NOW)
    first = order.refunds[0].id
    order = settle(order, first, RETURNED)
    for late in (RETURNED, BY_US, RefundPending("re_1")):
        assert order.settle_refund(first, late, after(hours=1)) == order


@given(orders(), st.data())
def test_a_cancelled_order_keeps_nothing_once_its_refunds_have_succeeded(
    order: Order, data: st.DataObject
) -> None:
    late = NOW + timedelta(days=3)
    order = order.apply(CANCELLED, late)
    for payment in order.payments:
        if payment.is_open:
            outcomes: list[Evidence] = [charged(payment.id, payment.amount), declined(payment.id)]
            order = order.settle(payment.id, data.draw(st.sampled_from(outcomes)), late)
    for refund in order.refunds:
        if refund.status is RefundStatus.PENDING:
            order = order.settle_refund(refund.id, Refunded(f"re_{refund.id}", refund.amount), late)
    assert all(order.refundable(payment).is_zero for payment in order.payments)
    assert all(refund.status is not RefundStatus.PENDING for refund in order.refunds)


# --- external refunds and disputes -------------------------------------------------------------


def test_an_external_refund_is_counted_once_and_checked_while_it_is_pending() -> None:
    done = Refunded("re_external", SIXTY)
    order = record(paid(), RefundPending("re_external"))
    (refund,) = order.refunds
    assert refund.next_check_at == NOW + SETTLEMENT_CHECK_INTERVAL
    assert refund.reason == EXTERNAL_REFUND
    for outcome in (done, RefundPending("re_external"), done):
        order = record(order, outcome)
    assert order.refunds[0].next_check_at is None
    assert given_back(order) == SIXTY
    assert order.refundable(order.payment(PAYMENT)) == dollars("40")


def test_a_refund_of_ours_that_was_made_externally_is_not_counted_twice() -> None:
    order = paid().apply(CANCELLED, NOW)
    ours = order.refunds[0].id
    for both in (
        settle(record(order, EXTERNALLY, PRICE), ours, EXTERNALLY),
        record(settle(order, ours, EXTERNALLY), EXTERNALLY, PRICE),
    ):
        assert given_back(both) == PRICE
        assert all(refund.status is not RefundStatus.PENDING for refund in both.refunds)


def test_reports_about_an_unknown_refund_or_charge_change_nothing() -> None:
    unknown, status = ChargeId("ch_unknown"), DisputeStatus.OPEN
    assert settle(paid(), "unknown", BY_US) == paid()
    reported = ReportedRefund("re_external", PRICE, EXTERNALLY)
    assert paid().record_refunds(unknown, [reported], NOW) == paid()
    assert paid().record_dispute(DISPUTE, unknown, PRICE, "fraudulent", status) == paid()


def test_a_report_of_more_than_was_captured_is_recorded_as_what_was_left() -> None:
    order = record(reserve_and_settle(paid(), dollars("60")), EXTERNALLY, PRICE)
    refund = order.refunds[-1]
    assert (refund.amount, refund.code) == (dollars("40"), EXCEEDS_PAYMENT)
    assert refund.code in DOUBTFUL
    assert given_back(order) == PRICE
    assert record(order, EXTERNALLY, PRICE) == order


def test_a_report_in_another_currency_counts_as_nothing() -> None:
    euros = Money(6_000, Currency("eur"))
    order = paid()
    for outcome in (RefundPending("re_external"), Refunded("re_external", euros)):
        order = record(order, outcome, euros)
        assert order.refunds[0].code == CURRENCY_MISMATCH
        assert order.refunds[0].code in DOUBTFUL
        assert order.refundable(order.payment(PAYMENT)) == PRICE
    assert given_back(order).is_zero


def test_a_refund_of_others_counts_in_the_currency_that_was_captured() -> None:
    euros = Money(6_000, Currency("eur"))
    payment = evolve(a_payment(status=PaymentStatus.REVIEW), captured_amount=euros)
    order = record(an_order(payment), Refunded("re_external", euros), euros)
    [refund] = order.refunds
    assert (refund.amount, refund.code) == (euros, None)
    assert order.refundable(payment).is_zero


def test_a_failed_refund_of_others_keeps_the_reference_of_its_report() -> None:
    [refund] = record(paid(), RefundFailed("lost_card"), PRICE).refunds
    assert (refund.id, refund.reference, refund.is_external) == ("re_external", "re_external", True)


def test_a_refund_in_another_currency_than_what_was_captured_counts_as_nothing() -> None:
    euros = Money(6_000, Currency("eur"))
    payment = evolve(a_payment(status=PaymentStatus.REVIEW), captured_amount=euros)
    order = settle(an_order(payment, refunds=(a_refund(),)), "refund-1", Refunded("re_1", PRICE))
    [refund] = order.refunds
    assert (refund.status, refund.code) == (RefundStatus.SUCCEEDED, CURRENCY_MISMATCH)
    assert (refund.amount, order.refundable(payment)) == (Money(0, euros.currency), euros)


def test_a_lost_dispute_that_is_won_by_an_appeal_is_won_in_every_sequence_of_the_reports() -> None:
    won, lost, appealed = DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.OPEN
    for reports in permutations([DisputeStatus.OPEN, lost, appealed, won]):
        order = paid()
        for status in reports:
            order = order.record_dispute(DISPUTE, CHARGE, PRICE, "fraudulent", status)
        assert [dispute.status for dispute in order.disputes] == [won]


@pytest.mark.parametrize("end", [DisputeStatus.WON, DisputeStatus.LOST])
def test_a_dispute_ends_as_decided_in_every_sequence_of_the_reports(end: DisputeStatus) -> None:
    for reports in permutations([DisputeStatus.OPEN, end, end]):
        order = paid()
        for status in reports:
            order = order.record_dispute(DISPUTE, CHARGE, PRICE, "fraudulent", status)
        assert [dispute.status for dispute in order.disputes] == [end]
        assert order.payments == paid().payments
