"""Differences: where a gateway's books and ours did not agree."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum, unique
from typing import Final, Protocol

from attrs import frozen

from domain.identifiers import OrderId, PaymentId

MAX_VALUE: Final = 200
"""The most characters of what either side says, and of a reason: a line for an operator."""


@unique
class DifferenceKind(Enum):
    """What differs; docs/recovery.md says what is done about each."""

    LOST_CHARGE = "lost_charge"
    """The gateway has a charge of ours that our books lack."""
    LOST_REFUND = "lost_refund"
    """The gateway has a refund of ours that our books lack."""
    EXTERNAL_REFUND = "external_refund"
    """Others have refunded a payment, and our books lack it."""
    DISPUTE = "dispute"
    """Our books lack a dispute, or what became of it."""
    LATE_FAILURE = "late_failure"
    """A payment or a refund has failed that our books do not know to have failed."""
    AMOUNT = "amount"
    """The amounts differ."""
    CURRENCY = "currency"
    """The currencies differ."""
    PAYMENT_UNKNOWN = "payment_unknown"
    """Our books have money of a payment that the gateway does not know."""
    REFUND_UNKNOWN = "refund_unknown"
    """Our books have a refund that the gateway does not know."""
    UNREADABLE = "unreadable"
    """The gateway has something of ours that cannot be read."""


@frozen
class Difference:
    """One difference; another look at the same gateway finds it under the same kind and subject."""

    kind: DifferenceKind
    gateway: str
    livemode: bool
    subject: str
    """The identifier of what differs: of a payment, charge, refund, dispute or notification."""
    at: datetime
    """About when it was created, or claimed; it lies in the period that was compared."""
    order_id: OrderId | None = None
    payment_id: PaymentId | None = None
    charge_id: str | None = None
    refund_id: str | None = None
    ours: str | None = None
    """What our books say."""
    theirs: str | None = None
    """What the gateway says."""
    repaired: bool = False
    reason: str | None = None
    """What was done, or why nothing was."""


@frozen
class OpenDifference:
    """A stored difference that is not resolved."""

    difference: Difference
    found_at: datetime
    """When it was found first."""
    seen_at: datetime
    """When it was found last."""

    @property
    def place(self) -> "PlaceOfDifference":
        """Where it is in the list."""
        found = self.difference
        return PlaceOfDifference(
            self.found_at, found.gateway, found.livemode, found.kind, found.subject
        )


@frozen
class PlaceOfDifference:
    """Where a page of open differences ends."""

    found_at: datetime
    gateway: str
    livemode: bool
    kind: DifferenceKind
    subject: str


@frozen
class ComparedPeriod:
    """A period of a gateway that was compared completely."""

    gateway: str
    livemode: bool
    since: datetime
    until: datetime
    began_at: datetime
    """When the comparison began, by the clock of the database."""


class Differences(Protocol):
    """Stores differences until they are resolved, and for some time afterwards.

    Promises, checked by tests/contracts/differences.py on every adapter:

    - There is one difference for each gateway, mode, kind and subject; another report updates it.
    - One that was repaired is resolved; one that is found again is open again.
    - Open ones are part of the backlog. Texts of any content are stored, and bounded.
    - A comparison resolves none that was found after the end of its period: the record at the
      gateway may be made later than the payment.
    """

    async def record(self, found: Sequence[Difference]) -> None:
        """Store differences.

        Raises:
            StorageUnavailable: the database cannot be reached; repeating it is harmless.
        """

    async def list_open(
        self, limit: int, after: PlaceOfDifference | None = None
    ) -> Sequence[OpenDifference]:
        """Return up to `limit` open differences that follow this place, the oldest first.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """

    async def resolve(self, compared: ComparedPeriod) -> int:
        """Mark the open differences of this period that its comparison did not find any more.

        Returns how many.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
