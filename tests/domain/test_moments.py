"""What changes at a moment: before it, exactly at it, and after it."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from attrs import evolve

from domain.check_times import (
    ABANDON_AFTER,
    EXPIRY_NOTICE,
    FIRST_CHECK_AFTER,
    LATE_CAPTURE_WINDOW,
)
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from tests.builders import NOW, UNTIL, a_payment, after, created_event

STARTED = a_payment(next_check_at=after(seconds=7))
HELD = a_payment(status=PaymentStatus.AUTHORIZED)
ABANDONED = a_payment(status=PaymentStatus.ABANDONED, next_check_at=after(days=2))

Rule = Callable[[Payment, datetime], bool]

PAYMENTS: list[tuple[str, Payment, Rule, datetime, list[bool]]] = [
    (
        "its charge may be sent",
        *(STARTED, Payment.may_be_sent, NOW + FIRST_CHECK_AFTER),
        [True, False, False],
    ),
    (
        "a request may be in flight",
        *(STARTED, Payment.may_have_arrived, NOW + ABANDON_AFTER),
        [True, False, False],
    ),
    (
        "its check is due",
        *(STARTED, Payment.is_check_due, after(seconds=7)),
        [False, True, True],
    ),
    (
        "its end is announced",
        *(HELD, Payment.is_running_out, UNTIL - EXPIRY_NOTICE),
        [False, True, True],
    ),
    (
        "its end is not announced any more",
        *(HELD, Payment.is_running_out, UNTIL),
        [True, False, False],
    ),
    (
        "its authorization has run out",
        *(HELD, lambda payment, now: payment.expire(now).has_run_out, UNTIL),
        [False, True, True],
    ),
    (
        "it will never arrive",
        ABANDONED,
        lambda payment, now: payment.never_arrived(now).next_check_at is None,
        NOW + LATE_CAPTURE_WINDOW,
        [False, True, True],
    ),
]

STEPS = [timedelta(microseconds=step) for step in (-1, 0, 1)]


@pytest.mark.parametrize(
    ("payment", "rule", "moment", "expected"),
    [each[1:] for each in PAYMENTS],
    ids=[each[0] for each in PAYMENTS],
)
def test_a_rule_about_a_payment_changes_at_its_moment(
    payment: Payment, rule: Rule, moment: datetime, expected: list[bool]
) -> None:
    assert [rule(payment, moment + step) for step in STEPS] == expected


def test_an_order_expires_at_its_expiry() -> None:
    order = created_event(expires_at=after(hours=1))
    assert [order.is_expired(after(hours=1) + step) for step in STEPS] == [False, True, True]


@pytest.mark.parametrize("known", [None, after(seconds=1), after(seconds=3)])
def test_a_check_is_due_at_a_time_or_before(known: datetime | None) -> None:
    due = evolve(STARTED, next_check_at=known).check_by(after(seconds=2)).next_check_at
    assert due == (known if known == after(seconds=1) else after(seconds=2))


def test_nothing_is_due_without_a_time() -> None:
    assert not evolve(STARTED, next_check_at=None).is_check_due(after(days=999))
    assert not created_event().is_expired(after(days=999))
    assert not evolve(HELD, authorized_until=None).is_running_out(after(days=999))
    assert evolve(HELD, authorized_until=None).expire(after(days=999)).code is None
