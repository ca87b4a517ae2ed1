"""What of an order is unfinished, and what is replaced when a user is forgotten."""

import pytest
from attrs import evolve

from domain.dispute import Dispute, DisputeStatus
from domain.forgetting import concerns, forget, unfinished
from domain.identifiers import ChargeId, DisputeId, UserId
from domain.order import Order
from domain.payment_status import OPEN, PaymentStatus
from domain.pseudonym import pseudonym
from domain.refund import RefundStatus
from tests.builders import (
    NOW,
    ORDER,
    OTHER_USER,
    PAYER,
    PAYMENT,
    PRICE,
    a_payment,
    a_refund,
    an_order,
    shipped_event,
)

PAID = a_payment(status=PaymentStatus.SUCCEEDED)
STAND_IN = pseudonym("0" * 32)


@pytest.mark.parametrize("status", PaymentStatus)
def test_a_payment_is_unfinished_while_it_is_open_or_for_an_operator(status: PaymentStatus) -> None:
    found = unfinished(an_order(a_payment(status=status)))
    is_unfinished = status in OPEN or status is PaymentStatus.REVIEW
    assert found == ([f"payment {PAYMENT} is {status.value}"] if is_unfinished else [])


def test_a_payment_that_has_ended_is_unfinished_while_money_is_held() -> None:
    held = evolve(a_payment(status=PaymentStatus.FAILED), next_check_at=NOW)
    assert unfinished(an_order(held)) == [f"payment {PAYMENT} is failed"]


def test_a_payment_in_review_is_finished_once_all_of_it_is_given_back() -> None:
    review = a_payment(status=PaymentStatus.REVIEW)
    given_back = an_order(review, refunds=(a_refund(status=RefundStatus.SUCCEEDED),))
    assert unfinished(given_back) == []


@pytest.mark.parametrize("status", RefundStatus)
def test_a_refund_is_unfinished_while_it_is_pending(status: RefundStatus) -> None:
    found = unfinished(an_order(PAID, refunds=(a_refund(status=status),)))
    assert found == (["refund refund-1 is pending"] if status is RefundStatus.PENDING else [])


@pytest.mark.parametrize("status", DisputeStatus)
def test_a_dispute_is_unfinished_while_it_is_open(status: DisputeStatus) -> None:
    ids = DisputeId("d1"), PAYMENT, ORDER, ChargeId("ch_1")
    order = evolve(an_order(PAID), disputes=(Dispute(*ids, PRICE, "fraud", status),))
    assert unfinished(order) == (["dispute d1 is open"] if status is DisputeStatus.OPEN else [])


def test_an_order_concerns_its_owner_and_who_has_paid_for_it() -> None:
    order = an_order(PAID, evolve(PAID, user_id=OTHER_USER))
    assert [concerns(order, UserId(each)) for each in (PAYER, OTHER_USER, "user-3")] == [
        True,
        True,
        False,
    ]
    unknown = Order(shipped_event())
    assert not concerns(unknown, PAYER)
    assert forget(unknown, PAYER, STAND_IN) == unknown


def test_only_the_user_who_is_forgotten_is_replaced() -> None:
    order = an_order(PAID, evolve(PAID, user_id=OTHER_USER))
    forgotten = forget(order, PAYER, STAND_IN)
    assert forgotten.replica.terms is not None
    assert forgotten.replica.terms.user_id == STAND_IN
    assert [each.user_id for each in forgotten.payments] == [STAND_IN, OTHER_USER]
    other = forget(order, OTHER_USER, STAND_IN)
    assert other.replica == order.replica
    assert [each.user_id for each in other.payments] == [PAYER, STAND_IN]
