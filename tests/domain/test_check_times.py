"""When a payment is checked next: soon at first, then less often, and at last not any more."""

from datetime import timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from domain.check_times import (
    ABANDON_AFTER,
    CHECK_INTERVAL,
    EXPIRY_NOTICE,
    FIRST_CHECK_AFTER,
    LATE_CAPTURE_WINDOW,
    PENDING_CHECK_INTERVAL,
    PENDING_FIRST_CHECK_AFTER,
    PENDING_LIMIT,
    abandoned_interval,
    authorized_check,
    open_interval,
    pending_interval,
)
from tests.builders import NOW

MICROSECOND = timedelta(microseconds=1)
SHORTEST = timedelta(seconds=2)

ages = st.timedeltas(timedelta(0), timedelta(days=30))


@given(ages)
@example(ABANDON_AFTER)
@example(ABANDON_AFTER - MICROSECOND)
def test_an_open_payment_is_checked_after_its_age_but_not_too_late(age: timedelta) -> None:
    interval = open_interval(age)
    assert timedelta(0) < interval <= CHECK_INTERVAL
    if age >= ABANDON_AFTER:
        assert interval == CHECK_INTERVAL
    elif age + interval < ABANDON_AFTER:
        assert interval == max(age, SHORTEST)


@given(st.timedeltas(timedelta(0), FIRST_CHECK_AFTER))
def test_a_check_falls_on_the_moment_at_which_a_payment_can_be_abandoned(age: timedelta) -> None:
    while age < ABANDON_AFTER:
        age += open_interval(age)
    assert age == ABANDON_AFTER


@given(ages)
@example(PENDING_LIMIT)
@example(PENDING_LIMIT - MICROSECOND)
@example(LATE_CAPTURE_WINDOW)
@example(LATE_CAPTURE_WINDOW - MICROSECOND)
def test_an_abandoned_payment_is_checked_until_nothing_of_it_can_arrive(age: timedelta) -> None:
    unknown = max(age, SHORTEST) if age < LATE_CAPTURE_WINDOW else None
    known = min(max(age, SHORTEST), PENDING_CHECK_INTERVAL) if age < PENDING_LIMIT else None
    assert abandoned_interval(age, is_known=False) == unknown
    assert abandoned_interval(age, is_known=True) == known


@given(ages)
@example(timedelta(0))
@example(PENDING_CHECK_INTERVAL + MICROSECOND)
def test_a_pending_payment_is_checked_after_its_age_within_its_limits(age: timedelta) -> None:
    limits = [PENDING_FIRST_CHECK_AFTER, age, PENDING_CHECK_INTERVAL]
    assert pending_interval(age) == sorted(limits)[1]


@given(ages, st.timedeltas(-timedelta(days=2), timedelta(days=8)))
@example(timedelta(days=1), EXPIRY_NOTICE)
@example(timedelta(days=1), timedelta(0))
def test_an_authorization_is_checked_as_its_end_is_announced_and_at_its_end(
    age: timedelta, left: timedelta
) -> None:
    found = authorized_check(age, NOW, NOW + left)
    assert NOW < found <= NOW + pending_interval(age)
    for moment in (NOW + left - EXPIRY_NOTICE, NOW + left):
        assert moment <= NOW or found <= moment
    assert found in (NOW + pending_interval(age), NOW + left - EXPIRY_NOTICE, NOW + left)
