"""The states of a payment, and which may follow which."""

from collections.abc import Mapping
from enum import Enum
from typing import Final

NOT_SENT: Final = "not_sent"
"""The code of an abandoned payment of which we know that nothing was tried."""

CANCELLED_BY_CUSTOMER: Final = "cancelled_by_customer"
"""The code of a payment that its customer cancels, and of its reversal after a late capture."""

ORDER_CANCELLED: Final = "order_cancelled"
"""The code of an authorization that is released because its order is cancelled."""

ORDER_ALREADY_PAID: Final = "order_already_paid"
"""The code of a payment that its order cannot keep because another one has paid it, or may."""

AUTHORIZATION_EXPIRED: Final = "authorization_expired"
"""The code of an authorization that has run out."""

RELEASE_CODES: Final = frozenset(
    {
        *(ORDER_CANCELLED, AUTHORIZATION_EXPIRED, CANCELLED_BY_CUSTOMER),
        *(ORDER_ALREADY_PAID, "order_expired", "declined_before"),
        *("amount_mismatch", "currency_mismatch", "livemode_mismatch", "charged_twice"),
    }
)
"""Why the rules release an authorization; another code says that an operator or the gateway did."""


class PaymentStatus(Enum):
    """The states of a payment; TRANSITIONS lists what may follow what."""

    PROCESSING = "processing"
    REQUIRES_ACTION = "requires_action"
    PENDING = "pending"
    """The gateway has accepted it, and the money comes later; nobody has to do anything."""
    AUTHORIZED = "authorized"
    """The money is held on the customer's account until it is captured or released."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """Cancelled by its customer before anything was captured, or its authorization is released."""
    ABANDONED = "abandoned"
    """The gateway has no record of it. A charge that appears later is kept or given back."""
    REVERSED = "reversed"
    """Captured although the order may not keep it; the money is given back automatically."""
    REVIEW = "review"
    """The captured amount, currency or mode is not what was requested; an operator decides."""


_LATE: Final = frozenset({PaymentStatus.REVERSED, PaymentStatus.REVIEW})
"""What a capture leads to after the customer was told that there would be none."""

_ACCEPTED: Final = frozenset({PaymentStatus.PENDING, PaymentStatus.AUTHORIZED})
"""The gateway has accepted the payment, and has not captured the money yet."""

_RESULTS: Final = _LATE | {PaymentStatus.SUCCEEDED, PaymentStatus.FAILED, PaymentStatus.ABANDONED}

TRANSITIONS: Final[Mapping[PaymentStatus, frozenset[PaymentStatus]]] = {
    PaymentStatus.PROCESSING: _RESULTS | _ACCEPTED | {PaymentStatus.REQUIRES_ACTION},
    # The customer has approved it: its money is being taken.
    PaymentStatus.REQUIRES_ACTION: _RESULTS
    | _ACCEPTED
    | {PaymentStatus.PROCESSING, PaymentStatus.CANCELLED},
    # The gateway has accepted it: that it has no record of it now proves nothing.
    PaymentStatus.PENDING: _RESULTS - {PaymentStatus.ABANDONED}
    | {PaymentStatus.AUTHORIZED, PaymentStatus.CANCELLED},
    PaymentStatus.AUTHORIZED: _LATE | {PaymentStatus.SUCCEEDED, PaymentStatus.CANCELLED},
    PaymentStatus.ABANDONED: _RESULTS - {PaymentStatus.ABANDONED} | _ACCEPTED,
    PaymentStatus.FAILED: _LATE,
    PaymentStatus.CANCELLED: _LATE,
    PaymentStatus.SUCCEEDED: frozenset(),
    PaymentStatus.REVERSED: frozenset(),
    # An operator decides.
    PaymentStatus.REVIEW: frozenset({PaymentStatus.SUCCEEDED, PaymentStatus.REVERSED}),
}
"""Which states may follow each state. Any other change is ignored, so that repeated and late
reports are harmless. docs/architecture.md draws this table; a test compares the two."""

CANCELLABLE: Final = frozenset({PaymentStatus.REQUIRES_ACTION, PaymentStatus.PENDING})
"""It waits for its customer or its money; the customer may have it cancelled."""

OPEN: Final = CANCELLABLE | {PaymentStatus.PROCESSING, PaymentStatus.AUTHORIZED}
"""It has not ended yet: it waits, or its outcome is unknown."""

LIVE: Final = OPEN | {PaymentStatus.SUCCEEDED}
"""At most one payment of an order is in one of these states."""

CAPTURED: Final = frozenset({PaymentStatus.SUCCEEDED, PaymentStatus.REVERSED, PaymentStatus.REVIEW})
"""The gateway has captured money."""
