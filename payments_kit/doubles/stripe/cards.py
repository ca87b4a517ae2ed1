"""Stripe's test cards, as tokens, PaymentMethods and numbers; https://docs.stripe.com/testing."""

from typing import Literal

from attrs import evolve, frozen


@frozen
class Decline:
    """Why a card is declined; https://docs.stripe.com/declines/codes."""

    code: str
    message: str
    decline_code: str | None = None
    blocked: bool = False


@frozen
class Card:
    """A test card, and how it behaves."""

    brand: str = "visa"
    last4: str = "4242"
    funding: str = "credit"
    decline: Decline | None = None
    authentication: Literal["never", "always", "off_session_too"] = "never"
    dispute: str | None = None
    refund: Literal["succeeded", "pending"] = "succeeded"
    method: Literal["card", "us_bank_account", "ideal", "boleto"] = "card"
    """The type of the payment method; a charge of a bank account is pending until it is finished.
    """
    can_be_cancelled: bool = True
    """Whether an intent that is processing can be cancelled."""


def _declined(decline_code: str, message: str = "Your card was declined.") -> Decline:
    return Decline("card_declined", message, decline_code)


GENERIC = _declined("generic_decline")
INSUFFICIENT_FUNDS = _declined("insufficient_funds", "Your card has insufficient funds.")
AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
    "authentication_required",
)

DECLINED: dict[str, Card] = {
    "chargeDeclined": Card(last4="0002", decline=GENERIC),
    "chargeDeclinedInsufficientFunds": Card(last4="9995", decline=INSUFFICIENT_FUNDS),
    "chargeDeclinedLostCard": Card(last4="9987", decline=_declined("lost_card")),
    "chargeDeclinedStolenCard": Card(last4="9979", decline=_declined("stolen_card")),
    "chargeDeclinedExpiredCard": Card(
        last4="0069", decline=Decline("expired_card", "Your card has expired.")
    ),
    "chargeDeclinedIncorrectCvc": Card(
        last4="0127",
        decline=Decline("incorrect_cvc", "Your card's security code is incorrect."),
    ),
    "chargeDeclinedProcessingError": Card(
        last4="0119",
        decline=Decline(
            "processing_error",
            "An error occurred while processing your card. Try again in a little bit.",
        ),
    ),
    "chargeDeclinedVelocityLimitExceeded": Card(
        last4="6975", decline=_declined("card_velocity_exceeded")
    ),
    "chargeDeclinedFraudulent": Card(last4="0019", decline=_declined("fraudulent")),
    "chargeCustomerFail": Card(last4="0341", decline=GENERIC),
}
_RADAR = Decline("card_declined", "Your card was declined.", "fraudulent", blocked=True)
OTHERS: dict[str, Card] = {
    "radarBlock": Card(last4="0019", decline=_RADAR),
    "riskLevelElevated": Card(last4="9235"),
    "createDispute": Card(last4="0259", dispute="fraudulent"),
    "createDisputeProductNotReceived": Card(last4="2685", dispute="product_not_received"),
    "pendingRefund": Card(last4="7726", refund="pending"),
    "refundFail": Card(last4="5126"),
    "bypassPending": Card(last4="0077"),
    "threeDSecureRequired": Card(last4="3063", authentication="always"),
    "threeDSecure2Required": Card(last4="3220", authentication="always"),
    "threeDSecureOptional": Card(last4="3055"),
    "threeDSecureRequiredChargeDeclined": Card(
        last4="1629", authentication="always", decline=GENERIC
    ),
    "authenticationRequired": Card(last4="3184", authentication="off_session_too"),
    "authenticationRequiredOnSetup": Card(last4="3155", authentication="off_session_too"),
    "authenticationRequiredSetupForOffSession": Card(last4="0446", authentication="always"),
    "authenticationRequiredChargeDeclinedInsufficientFunds": Card(
        last4="3178", authentication="off_session_too", decline=INSUFFICIENT_FUNDS
    ),
}
BRANDS: dict[str, Card] = {
    "visa": Card(),
    "us": Card(),
    "visa_debit": Card(last4="5556", funding="debit"),
    "mastercard": Card("mastercard", "4444"),
    "mastercard_debit": Card("mastercard", "8210", "debit"),
    "mastercard_prepaid": Card("mastercard", "5100", "prepaid"),
    "amex": Card("amex", "8431"),
    "discover": Card("discover", "9424"),
    "diners": Card("diners", "3237"),
    "jcb": Card("jcb", "0505"),
    "unionpay": Card("unionpay", "0005"),
}


def _named(prefix: str) -> dict[str, Card]:
    names = {f"{prefix}{name}": card for name, card in {**BRANDS, **OTHERS, **DECLINED}.items()}
    names |= {f"{prefix}visa_{name}": card for name, card in DECLINED.items()}
    debit = evolve(DECLINED["chargeDeclinedInsufficientFunds"], funding="debit")
    return names | {f"{prefix}visa_debit_chargeDeclinedInsufficientFunds": debit}


# https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment#test-account-numbers; the last
# one is not Stripe's, which has no account whose debits are always too late to cancel.
_DEBIT = Card(last4="6789", method="us_bank_account")
_BANK_ACCOUNTS: dict[str, Card] = {
    "pm_usBankAccount_success": _DEBIT,
    "pm_usBankAccount_processing": _DEBIT,
    "pm_usBankAccount_submitted": evolve(_DEBIT, can_be_cancelled=False),
}

# Paid on a page of the bank, and with a voucher (https://docs.stripe.com/payments/ideal,
# https://docs.stripe.com/payments/boleto).
OTHER_METHODS: dict[str, Card] = {
    "ideal": Card(last4="", method="ideal", authentication="always"),
    "boleto": Card(last4="", method="boleto", authentication="always"),
}
CURRENCIES: dict[str, str] = {"ideal": "eur", "boleto": "brl"}

TOKENS: dict[str, Card] = {**_named("tok_"), "btok_us_verified": _DEBIT}
PAYMENT_METHODS: dict[str, Card] = {**_named("pm_card_"), **_BANK_ACCOUNTS}
NUMBERS: dict[str, Card] = {
    "4242424242424242": BRANDS["visa"],
    "4000056655665556": BRANDS["visa_debit"],
    "5555555555554444": BRANDS["mastercard"],
    "378282246310005": BRANDS["amex"],
    "4000000000000002": DECLINED["chargeDeclined"],
    "4000000000009995": DECLINED["chargeDeclinedInsufficientFunds"],
    "4000000000009987": DECLINED["chargeDeclinedLostCard"],
    "4000000000009979": DECLINED["chargeDeclinedStolenCard"],
    "4000000000000069": DECLINED["chargeDeclinedExpiredCard"],
    "4000000000000127": DECLINED["chargeDeclinedIncorrectCvc"],
    "4000000000000119": DECLINED["chargeDeclinedProcessingError"],
    "4100000000000019": OTHERS["radarBlock"],
    "4000000000000259": OTHERS["createDispute"],
    "4000000000007726": OTHERS["pendingRefund"],
    "4000000000005126": OTHERS["refundFail"],
    "4000000000003220": OTHERS["threeDSecure2Required"],
    "4000002760003184": OTHERS["authenticationRequired"],
}
