"""An order is claimed by its owner only, while it may be paid, and for the amount due."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.claim import (
    AlreadyPaid,
    AmountMismatch,
    ExpectedAmount,
    NothingDue,
    NotYourOrder,
    OrderCancelled,
    OrderExpired,
    OrderNotFound,
    PaymentInProgress,
)
from domain.identifiers import PaymentId
from domain.money import Money
from domain.payment_status import LIVE, PaymentStatus
from domain.replica import OrderReplica, OrderStatus
from tests.builders import (
    GATEWAY,
    NOW,
    ORDER,
    OTHER_USER,
    PAYER,
    PAYMENT,
    PRICE,
    a_payment,
    after,
    an_order,
    cancelled_event,
    claimed,
    created_event,
    dollars,
    start_payment,
)

SECOND = PaymentId("payment-2")
CANCELLED = cancelled_event()


def test_a_claim_starts_a_payment_of_the_amount_due() -> None:
    payment = claimed().payment(PAYMENT)
    assert payment.amount == PRICE
    assert (payment.order_id, payment.user_id) == (ORDER, PAYER)
    assert payment.status is PaymentStatus.PROCESSING
    assert payment.next_check_at is not None


@pytest.mark.parametrize(
    ("replica", "error"),
    [
        (cancelled_event(), OrderNotFound),
        (created_event(user_id=OTHER_USER), NotYourOrder),
        (created_event(user_id=OTHER_USER).merge(CANCELLED), NotYourOrder),
        (created_event().merge(CANCELLED), OrderCancelled),
        (created_event(expires_at=NOW), OrderExpired),
        (created_event(status=OrderStatus.COMPLETE), AlreadyPaid),
        (created_event(price=dollars("0")), NothingDue),
    ],
    ids=["unknown", "another's", "their cancelled", "cancelled", "expired", "complete", "free"],
)
def test_an_order_that_may_not_be_paid_cannot_be_claimed(
    replica: OrderReplica, error: type[Exception]
) -> None:
    with pytest.raises(error):
        an_order(replica=replica).claim(PAYMENT, PAYER, ExpectedAmount(), GATEWAY, False, NOW)


@given(
    status=st.sampled_from(OrderStatus),
    payment=st.none() | st.sampled_from(PaymentStatus),
    is_free=st.booleans(),
    is_expired=st.booleans(),
)
def test_a_stranger_learns_nothing_whatever_has_become_of_an_order(
    status: OrderStatus, payment: PaymentStatus | None, is_free: bool, is_expired: bool
) -> None:
    price, expires_at = dollars("0") if is_free else PRICE, NOW if is_expired else None
    payments = () if payment is None else (a_payment(PAYMENT, payment),)
    order = an_order(
        *payments, replica=created_event(status=status, price=price, expires_at=expires_at)
    )
    wrong = ExpectedAmount(PRICE.minor_units + 1)
    with pytest.raises(NotYourOrder):
        order.claim(SECOND, OTHER_USER, wrong, GATEWAY, False, NOW)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (PaymentStatus.PROCESSING, PaymentInProgress),
        (PaymentStatus.REQUIRES_ACTION, PaymentInProgress),
        (PaymentStatus.SUCCEEDED, AlreadyPaid),
        (PaymentStatus.REVIEW, AlreadyPaid),
    ],
)
def test_a_payment_blocks_another_one_and_is_shown_to_its_own_user_only(
    status: PaymentStatus, error: type[Exception]
) -> None:
    first = a_payment(status=status)
    for owner, shown in ((PAYER, first), (OTHER_USER, None)):
        order = an_order(first, replica=created_event(user_id=owner))
        with pytest.raises(error) as refused:
            start_payment(order, SECOND)
        assert refused.value.args == (ORDER, shown)


@given(
    st.sampled_from(sorted(LIVE | {PaymentStatus.REVIEW}, key=str)),
    st.sampled_from([OrderStatus.CREATED, OrderStatus.COMPLETE]),
    st.sampled_from([None, after(days=-1), NOW, after(days=1)]),
    st.sampled_from([dollars("0"), dollars("7"), PRICE]),
    st.sampled_from([ExpectedAmount(), ExpectedAmount(1), ExpectedAmount(currency="eur")]),
)
def test_whatever_has_become_of_the_order_the_payer_hears_of_the_payment_that_blocks_it(
    status: PaymentStatus,
    order_status: OrderStatus,
    expires_at: datetime | None,
    price: Money,
    expected: ExpectedAmount,
) -> None:
    first = a_payment(status=status)
    replica = created_event(price=price, expires_at=expires_at, status=order_status)
    with pytest.raises(PaymentInProgress if first.is_open else AlreadyPaid) as refused:
        an_order(first, replica=replica).claim(SECOND, PAYER, expected, GATEWAY, False, NOW)
    assert refused.value.args == (ORDER, first)


@pytest.mark.parametrize(
    "status", [PaymentStatus.FAILED, PaymentStatus.ABANDONED, PaymentStatus.REVERSED]
)
def test_a_payment_that_was_not_kept_allows_another_one(status: PaymentStatus) -> None:
    assert start_payment(an_order(a_payment(status=status)), SECOND).payment(SECOND).is_open


def test_an_order_is_claimed_for_the_amount_that_the_payer_expects_or_not_at_all() -> None:
    for right in (ExpectedAmount(), ExpectedAmount(10_000), ExpectedAmount(10_000, "USD")):
        order = an_order().claim(PAYMENT, PAYER, right, GATEWAY, False, NOW)
        assert order.payment(PAYMENT).amount == PRICE
    for minor_units, currency in ((9_999, None), (10_001, "usd"), (None, "eur"), (0, None)):
        wrong = ExpectedAmount(minor_units, currency)
        with pytest.raises(AmountMismatch) as mismatch:
            an_order().claim(PAYMENT, PAYER, wrong, GATEWAY, False, NOW)
        assert mismatch.value.due == PRICE


def test_a_repeated_claim_changes_nothing() -> None:
    assert start_payment(claimed(), PAYMENT, after(seconds=3)) == claimed()
