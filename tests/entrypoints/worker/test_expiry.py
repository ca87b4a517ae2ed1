"""The expiry of an order: every usual form is understood, and anything else is named."""

from datetime import UTC, datetime

import pytest

from entrypoints.worker.event_bodies import (
    expiry_problem,
)
from tests.entrypoints.worker.test_event_bodies import CREATED, EXPIRY, terms, text, without


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-22T12:15:00Z",
        "2026-11-22T13:15:00.000+01:00",
        "2026-11-22T12:15:00",
        "2026-11-22 12:15:00.000000",
        "20261122T1215Z",
        "2026-11-22t12:15:00z",
        "2026-11-22T12:15:00.123456789Z",
        "2026-11-22T12:15:00,5Z",
        "2026-11-22 13:15:00 +0100",
        "2026-11-22T07:15:00\u221205:00",
        "2026-11-22T13:15+01:00[Europe/Berlin]",
        "2026-W47-7T12:15Z",
        " 2026-11-22T12:15:00Z\n",
        1795349700000,
        1795349700000.9,
        "1795349700000",
        1795349700,
        1795349700.5,
    ],
    ids=repr,
)
def test_an_expiry_in_any_usual_form_is_converted_to_utc(value: object) -> None:
    expires_at = terms(text({**CREATED, "expiresAt": value})).expires_at
    assert expires_at is not None
    assert expires_at.replace(microsecond=0) == EXPIRY
    assert expires_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-22T24:00Z", datetime(2026, 11, 23, tzinfo=UTC)),
        ("2026-11-22T24:00:00.000+01:00", datetime(2026, 11, 22, 23, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
        (999999999999, datetime(2001, 9, 9, 1, 46, 39, 999000, tzinfo=UTC)),
    ],
    ids=repr,
)
def test_rare_forms_of_an_expiry_are_understood(value: object, expected: datetime) -> None:
    assert terms(text({**CREATED, "expiresAt": value})).expires_at == expected


@pytest.mark.parametrize(
    "value",
    [
        *("alskdfj", "", " ", "null", "2026", "202611221215", "20261122121500", "1795349700"),
        *("Sun, 22 Nov 2026 12:15:00 GMT", "9999-12-31T23:59:59-14:00", "9999-12-31T24:00Z"),
        *("0001-01-01T00:00:00+14:00", "2026-11-22T24:01Z", "2026-13-01T00:00Z", "\0", "x" * 9999),
        *(5, 0, -1795349700000, 10**10, 10**13, 1795349700000000, 10**400, 1e300, 0.5),
        *(True, False, [], {}, {"$date": "2026-11-22T12:15:00Z"}),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_an_expiry_that_is_not_understood_is_none_and_named(value: object) -> None:
    data = text({**CREATED, "expiresAt": value})
    assert terms(data).expires_at is None
    problem = expiry_problem(data)
    assert problem is not None
    assert problem.startswith("expiresAt is neither an ISO 8601 time nor epoch milliseconds: ")
    assert len(problem) < 200


def test_an_order_without_an_expiry_states_none() -> None:
    for data in (without("expiresAt"), text({**CREATED, "expiresAt": None}), text(CREATED)):
        assert expiry_problem(data) is None
