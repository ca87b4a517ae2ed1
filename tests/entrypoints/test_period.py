"""The options of a period: how long ago, or ISO 8601."""

from datetime import UTC, datetime, timedelta

import pytest

from entrypoints.cli.period import check_order, moment

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("30m", timedelta(minutes=30)),
        ("12h", timedelta(hours=12)),
        ("3d", timedelta(days=3)),
        ("2w", timedelta(weeks=2)),
        ("0d", timedelta(0)),
    ],
)
def test_a_number_and_a_unit_is_so_long_ago(text: str, ago: timedelta) -> None:
    assert moment(text, NOW) == NOW - ago


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T12:30:00", datetime(2026, 3, 1, 12, 30, tzinfo=UTC)),
        ("2026-03-01T12:30:00Z", datetime(2026, 3, 1, 12, 30, tzinfo=UTC)),
        ("2026-03-01T12:30:00+02:00", datetime(2026, 3, 1, 10, 30, tzinfo=UTC)),
    ],
)
def test_a_time_in_iso_8601_is_in_utc_unless_it_says_otherwise(
    text: str, expected: datetime
) -> None:
    assert moment(text, NOW) == expected


@pytest.mark.parametrize(
    "text", ["", "3", "d", "-3d", "3 d", "3y", "yesterday", "1969-12-31", "999999w", "2026-13-01"]
)
def test_anything_else_is_an_error(text: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        moment(text, NOW)


def test_a_period_that_ends_before_it_begins_is_an_error() -> None:
    check_order(NOW, NOW + timedelta(seconds=1))
    for until in (NOW, NOW - timedelta(seconds=1)):
        with pytest.raises(SystemExit):
            check_order(NOW, until)
