"""Whose fault an error of Stripe is: the card's or customer's, the shop's, or nobody's.

Whether another card could help is what decides. The codes are those of
https://docs.stripe.com/error-codes and https://docs.stripe.com/declines/codes; rules at the end of
`fault_of` decide about codes that Stripe adds later.
"""

import re
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, Final

from attrs import frozen

from application.ports.payment_gateway import OutcomeUnknown
from domain.money import Money
from domain.outcome import MAX_MESSAGE, Declined, Refused


class Fault(Enum):
    """Whose fault an error is."""

    CUSTOMER = auto()
    """Another card or payment method may help: a decline."""
    SHOP = auto()
    """No card helps; an operator must act: a refusal."""
    NOBODY = auto()
    """The same request may succeed later; nothing was done."""
    UNKNOWN = auto()
    """It tells of something that exists already, not that nothing was done: it is looked up."""


# Stripe is busy, or another request uses the object: the request was not executed
# (https://docs.stripe.com/rate-limits#object-lock-timeouts).
_NOBODY: Final = frozenset({"lock_timeout", "rate_limit", "payment_intent_rate_limit_exceeded"})

# About an object in a state that an earlier request brought about. A charge that is refused for it
# may have succeeded.
_UNKNOWN: Final = frozenset(
    {
        *("charge_already_captured", "charge_already_refunded", "charge_disputed"),
        *("intent_invalid_state", "payment_intent_unexpected_state", "resource_already_exists"),
    }
)

# What is wrong with the card, the bank account, or what the customer typed, whatever type the
# error has. A card_error needs no code from this list.
_CUSTOMER: Final = frozenset(
    {
        *("account_closed", "account_number_invalid", "authentication_required"),
        *("bank_account_bad_routing_numbers", "bank_account_declined", "bank_account_exists"),
        *("bank_account_restricted", "bank_account_unusable", "bank_account_unverified"),
        *("bank_account_verification_failed", "billing_invalid_mandate"),
        *("card_decline_rate_limit_exceeded", "card_declined", "debit_not_authorized"),
        *("cardholder_phone_number_required", "email_invalid", "expired_card"),
        *("expired_payment_method", "financial_connections_account_inactive", "incorrect_address"),
        *("incorrect_cvc", "incorrect_number", "incorrect_postal_code", "incorrect_zip"),
        *("india_recurring_payment_mandate_canceled", "insufficient_funds", "invalid_card_type"),
        *("invalid_characters", "invalid_cvc", "invalid_expiry_month", "invalid_expiry_year"),
        *("invalid_number", "invalid_source_usage", "no_account", "payment_intent_action_required"),
        *("payment_intent_authentication_failure", "payment_intent_incompatible_payment_method"),
        *("payment_intent_konbini_rejected_confirmation_number", "payment_intent_mandate_invalid"),
        *("payment_intent_payment_attempt_expired", "payment_intent_payment_attempt_failed"),
        *("payment_method_bank_account_blocked", "payment_method_billing_details_address_missing"),
        *("payment_method_currency_mismatch", "payment_method_customer_decline"),
        *("payment_method_invalid_parameter", "payment_method_invalid_parameter_testmode"),
        *("payment_method_not_available", "payment_method_provider_decline"),
        *("payment_method_provider_timeout", "payment_method_restricted"),
        *("payment_method_unexpected_state", "postal_code_invalid", "processing_error"),
        *("refer_to_customer", "routing_number_invalid", "sepa_unsupported_account"),
        *("setup_attempt_failed", "shipping_address_invalid", "tax_id_invalid"),
        "three_d_secure_authentication_not_supported",
        *("three_d_secure_authentication_upstream_error", "token_already_used"),
        *("token_card_network_invalid",),
    }
)

# What the shop must change although the error names the customer's token or payment method:
# methods that are switched off, keys of another mode, the same token sent twice at once.
_SHOP: Final = frozenset(
    {
        *("amount_too_large", "amount_too_small", "capability_not_active"),
        *("charge_exceeds_source_limit", "invalid_charge_amount", "livemode_mismatch"),
        *("charge_exceeds_transaction_limit", "parameter_missing", "parameter_unknown"),
        *("parameters_exclusive", "payment_method_configuration_failures"),
        *("payment_method_unactivated", "payment_method_unsupported_type"),
        *("testmode_charges_only", "token_in_use"),
    }
)

# A card_error that no customer can avoid: a real card, and the shop uses a key for test mode.
_SHOP_DECLINES: Final = frozenset({"test_mode_live_card"})

# The parameters with what the customer sent. Anybody can send an invalid token, so that it must
# neither alert an operator nor escape the limit of declines.
_FROM_CUSTOMER: Final = frozenset(
    {
        *("source", "card", "token", "payment_method", "confirmation_token", "card[token]"),
        *("payment_method_data[card][token]", "payment_method_data"),
    }
)

# "a similar object exists in test mode, but a live mode key was used to make this request"
_OTHER_MODE: Final = re.compile(r"exists in (?:test|live) mode")

# This error has neither code nor parameter.
_USED_METHOD: Final = re.compile(r"PaymentMethod was previously used", re.IGNORECASE)

# Codes are identifiers; any other text is dropped.
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")

# What Stripe may quote: keys, tokens, payment methods, secrets, addresses of a customer's return
# (with what the shop has put there), e-mail addresses, card numbers.
_QUOTED: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:sk|rk|pk|whsec|tok|btok|ctoken|pm|card|src|ba|cus)_[A-Za-z0-9_*]+"
    r"|\w*_secret_\w+"
    r"|https?://[^\s?#]*[?#]\S*"
    r"|(?i:bearer)\s+\S+"
    r"|[^\s'\"<>@]+@[^\s'\"<>@]+"
    r"|(?<!\d)\d(?:[ -]?\d){11,18}(?!\d)"
)


@frozen
class Error:
    """An error object of Stripe; https://docs.stripe.com/api/errors."""

    body: Mapping[str, Any]
    status: int | None = None
    request_id: str | None = None

    def text(self, name: str) -> str:
        """Return a field that is text; empty if it is not."""
        value = self.body.get(name)
        return value if isinstance(value, str) else ""

    @property
    def words(self) -> str:
        """What Stripe says and the request's id, for operators: without tokens and keys."""
        said = redacted(self.text("message")) or "no message"
        param = f" [{redacted(self.text('param'))}]" if self.text("param") else ""
        return f"{said}{param} ({self.request_id or 'no request id'})"


def fault_of(error: Error) -> Fault:
    """Return whose fault an error is that Stripe sent after it had refused a request."""
    code, param = error.text("code"), error.text("param")
    if error.status == 429 or code in _NOBODY:
        return Fault.NOBODY
    if code in _UNKNOWN:
        return Fault.UNKNOWN
    if _OTHER_MODE.search(error.text("message")) or code in _SHOP:
        return Fault.SHOP
    if error.text("type") == "card_error":
        return Fault.SHOP if error.text("decline_code") in _SHOP_DECLINES else Fault.CUSTOMER
    if code in _CUSTOMER or param in _FROM_CUSTOMER or _USED_METHOD.search(error.text("message")):
        return Fault.CUSTOMER
    return Fault.SHOP


def outcome_of_refusal(error: Error, reference: str | None = None) -> Declined | Refused:
    """Return the outcome of a charge that Stripe refused to begin.

    Raises:
        OutcomeUnknown: it may have begun earlier.
    """
    if fault_of(error) is Fault.UNKNOWN:
        raise OutcomeUnknown(f"Stripe refused: {code_of(error.body)}: {error.words}")
    return outcome_of_error(error, reference)


def outcome_of_error(error: Error, reference: str | None = None) -> Declined | Refused:
    """Return the outcome of a charge that ended with this error."""
    code = code_of(error.body)
    if fault_of(error) in (Fault.SHOP, Fault.UNKNOWN):
        return Refused(code, error.words, reference)
    return Declined(code, reference)


def unsupported_amount(amount: Money) -> Refused:
    """Return the outcome of an amount that is not sent, because Stripe cannot express it."""
    return Refused("amount_not_supported", f"Stripe cannot charge exactly {amount}")


def code_of(error: Mapping[str, Any]) -> str:
    """Return the most specific code: the bank's, else Stripe's, else `invalid_<parameter>`."""
    for code in (error.get("decline_code"), error.get("code")):
        if isinstance(code, str) and _CODE.fullmatch(code):
            return code
    param = error.get("param")
    if isinstance(param, str) and _CODE.fullmatch(param):
        return f"invalid_{param}"
    return "invalid_request"


def redacted(text: str) -> str:
    """Return Stripe's text, bounded and without what it may quote."""
    # Cut before the search, whose time grows with the square of the length; and after it, because
    # what is cut in two is not recognized.
    return _QUOTED.sub("<redacted>", text[: 2 * MAX_MESSAGE])[:MAX_MESSAGE]
