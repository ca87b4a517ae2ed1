"""Stripe's test cards by token and payment method, for gateways that only pretend to charge."""

from typing import Final

from attrs import frozen


@frozen
class Card:
    """What a test card does when it is charged, and when its money is given back."""

    decline: str | None = None
    """The code it is declined with; None: it is good for any amount."""
    authenticates: bool = False
    """Whether the bank wants to see the customer (3-D Secure) before it decides."""
    refund_waits: bool = False
    """Whether a refund stays with the bank until somebody finishes it."""


# https://docs.stripe.com/testing#declined-payments; the code is what Stripe gives as
# `decline_code`, or as `code` where the card has no decline code.
_DECLINED: Final = {
    "chargeDeclined": "generic_decline",
    "chargeDeclinedInsufficientFunds": "insufficient_funds",
    "chargeDeclinedLostCard": "lost_card",
    "chargeDeclinedStolenCard": "stolen_card",
    "chargeDeclinedExpiredCard": "expired_card",
    "chargeDeclinedIncorrectCvc": "incorrect_cvc",
    "chargeDeclinedProcessingError": "processing_error",
    "chargeDeclinedFraudulent": "fraudulent",
    "chargeDeclinedVelocityLimitExceeded": "card_velocity_exceeded",
    "chargeCustomerFail": "generic_decline",
    "radarBlock": "fraudulent",
}

# https://docs.stripe.com/testing#cards
_GOOD: Final = (
    *("visa", "visa_debit", "mastercard", "mastercard_debit", "mastercard_prepaid"),
    *("amex", "discover", "diners", "jcb", "unionpay", "us", "threeDSecureOptional"),
)

# https://docs.stripe.com/testing#regulatory-cards
_AUTHENTICATING: Final = {
    "threeDSecureRequired": None,
    "threeDSecure2Required": None,
    "authenticationRequired": None,
    "threeDSecureRequiredChargeDeclined": "generic_decline",
}


def _cards() -> dict[str, Card]:
    named = {name: Card() for name in _GOOD}
    named |= {name: Card(decline=code) for name, code in _DECLINED.items()}
    named |= {f"visa_{name}": Card(decline=code) for name, code in _DECLINED.items()}
    named |= {name: Card(code, authenticates=True) for name, code in _AUTHENTICATING.items()}
    # https://docs.stripe.com/testing#refunds
    named["pendingRefund"] = Card(refund_waits=True)
    named["refundFail"] = Card()
    return named


CARDS: Final = {
    prefix + name: card for name, card in _cards().items() for prefix in ("tok_", "pm_card_")
}
"""Every test token and its `pm_card_…` twin."""
