"""PaymentSearch: payments by what an operator asks for, the newest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from attrs import frozen

from domain.identifiers import OrderId, PaymentId, UserId
from domain.payment import Payment
from domain.payment_status import PaymentStatus


@frozen
class PaymentFilter:
    """What a payment must be; None: anything."""

    status: PaymentStatus | None = None
    order_id: OrderId | None = None
    user_id: UserId | None = None
    gateway: str | None = None
    reference: str | None = None
    """The gateway's id of the payment, such as a PaymentIntent of Stripe."""
    since: datetime | None = None
    """Claimed at this time or later."""
    until: datetime | None = None
    """Claimed before this time."""


@frozen
class PlaceInList:
    """Where a page ends: the time at which its last payment was claimed, and the payment's id."""

    created_at: datetime
    payment_id: PaymentId


class PaymentSearch(Protocol):
    """Finds payments.

    Promises, checked by tests/contracts/payment_search.py on every adapter: the pages contain every
    payment that the filter allows once, the newest first, also if others are claimed meanwhile.
    """

    async def page(
        self, wanted: PaymentFilter, limit: int, after: PlaceInList | None = None
    ) -> Sequence[Payment]:
        """Return up to `limit` payments that follow this place; from the newest one if None.

        Fewer than `limit` are the last ones.

        Raises:
            StorageUnavailable: the database cannot be reached, or the filter allows so little of so
                long a time that it takes too long.
        """
