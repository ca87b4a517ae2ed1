"""A refund ends once, and what is said of it late changes nothing."""

from itertools import permutations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Currency, Money
from domain.refund import (
    SEND_LEASE,
    SETTLEMENT_CHECK_INTERVAL,
    Refund,
    Refunded,
    RefundFailed,
    RefundOutcome,
    RefundPending,
    RefundStatus,
)
from tests.builders import NOW, PRICE, a_refund, after
from tests.strategies import refund_outcomes

DONE = Refunded("re_1", PRICE)
UNDER_WAY = RefundPending("re_1")
SENT_BACK = RefundFailed("lost_or_stolen_card", "re_1")
REFUSED = RefundFailed("charge_disputed")

# docs/architecture.md: pending, then succeeded or failed; a bank may still send back what succeeded.
ALLOWED = {
    (RefundStatus.PENDING, RefundStatus.SUCCEEDED),
    (RefundStatus.PENDING, RefundStatus.FAILED),
    (RefundStatus.SUCCEEDED, RefundStatus.FAILED),
}

outcomes = refund_outcomes(a_refund().id, PRICE)


@given(st.lists(outcomes, max_size=6))
def test_a_refund_moves_only_where_the_states_allow(reports: list[RefundOutcome]) -> None:
    refund = a_refund()
    for report in reports:
        settled = refund.settle(report)
        if settled.status is not refund.status:
            assert (refund.status, settled.status) in ALLOWED
        assert settled.settle(report) == settled
        refund = settled


@pytest.mark.parametrize("reports", list(permutations([DONE, UNDER_WAY, SENT_BACK])))
def test_what_the_bank_sent_back_ends_failed_in_any_order_of_the_reports(
    reports: tuple[RefundOutcome, ...],
) -> None:
    refund = a_refund()
    for report in reports:
        refund = refund.settle(report)
    assert refund.status is RefundStatus.FAILED
    assert refund.code == "lost_or_stolen_card"
    assert refund.next_check_at is None


@pytest.mark.parametrize("reports", list(permutations([DONE, UNDER_WAY, UNDER_WAY])))
def test_what_arrived_ends_succeeded_in_any_order_of_the_reports(
    reports: tuple[RefundOutcome, ...],
) -> None:
    refund = a_refund()
    for report in reports:
        refund = refund.settle(report)
    assert (refund.status, refund.reference) == (RefundStatus.SUCCEEDED, "re_1")


def test_the_books_take_the_figure_of_the_gateway() -> None:
    less = Money(PRICE.minor_units - 1, PRICE.currency)
    done = a_refund().settle(Refunded("re_1", less))
    assert (done.status, done.amount) == (RefundStatus.SUCCEEDED, less)
    assert done.settle(DONE) == done


def test_a_refund_in_another_currency_counts_as_what_was_asked_for_and_shows() -> None:
    done = a_refund().settle(Refunded("re_1", Money(PRICE.minor_units, Currency("jpy"))))
    assert (done.status, done.amount) == (RefundStatus.SUCCEEDED, PRICE)
    assert done.code == "currency_mismatch"


def test_a_refund_is_its_reservers_to_send_until_its_lease_ends() -> None:
    refund = a_refund()
    assert refund.may_be_sent(NOW)
    assert not refund.may_be_sent(NOW + SEND_LEASE)
    assert not refund.settle(DONE).may_be_sent(NOW)


def test_a_refusal_of_something_else_does_not_undo_a_refund() -> None:
    done = a_refund().settle(DONE)
    assert done.settle(RefundFailed("charge_already_refunded")) == done
    assert done.settle(RefundFailed("expired_or_canceled_card", "re_other")) == done


def test_a_refused_refund_stays_refused_as_its_money_may_be_set_aside_again() -> None:
    refused = a_refund().settle(REFUSED)
    for report in (DONE, UNDER_WAY, SENT_BACK):
        assert refused.settle(report) == refused
    assert not refused.reserves


@given(st.lists(outcomes, max_size=4), st.integers(0, 100_000))
def test_a_refund_is_looked_after_until_it_has_ended(
    reports: list[RefundOutcome], seconds: int
) -> None:
    refund = a_refund()
    for report in reports:
        refund = refund.settle(report)
    looked = refund.schedule_check(after(seconds=seconds))
    for each in (refund, looked):
        assert (each.next_check_at is not None) == (each.status is RefundStatus.PENDING)


def test_a_refund_nobody_has_heard_of_is_sent_again_after_its_lease() -> None:
    looked = a_refund().schedule_check(NOW)
    assert looked.next_check_at == NOW + SEND_LEASE
    assert looked.is_check_due(NOW + SEND_LEASE)
    assert not looked.is_check_due(NOW)


def test_a_refund_at_the_bank_is_asked_after_less_and_less_often() -> None:
    waiting = a_refund().settle(UNDER_WAY)
    waits = [
        looked.next_check_at - moment
        for moment in (NOW, after(minutes=1), after(minutes=30), after(days=3))
        if (looked := waiting.schedule_check(moment)).next_check_at is not None
    ]
    assert waits == sorted(waits)
    assert waits[-1] == SETTLEMENT_CHECK_INTERVAL


def test_every_resend_of_a_refund_has_the_same_key() -> None:
    refund = a_refund()
    for changed in (refund.schedule_check(NOW), refund.settle(UNDER_WAY), refund.settle(DONE)):
        assert changed.key == refund.key


def test_two_refunds_never_share_a_key() -> None:
    keys = {evolve(a_refund(name), attempt=n).key for name in ("a", "a-back-0") for n in range(3)}
    assert len(keys) == 6


def test_a_refund_repeated_by_a_reader_changes_nothing() -> None:
    done: Refund = a_refund().settle(DONE)
    assert done.schedule_check(NOW) == done
