"""Notifications from a gateway (webhooks), verified and translated into our own terms."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum, unique
from typing import Final, Protocol

from attrs import field, frozen

from domain.dispute import DisputeStatus
from domain.identifiers import ChargeId, DisputeId, OrderId, PaymentId
from domain.money import Money
from domain.outcome import Outcome
from domain.payment import Payment
from domain.refund import ReportedRefund

READ_SECONDS: Final = 10.0
"""How long verifying a notification may take. Stripe and PayPal wait longer for a reply, and send
the notification again without one."""


@unique
class RefusedBecause(Enum):
    """Why a notification is not accepted."""

    UNSIGNED = "unsigned"
    WRONG_SIGNATURE = "wrong_signature"
    WRONG_TIME = "wrong_time"
    """Signed too long ago, or in the future: one of the two clocks may be wrong."""
    UNREADABLE = "unreadable"


class InvalidNotification(Exception):
    """The bytes are not a verified notification; the text is the reason, without their content."""

    def __init__(self, text: str, because: RefusedBecause = RefusedBecause.UNREADABLE) -> None:
        super().__init__(text)
        self.because = because


@frozen
class PaymentNotification:
    """One of our payments has changed. Without an outcome, the gateway must be asked."""

    id: str
    payment_id: PaymentId
    outcome: Outcome | None = None
    claimed: Payment | None = None
    """The payment as it was claimed, if the labels of its charge describe all of it."""
    refunded: Money | None = None
    """How much of its charge was refunded by then, by anybody; None if that is not reported."""
    may_be_late: bool = False
    """Whether money may have been taken: the gateway is asked although the payment has ended."""


@frozen
class SessionNotification:
    """A session has changed, such as by the customer's approval: the gateway must be asked.

    The gateway created the session for the order, and may not know for which payment it is used.
    """

    id: str
    order_id: OrderId
    reference: str
    """What `GatewaySessions.reference_of` returns for the session's token."""


@frozen
class ExternalRefundNotification:
    """A charge is refunded, as far as is known outside this service: such as in a dashboard."""

    id: str
    charge_id: ChargeId
    reported: ReportedRefund
    gateway: str | None = None
    """Whose charge it is; set when it is received."""


@frozen
class RefundNotification:
    """A refund with our labels has changed; it may be one that we have sent."""

    id: str
    payment_id: PaymentId
    charge_id: ChargeId
    reported: ReportedRefund

    @property
    def as_external(self) -> ExternalRefundNotification:
        """The same as an external refund, which it is unless we have sent it."""
        return ExternalRefundNotification(self.id, self.charge_id, self.reported)


@frozen
class DisputeNotification:
    """A dispute about a charge was opened or decided."""

    id: str
    charge_id: ChargeId
    dispute_id: DisputeId
    amount: Money
    reason: str
    status: DisputeStatus
    unknown_status: str | None = field(default=None, eq=False)
    """The gateway's word for the status, if we do not know it; it is not stored."""
    due_by: datetime | None = None
    """Until when the gateway awaits evidence."""
    gateway: str | None = None
    """Whose charge it is; set when it is received."""


@frozen
class UnrelatedNotification:
    """A notification that is not about our payments."""

    id: str


@frozen
class UnusableNotification:
    """A verified notification that may be about something of ours, and cannot be used."""

    id: str
    reason: str
    """Why; without its content."""
    payment_id: PaymentId | None = None
    """The payment that it names, if any: the gateway is asked about it."""
    claimed: Payment | None = None
    """The payment as it was claimed, if the labels of its charge describe all of it."""


ChargeNotification = ExternalRefundNotification | DisputeNotification
"""A notification about something that we did not start; it only names the charge."""

UsableNotification = (
    PaymentNotification
    | SessionNotification
    | RefundNotification
    | ChargeNotification
    | UnrelatedNotification
)

Notification = UsableNotification | UnusableNotification


class NotificationReader(Protocol):
    """Verifies and translates the notifications of one gateway.

    Promises, checked by tests/contracts/notification_reader.py on ours, and by
    payments_kit/conformance/notification_promises.py on every adapter that has one:

    - Nothing unverified is accepted, and no bytes raise anything but `InvalidNotification`.
    - A verified notification is translated, or it is proved not to be about anything of ours, or it
      is an `UnusableNotification`: none is dropped.
    - Every text of a notification can be stored.
    """

    async def read(self, body: bytes, headers: Mapping[str, str]) -> Notification:
        """Verify and translate a notification; the names of its headers are in lower case.

        Raises:
            InvalidNotification: the signature is wrong, or too old, or from the future.
            GatewayUnavailable: what is needed to verify it cannot be fetched now.
        """

    def read_verified(self, body: bytes) -> Notification:
        """Translate a notification that was verified before and kept since."""


def reader_of(gateway: object) -> NotificationReader | None:
    """Return the reader of an adapter: its attribute `notification_reader`, if it has one.

    It is optional: recovery finds every outcome without notifications, only later.
    """
    reader: NotificationReader | None = getattr(gateway, "notification_reader", None)
    return reader
