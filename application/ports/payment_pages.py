"""PaymentPages: the payments and the refunds of a period, page by page."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from domain.identifiers import PaymentId, RefundId
from domain.payment import Payment
from domain.refund import Refund

MAX_PAYMENTS: Final = 200
"""The most payments or refunds of a page; one statement reads them in some milliseconds."""

Position = tuple[datetime, PaymentId]
"""When a payment was claimed, and its id: the order of the pages."""

RefundPosition = tuple[datetime, RefundId]
"""When a refund was reserved, and its id."""


class PaymentPages(Protocol):
    """Reads the payments at one gateway in the order in which they were claimed; refunds likewise.

    Promises, checked by tests/contracts/payment_pages.py on every adapter: the pages contain each
    payment with money at the gateway that was claimed in the period once, and each refund that has
    succeeded and was reserved in the period once; a page is bounded.
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

    async def refunds(
        self,
        gateway: str,
        livemode: bool,
        since: datetime,
        until: datetime,
        after: RefundPosition | None,
    ) -> Sequence[Refund]:
        """Return up to MAX_PAYMENTS refunds that have succeeded, as `page` returns payments.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
