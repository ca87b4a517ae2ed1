"""What each of Stripe's statuses means, also one that Stripe adds later.

One rule for all of them: an unknown status is not final, so that the object is looked at again; but
what an event says is closed is closed. An unknown status is always logged.
"""

import logging
from collections.abc import Mapping
from enum import Enum, auto
from typing import Final, TypeVar

from adapters.gateways.stripe.refusals import redacted
from domain.dispute import DisputeStatus

logger = logging.getLogger(__name__)

Meaning = TypeVar("Meaning")


class Progress(Enum):
    """How far a charge, an intent or a refund is."""

    OPEN = auto()
    WAITING_FOR_CUSTOMER = auto()
    WAITING_FOR_CARD = auto()
    """Nothing happens until the customer gives another card."""
    AUTHORIZED = auto()
    """The money is held until it is captured or released."""
    WAITING_FOR_MONEY = auto()
    """The bank has not paid yet; only a payment that is not by card takes days."""
    SUCCEEDED = auto()
    FAILED = auto()


# https://docs.stripe.com/api/charges/object#charge_object-status
_CHARGES: Final = {
    "pending": Progress.WAITING_FOR_MONEY,
    "succeeded": Progress.SUCCEEDED,
    "failed": Progress.FAILED,
}

# https://docs.stripe.com/payments/paymentintents/lifecycle
_INTENTS: Final = {
    "processing": Progress.WAITING_FOR_MONEY,
    "requires_capture": Progress.AUTHORIZED,
    "requires_action": Progress.WAITING_FOR_CUSTOMER,
    "requires_payment_method": Progress.WAITING_FOR_CARD,
    "requires_confirmation": Progress.WAITING_FOR_CARD,
    "succeeded": Progress.SUCCEEDED,
    "canceled": Progress.FAILED,
}

# https://docs.stripe.com/api/refunds/object#refund_object-status
_REFUNDS: Final = {
    "pending": Progress.OPEN,
    "requires_action": Progress.OPEN,
    "succeeded": Progress.SUCCEEDED,
    "failed": Progress.FAILED,
    "canceled": Progress.FAILED,
}

# https://docs.stripe.com/api/disputes/object#dispute_object-status. A warning that is closed moved
# no money; `charge_refunded`, which Stripe no longer documents, ended a dispute by a refund.
_DISPUTES: Final = {
    **dict.fromkeys(("needs_response", "under_review"), DisputeStatus.OPEN),
    **dict.fromkeys(("warning_needs_response", "warning_under_review"), DisputeStatus.OPEN),
    **dict.fromkeys(("appeal_needs_response", "appeal_under_review"), DisputeStatus.OPEN),
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
    "warning_closed": DisputeStatus.WON,
    "prevented": DisputeStatus.PREVENTED,
    "charge_refunded": DisputeStatus.PREVENTED,
}


def charge_progress(word: str) -> Progress:
    """Return what the status of a charge means."""
    return _meaning("charge", word, _CHARGES, Progress.OPEN)


def intent_progress(word: str) -> Progress:
    """Return what the status of a payment intent means."""
    return _meaning("payment intent", word, _INTENTS, Progress.OPEN)


def refund_progress(word: str) -> Progress:
    """Return what the status of a refund means."""
    return _meaning("refund", word, _REFUNDS, Progress.OPEN)


def dispute_status(word: str, *, is_closed: bool, was_taken: bool) -> DisputeStatus:
    """Return what the status of a dispute means.

    If an event says that it is closed, but not how, the money decides: it is lost if Stripe has
    taken it.
    """
    status = _meaning("dispute", word, _DISPUTES, DisputeStatus.OPEN)
    if is_closed and status is DisputeStatus.OPEN:
        return DisputeStatus.LOST if was_taken else DisputeStatus.WON
    return status


def is_known_dispute(word: str, *, is_closed: bool) -> bool:
    """Whether the status says how a dispute stands, so that no operator has to look."""
    return word in _DISPUTES and not (is_closed and _DISPUTES[word] is DisputeStatus.OPEN)


def _meaning(kind: str, word: str, known: Mapping[str, Meaning], unknown: Meaning) -> Meaning:
    if word not in known:
        logger.warning("a %s at Stripe has the unknown status %.99s", kind, redacted(repr(word)))
    return known.get(word, unknown)
