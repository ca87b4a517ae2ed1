"""Stripe's test cards, by token and payment method, for the simulated gateways."""

from typing import Final

from attrs import frozen


@frozen
class Card:
    """How a test card behaves when it is charged, and when the charge is refunded."""

    decline: str | None = None
    """The decline code; None if every charge succeeds."""
    authenticates: bool = False
    """Whether the bank asks the customer to authenticate (3-D Secure) before it decides."""
    refund_is_pending: bool = False
    """Whether a refund stays pending until `finish_refund` is called."""
    is_debit: bool = False
    """Whether it is a bank account: the payment is pending until `finish_debit` is called."""
    can_be_cancelled: bool = True
    """Whether a pending payment can be cancelled: a bank does not recall a debit that it has."""
    redirects: bool = False
    """Whether it sends the customer to a page of the bank, and so needs a return address."""
    is_voucher: bool = False
    """Whether the customer pays with a voucher, such as in a shop, while the payment is pending."""


# https://docs.stripe.com/testing#declined-payments; the code is Stripe's `decline_code`, or its
# `code` if the card has no decline code.
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
}

# https://docs.stripe.com/testing#cards
_SUCCEEDING: Final = (
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
    cards = {name: Card() for name in _SUCCEEDING}
    cards |= {name: Card(decline=code) for name, code in _DECLINED.items()}
    cards |= {f"visa_{name}": Card(decline=code) for name, code in _DECLINED.items()}
    # https://docs.stripe.com/testing#fraud-prevention
    cards["radarBlock"] = Card(decline="fraudulent")
    cards |= {name: Card(code, authenticates=True) for name, code in _AUTHENTICATING.items()}
    # https://docs.stripe.com/testing#refunds
    cards["pendingRefund"] = Card(refund_is_pending=True)
    cards["refundFail"] = Card()
    return cards


# https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment#test-account-numbers; the
# second one is ours, because Stripe has no account whose debits are always too late to cancel.
_DEBITS: Final = {
    "pm_usBankAccount_processing": Card(is_debit=True),
    "pm_usBankAccount_submitted": Card(is_debit=True, can_be_cancelled=False),
}

# Ours: with Stripe, the browser makes these payment methods.
METHODS: Final = {
    "pm_applePay": Card(),
    "pm_ideal": Card(authenticates=True, redirects=True),
    "pm_voucher": Card(is_debit=True, is_voucher=True),
}


CARDS: Final = {
    **{prefix + name: card for name, card in _cards().items() for prefix in ("tok_", "pm_card_")},
    **_DEBITS,
    **METHODS,
}
"""The card of every test token, of the `pm_card_…` payment method of the same name, the bank
accounts, and other methods: a wallet, a bank's page and a voucher."""
