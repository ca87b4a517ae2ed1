"""What each of PayPal's statuses means, also one that PayPal adds later.

One rule for all of them: an unknown status is not final, so that the object is looked at again. It
is always logged.
"""

import logging
from collections.abc import Mapping
from enum import Enum, auto
from typing import Final, TypeVar

from adapters.gateways.paypal.refusals import redacted
from domain.dispute import DisputeStatus

logger = logging.getLogger(__name__)

Meaning = TypeVar("Meaning")


class Progress(Enum):
    """How far an order, a capture, an authorization or a refund is."""

    OPEN = auto()
    WAITING_FOR_CUSTOMER = auto()
    APPROVED = auto()
    """The customer has approved; nothing is taken yet."""
    AUTHORIZED = auto()
    """The money is held until it is captured or released."""
    CAPTURED = auto()
    """An authorization whose captures say what became of it."""
    WAITING_FOR_MONEY = auto()
    SUCCEEDED = auto()
    FAILED = auto()


# https://developer.paypal.com/docs/api/orders/v2/#definition-order_status
_ORDERS: Final = {
    "CREATED": Progress.WAITING_FOR_CUSTOMER,
    "SAVED": Progress.WAITING_FOR_CUSTOMER,
    "PAYER_ACTION_REQUIRED": Progress.WAITING_FOR_CUSTOMER,
    "APPROVED": Progress.APPROVED,
    "COMPLETED": Progress.CAPTURED,
    "VOIDED": Progress.FAILED,
}

# https://developer.paypal.com/docs/api/payments/v2/#definition-capture_status; what is refunded was
# captured. A pending one waits for a bank, for a review, or for the shop's own account.
_CAPTURES: Final = {
    "COMPLETED": Progress.SUCCEEDED,
    "PARTIALLY_REFUNDED": Progress.SUCCEEDED,
    "REFUNDED": Progress.SUCCEEDED,
    "PENDING": Progress.WAITING_FOR_MONEY,
    "DECLINED": Progress.FAILED,
    "FAILED": Progress.FAILED,
}

# https://developer.paypal.com/docs/api/payments/v2/#definition-authorization_status; EXPIRED is of
# earlier versions.
_AUTHORIZATIONS: Final = {
    "CREATED": Progress.AUTHORIZED,
    "PENDING": Progress.WAITING_FOR_MONEY,
    "CAPTURED": Progress.CAPTURED,
    "PARTIALLY_CAPTURED": Progress.CAPTURED,
    "DENIED": Progress.FAILED,
    "VOIDED": Progress.FAILED,
    "EXPIRED": Progress.FAILED,
}

# https://developer.paypal.com/docs/api/payments/v2/#definition-refund_status
_REFUNDS: Final = {
    "COMPLETED": Progress.SUCCEEDED,
    "PENDING": Progress.OPEN,
    "CANCELLED": Progress.FAILED,
    "FAILED": Progress.FAILED,
}

# https://developer.paypal.com/docs/api/customer-disputes/v1/#definition-status
_DISPUTES: Final = ("OPEN", "WAITING_FOR_BUYER_RESPONSE", "WAITING_FOR_SELLER_RESPONSE")
_OPEN_DISPUTES: Final = frozenset({*_DISPUTES, "UNDER_REVIEW", "OTHER"})

# https://developer.paypal.com/docs/api/customer-disputes/v1/#definition-dispute_outcome. With
# RESOLVED_WITH_PAYOUT, PayPal pays the customer; a claim that is ACCEPTED is the customer's.
_OUTCOMES: Final = {
    "RESOLVED_BUYER_FAVOUR": DisputeStatus.LOST,
    "RESOLVED_SELLER_FAVOUR": DisputeStatus.WON,
    "RESOLVED_WITH_PAYOUT": DisputeStatus.WON,
    "CANCELED_BY_BUYER": DisputeStatus.PREVENTED,
    "ACCEPTED": DisputeStatus.LOST,
    "DENIED": DisputeStatus.WON,
}


def order_progress(word: str) -> Progress:
    """Return what the status of an order means."""
    return _meaning("order", word, _ORDERS, Progress.OPEN)


def capture_progress(word: str) -> Progress:
    """Return what the status of a capture means."""
    return _meaning("capture", word, _CAPTURES, Progress.OPEN)


def authorization_progress(word: str) -> Progress:
    """Return what the status of an authorization means."""
    return _meaning("authorization", word, _AUTHORIZATIONS, Progress.OPEN)


def refund_progress(word: str) -> Progress:
    """Return what the status of a refund means."""
    return _meaning("refund", word, _REFUNDS, Progress.OPEN)


def dispute_status(word: str, outcome: str | None) -> tuple[DisputeStatus, str | None]:
    """Return what the status and the outcome of a dispute mean, and the word that is not known."""
    if word == "RESOLVED":
        known = _OUTCOMES.get(outcome or "")
        return known or DisputeStatus.OPEN, None if known else (outcome or word)
    return DisputeStatus.OPEN, None if word in _OPEN_DISPUTES else word


def _meaning(kind: str, word: str, known: Mapping[str, Meaning], unknown: Meaning) -> Meaning:
    if word not in known:
        logger.warning("a %s at PayPal has the unknown status %.99s", kind, redacted(repr(word)))
    return known.get(word, unknown)
