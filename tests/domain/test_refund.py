"""A refund ends once, and late reports about it change nothing."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from domain.check_times import CHECK_INTERVAL
from domain.identifiers import RefundId
from domain.money import Currency, Money
from domain.refund import (
    EXCEEDS_PAYMENT,
    SEND_LEASE,
    SETTLEMENT_CHECK_INTERVAL,
    TRANSITIONS,
    Refund,
    Refunded,
    RefundFailed,
    RefundOutcome,
    RefundPending,
    RefundStatus,
    ReportedRefund,
)
from tests.builders import NOW, PRICE, a_refund, after
from tests.strategies import refund_outcomes

SUCCEEDED = Refunded("re_1", PRICE)
PENDING = RefundPending("re_1")
RETURNED = RefundFailed("lost_or_stolen_card", "re_1")
"""The bank returned the money after it was refunded."""
REFUSED = RefundFailed("charge_disputed")

outcomes = refund_outcomes(a_refund().id, PRICE)


def after_reports(*reports: RefundOutcome) -> Refund:
    """Return the default refund after these reports."""
    refund = a_refund()
    for report in reports:
        refund = refund.settle(report)
    return refund


@given(st.lists(outcomes, max_size=6), st.integers(0, 100_000))
def test_every_report_follows_the_table_and_an_unfinished_refund_is_checked_again(
    reports: list[RefundOutcome], seconds: int
) -> None:
    refund = a_refund()
    for report in reports:
        settled = refund.settle(report)
        assert settled.status is refund.status or settled.status in TRANSITIONS[refund.status]
        assert settled.settle(report) == settled
        refund = settled
    for each in (refund, refund.schedule_check(after(seconds=seconds))):
        assert (each.next_check_at is not None) == (each.status is RefundStatus.PENDING)


@pytest.mark.parametrize("reports", list(permutations([SUCCEEDED, PENDING, RETURNED])))
def test_a_refund_that_the_bank_returned_ends_failed_in_every_sequence(
    reports: tuple[RefundOutcome, ...],
) -> None:
    refund = after_reports(*reports)
    assert (refund.status, refund.code) == (RefundStatus.FAILED, "lost_or_stolen_card")
    assert refund.next_check_at is None


@pytest.mark.parametrize("reports", list(permutations([SUCCEEDED, PENDING, PENDING])))
def test_a_refund_that_succeeded_ends_succeeded_in_every_sequence(
    reports: tuple[RefundOutcome, ...],
) -> None:
    refund = after_reports(*reports)
    assert (refund.status, refund.reference) == (RefundStatus.SUCCEEDED, "re_1")


def test_a_refund_takes_the_amount_that_the_gateway_reports_first() -> None:
    less = Money(PRICE.minor_units - 1, PRICE.currency)
    refund = after_reports(Refunded("re_1", less), SUCCEEDED)
    assert (refund.status, refund.amount) == (RefundStatus.SUCCEEDED, less)


def test_a_refund_in_another_currency_keeps_the_requested_amount_and_gets_a_code() -> None:
    refund = after_reports(Refunded("re_1", Money(PRICE.minor_units, Currency("jpy"))))
    assert (refund.status, refund.amount) == (RefundStatus.SUCCEEDED, PRICE)
    assert refund.code == "currency_mismatch"


def test_a_failed_refund_is_not_limited_whatever_code_the_gateway_has_for_it() -> None:
    refund = after_reports(RefundFailed(EXCEEDS_PAYMENT, "re_1"))
    assert refund.code == EXCEEDS_PAYMENT
    assert not refund.is_limited
    assert refund.schedule_check(NOW).next_check_at is None


def test_a_failure_of_another_refund_does_not_undo_a_success() -> None:
    succeeded = after_reports(SUCCEEDED)
    assert succeeded.settle(RefundFailed("charge_already_refunded")) == succeeded
    assert succeeded.settle(RefundFailed("expired_or_canceled_card", "re_other")) == succeeded


def test_a_failed_refund_stays_failed_because_its_amount_may_be_reserved_again() -> None:
    refused = after_reports(REFUSED)
    assert not refused.is_reserved
    assert after_reports(PENDING, REFUSED).reference == after_reports(RETURNED).reference == "re_1"
    for report in (SUCCEEDED, PENDING, RETURNED):
        assert refused.settle(report) == refused


def test_a_refund_may_be_sent_by_the_process_that_reserved_it_until_the_lease_ends() -> None:
    assert a_refund().may_be_sent(NOW)
    assert not a_refund().may_be_sent(NOW + SEND_LEASE)
    assert not after_reports(SUCCEEDED).may_be_sent(NOW)


def test_a_refund_without_a_report_is_sent_again_after_its_lease() -> None:
    refund = a_refund().schedule_check(NOW)
    assert refund.next_check_at == NOW + SEND_LEASE
    assert refund.is_check_due(NOW + SEND_LEASE)
    assert not refund.is_check_due(NOW)


@given(st.timedeltas(timedelta(0), timedelta(days=30)), st.booleans())
def test_one_process_alone_checks_a_refund_until_it_is_answered(
    age: timedelta, known: bool
) -> None:
    now, refund = NOW + age, after_reports(PENDING) if known else a_refund()
    check_at = refund.schedule_check(now).next_check_at
    assert check_at is not None
    assert check_at - now >= (CHECK_INTERVAL if known else SEND_LEASE)


@pytest.mark.parametrize("status", [RefundStatus.SUCCEEDED, RefundStatus.FAILED])
def test_an_ended_refund_is_not_checked_any_more(status: RefundStatus) -> None:
    due = evolve(a_refund(status=status), next_check_at=NOW)
    assert due.schedule_check(NOW).next_check_at is None


LABELS: dict[str, Any] = {"refund_id": a_refund().id, "key": a_refund().key}


def reported(outcome: RefundOutcome = SUCCEEDED, **labels: Any) -> ReportedRefund:
    return evolve(ReportedRefund("re_1", PRICE, outcome), **labels)


@pytest.mark.parametrize(
    ("refund", "report", "is_about_it"),
    [
        (a_refund(), reported(), False),
        (a_refund(), reported(**LABELS), True),
        (a_refund(), reported(refund_id="refund-1"), True),
        (a_refund(), reported(refund_id="refund-1", key="refund-1:1"), False),
        (a_refund(), reported(refund_id="refund-2", key="refund-1:0"), False),
        (a_refund(reference="re_1"), reported(), True),
        (a_refund(reference="re_1"), reported(refund_id="refund-2"), True),
        (a_refund(reference="re_2"), reported(**LABELS), False),
        (a_refund(status=RefundStatus.FAILED), reported(**LABELS), False),
        (a_refund(status=RefundStatus.FAILED), reported(PENDING, **LABELS), False),
        (a_refund(status=RefundStatus.FAILED), reported(RETURNED, **LABELS), True),
        (a_refund(status=RefundStatus.FAILED, reference="re_1"), reported(), True),
    ],
)
def test_a_report_is_about_the_refund_with_its_reference_or_else_its_labels(
    refund: Refund, report: ReportedRefund, is_about_it: bool
) -> None:
    assert refund.is_reported_by(report) is is_about_it


LONG = "r" * 255


@pytest.mark.parametrize(
    ("refund_id", "key", "attempt"),
    [
        ("r", "r:0", 0),
        ("r", "r:10", 10),
        ("r", "r:999", 999),
        ("r", "r:1000", None),
        ("r:1", "r:1:2", 2),
        (LONG, f"{LONG}:1", 1),
        (f"{LONG}r", f"{LONG}r:1", None),
        ("r", "s:0", None),
        ("r", "r:", None),
        ("r", "r:-1", None),
        ("r", "r:\u0661", None),
        ("r", "0", None),
        ("r", None, None),
        (None, "r:0", None),
        (None, None, None),
    ],
)
def test_only_labels_like_ours_name_an_attempt(
    refund_id: RefundId | None, key: str | None, attempt: int | None
) -> None:
    assert ReportedRefund("re_1", PRICE, SUCCEEDED, refund_id, key).attempt == attempt


def test_a_refund_that_waits_for_a_bank_is_checked_less_and_less_often() -> None:
    waits = [
        checked.next_check_at - now
        for now in (NOW, after(minutes=1), after(minutes=30), after(days=3))
        if (checked := after_reports(PENDING).schedule_check(now)).next_check_at is not None
    ]
    assert waits == sorted(waits)
    assert waits[-1] == SETTLEMENT_CHECK_INTERVAL


def test_a_refund_keeps_its_key_and_shares_it_with_no_other() -> None:
    refund = a_refund()
    for same in (refund.schedule_check(NOW), refund.settle(PENDING), refund.settle(SUCCEEDED)):
        assert same.key == refund.key
    keys = {evolve(a_refund(name), attempt=n).key for name in ("a", "a-back-0") for n in range(3)}
    assert len(keys) == 6
