"""Windows: the parts of a period that PayPal's transaction search can be asked for."""

from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import evolve, frozen

from application.ports.gateway_records import Period
from application.ports.payment_gateway import LookupRefused

MAX_DAYS: Final = timedelta(days=31)
"""https://developer.paypal.com/docs/api/transaction-search/v1/#search_get"""

_SECOND: Final = timedelta(seconds=1)


@frozen
class Window:
    """A page of a part of a period, in whole seconds; its text is the cursor."""

    since: datetime
    until: datetime
    page: int = 1

    @property
    def text(self) -> str:
        """It as a cursor."""
        return f"{self.since.timestamp():.0f}-{self.until.timestamp():.0f}-{self.page}"

    @classmethod
    def read(cls, cursor: str, period: Period) -> "Window":
        """Read a cursor.

        Raises:
            LookupRefused: it is none of ours, or of another period.
        """
        numbers = cursor.split("-")
        if len(numbers) == 3 and all(each.isascii() and each.isdigit() for each in numbers):
            try:
                since, until = (datetime.fromtimestamp(int(each), UTC) for each in numbers[:2])
            except (ValueError, OverflowError, OSError):
                pass
            else:
                if _floor(period.since) <= since < until <= _ceil(period.until):
                    return cls(since, until, int(numbers[2]))
        raise LookupRefused("the cursor is not one of this period")

    def contains(self, at: datetime) -> bool:
        """Whether a time is in it; PayPal also lists what is at its end."""
        return self.since <= at < self.until

    def turned(self) -> "Window":
        """Return the next page of it."""
        return evolve(self, page=self.page + 1)

    def half(self) -> "Window | None":
        """Return its first half; None if it cannot be shorter."""
        seconds = (self.until - self.since) // _SECOND
        return Window(self.since, self.since + seconds // 2 * _SECOND) if seconds > 1 else None

    def after(self, period: Period) -> "Window | None":
        """Return what follows it in a period; None at the end."""
        return _from(self.until, period)


def first_window(period: Period) -> Window | None:
    """Return the first part of a period; None if the period is empty."""
    return _from(_floor(period.since), period)


def _from(since: datetime, period: Period) -> Window | None:
    until = min(since + MAX_DAYS, _ceil(period.until))
    return Window(since, until) if since < until else None


def _floor(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)


def _ceil(at: datetime) -> datetime:
    floor = _floor(at)
    return floor if floor == at else floor + _SECOND
