"""PaymentFigures: how many payments there were, for charts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from attrs import frozen

from domain.payment_status import PaymentStatus


@frozen
class PaymentCount:
    """How many payments of one hour have one status and one code now."""

    hour: datetime
    """When it begins, in UTC."""
    status: PaymentStatus
    code: str | None
    number: int


class PaymentFigures(Protocol):
    """Counts payments.

    Promises, checked by tests/contracts/payment_figures.py on every adapter: each payment that was
    claimed in the period is counted once, in the hour in which it was claimed.
    """

    async def count(self, since: datetime, until: datetime) -> Sequence[PaymentCount]:
        """Return the counts of the payments claimed from `since` until before `until`.

        Raises:
            StorageUnavailable: the database cannot be reached, or there are too many payments to
                count them in time.
        """
