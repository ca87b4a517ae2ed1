"""The backlog: what is not finished yet, and what an operator must handle."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum, unique
from typing import Final, Protocol

from attrs import frozen

from domain.payment_status import PaymentStatus

MAX_COUNTED: Final = 10_000
"""Counting more costs time and changes nothing: with a million waiting events, an exact count took
half a second, and this takes some milliseconds. A figure of MAX_COUNTED + 1 means "more"."""


@frozen
class Backlog:
    """Figures about unfinished work, the same in every process; counts end at MAX_COUNTED + 1."""

    unfinished: Mapping[PaymentStatus, int]
    """Payments that recovery still checks, and payments in review with money left to give back,
    by status; a status without any is absent."""
    oldest_open: timedelta | None
    """How long the oldest open payment has waited for its outcome, or the oldest capture or release
    of an authorization for its end; None if there is none. The time that a customer may take to
    authenticate does not count, nor a pending payment, nor one that is merely authorized."""
    oldest_pending: timedelta | None
    """How long the oldest pending payment has waited for its money; None if there is none."""
    refunds_pending: int
    oldest_refund: timedelta | None
    """How long the oldest pending refund has waited; None if there is none."""
    refunds_failed: int
    """Failed refunds without a later one, while some of the payment is left. A failed automatic
    refund is followed by another one, so it does not count until the retries are used up."""
    events_waiting: int
    oldest_event: timedelta | None
    """How long the oldest unsent event has waited; None if there is none."""
    events_parked: int
    notifications_deferred: int
    oldest_deferred: timedelta | None
    """How long the oldest deferred notification has waited; None if there is none."""
    notifications_unusable: int
    differences: int = 0
    """Open differences between the gateways' books and ours."""


@unique
class BacklogKind(Enum):
    """The parts of the backlog. docs/runbook.md describes what to do about each."""

    PAYMENT_OPEN = "payment_open"
    PAYMENT_PENDING = "payment_pending"
    PAYMENT_IN_REVIEW = "payment_in_review"
    REFUND_PENDING = "refund_pending"
    REFUND_FAILED = "refund_failed"
    EVENT_WAITING = "event_waiting"
    EVENT_PARKED = "event_parked"
    NOTIFICATION_DEFERRED = "notification_deferred"
    NOTIFICATION_UNUSABLE = "notification_unusable"
    DIFFERENCE = "difference"


@frozen
class BacklogItem:
    """One payment, refund, event or notification of the backlog."""

    kind: BacklogKind
    id: str
    belongs_to: str
    """The order of a payment or an event, the payment of a refund, the charge of a deferred
    notification, the gateway of an unusable one, the payment or gateway of a difference."""
    detail: str
    """The status of a payment or pending refund, the code of a failed refund, the reason of a
    parked event or an unusable notification, the kind of a difference, else the subject or
    the kind."""
    since: datetime
    age: timedelta


@frozen
class GatewayBacklog:
    """How many payments wait at one gateway: for their outcome, or for that of a refund."""

    gateway: str
    livemode: bool
    payments: int


class BacklogReader(Protocol):
    """Reads the backlog.

    Promises, checked by tests/contracts/backlog.py on every adapter: figures are exact at the
    moment they are read, up to MAX_COUNTED; the cost of reading is bounded, and it changes nothing.
    """

    async def read(self) -> Backlog:
        """Return the current figures.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """

    async def count_at_gateways(self) -> Sequence[GatewayBacklog]:
        """Return how many payments wait at each gateway; one without any is absent.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """

    async def find_oldest(self, limit: int) -> Sequence[BacklogItem]:
        """Return at most `limit` items of each kind, the oldest first.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
