"""The backlog: what is not finished yet, and what an operator must handle."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol

from attrs import frozen

from domain.payment import PaymentStatus


@frozen
class Backlog:
    """Figures about unfinished work, the same in every process."""

    unfinished: Mapping[PaymentStatus, int]
    """Payments that recovery still checks, and payments in review with money left to give back,
    by status; a status without any is absent."""
    oldest_open: timedelta | None
    """How long the oldest open payment has waited for its outcome; None if there is none. The
    time that a customer may take to authenticate does not count."""
    refunds_pending: int
    refunds_failed: int
    """Failed refunds without a later one, while some of the payment is left. A failed automatic
    refund is followed by another one, so it does not count until the retries are used up."""
    events_waiting: int
    oldest_event: timedelta | None
    """How long the oldest unsent event has waited; None if there is none."""
    events_parked: int


class BacklogReader(Protocol):
    """Reads the backlog.

    Promises, checked by tests/contracts/backlog.py on every adapter: figures are exact at the
    moment they are read, and reading them changes nothing.
    """

    async def read(self) -> Backlog:
        """Return the current figures.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
