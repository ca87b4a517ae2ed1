"""PaymentPages: the payments of a period, page by page."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from domain.identifiers import PaymentId
from domain.payment import Payment

MAX_PAYMENTS: Final = 200
"""The most payments of a page; one statement reads them in some milliseconds."""

Position = tuple[datetime, PaymentId]
"""When a payment was claimed, and its id: the order of the pages."""


class PaymentPages(Protocol):
    """Reads the payments at one gateway in the order in which they were claimed.

    Promises, checked by tests/contracts/payment_pages.py on every adapter: the pages contain each
    payment with money at the gateway that was claimed in the period once; a page is bounded.
    """

    async def page(
        self,
        gateway: str,
        livemode: bool,
        since: datetime,
        until: datetime,
        after: Position | None,
    ) -> Sequence[Payment]:
        """Return up to MAX_PAYMENTS payments with a charge, after this one; the first ones if None.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
