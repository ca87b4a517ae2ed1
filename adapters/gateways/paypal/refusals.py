"""Whose fault an error of PayPal is: the customer's, the shop's, or of something that exists.

Whether another attempt of this customer could help is what decides. The issues are those of
https://developer.paypal.com/api/rest/reference/orders/v2/errors/ and
https://developer.paypal.com/docs/api/payments/v2/#errors; `fault_of` says what becomes of those
that PayPal adds later.
"""

import re
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, Final

from attrs import frozen

from domain.money import Money
from domain.outcome import MAX_MESSAGE, Declined, Refused


class Fault(Enum):
    """Whose fault an error is."""

    CUSTOMER = auto()
    """Another account or card may help: a decline."""
    SHOP = auto()
    """Nothing that the customer has helps; an operator must act: a refusal."""
    STATE = auto()
    """It tells of something that exists already, not that nothing was done: it is looked up."""
    UNKNOWN = auto()
    """A later version of PayPal's API: it is looked up, and is the shop's fault if nothing was
    done."""


# What is wrong with the payer's account, card or address, or with the order that they sent.
_CUSTOMER: Final = frozenset(
    {
        *("AGREEMENT_ALREADY_CANCELLED", "ALIAS_DECLINED_BY_PROCESSOR", "BILLING_ADDRESS_INVALID"),
        *("BILLING_AGREEMENT_NOT_FOUND", "CARD_BRAND_NOT_SUPPORTED", "CARD_CLOSED", "CARD_EXPIRED"),
        *("COMPLIANCE_VIOLATION", "DECLINED_DUE_TO_RELATED_TXN", "DOMESTIC_TRANSACTION_REQUIRED"),
        *("IDENTIFIER_NOT_FOUND", "INSTRUMENT_DECLINED", "INVALID_PICKUP_ADDRESS"),
        *("INVALID_RESOURCE_ID", "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED", "ORDER_EXPIRED"),
        *(
            "PAYEE_BLOCKED_TRANSACTION",
            "PAYER_ACCOUNT_LOCKED_OR_CLOSED",
            "PAYER_ACCOUNT_RESTRICTED",
        ),
        *(
            "PAYER_CANNOT_PAY",
            "PAYMENT_SOURCE_CANNOT_BE_USED",
            "PAYMENT_SOURCE_INFO_CANNOT_BE_VERIFIED",
        ),
        *("PAYMENT_SOURCE_DECLINED_BY_PROCESSOR", "PAYMENT_SOURCE_NOT_SUPPORTED"),
        *("PAYMENT_TYPE_NOT_SUPPORTED_FOR_INTENT", "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING"),
        *("REFERENCED_CARD_EXPIRED", "SHIPPING_ADDRESS_INVALID", "TOKEN_EXPIRED"),
        *("TOKEN_ID_NOT_FOUND", "TRANSACTION_BLOCKED_BY_PAYEE", "TRANSACTION_LIMIT_EXCEEDED"),
        *("TRANSACTION_REFUSED", "UNSUPPORTED_INTENT_FOR_PAYMENT_SOURCE"),
    }
)

# What only the shop can change: its account at PayPal, or what this service sends.
_SHOP: Final = frozenset(
    {
        *("AMOUNT_CANNOT_BE_SPECIFIED", "AMOUNT_MISMATCH", "AUTHORIZATION_AMOUNT_EXCEEDED"),
        *("AUTHORIZATION_CURRENCY_MISMATCH", "AUTH_CAPTURE_CURRENCY_MISMATCH"),
        *("AUTH_CAPTURE_NOT_ENABLED", "CANNOT_BE_NEGATIVE", "CANNOT_BE_ZERO_OR_NEGATIVE"),
        *(
            "CURRENCY_MISMATCH",
            "DECIMALS_NOT_SUPPORTED",
            "DECIMAL_PRECISION",
            "FIELD_NOT_PATCHABLE",
        ),
        *("INCOMPATIBLE_PARAMETER_VALUE", "INVALID_ACCOUNT_STATUS", "INVALID_CURRENCY_CODE"),
        *("INVALID_PARAMETER_SYNTAX", "INVALID_PARAMETER_VALUE", "INVALID_STRING_LENGTH"),
        *("INVALID_STRING_MAX_LENGTH", "MALFORMED_REQUEST_JSON", "MAX_CAPTURE_AMOUNT_EXCEEDED"),
        *("MAX_VALUE_EXCEEDED", "MISSING_REQUIRED_PARAMETER", "NOT_AUTHORIZED", "NOT_PATCHABLE"),
        *("NOT_ENABLED_FOR_BANK_PROCESSING", "NOT_ENABLED_FOR_CARD_PROCESSING", "NOT_SUPPORTED"),
        *("PAYEE_ACCOUNT_INVALID", "PAYEE_ACCOUNT_LOCKED_OR_CLOSED", "PAYEE_ACCOUNT_RESTRICTED"),
        *("PAYEE_NOT_ENABLED_FOR_BANK_PROCESSING", "PAYEE_NOT_ENABLED_FOR_CARD_PROCESSING"),
        *("PERMISSION_DENIED", "SETUP_ERROR_FOR_BANK", "TRANSACTION_RECEIVING_LIMIT_EXCEEDED"),
        *("UNSUPPORTED_INTENT",),
    }
)

# About an object in a state that an earlier request, or the customer, brought about.
_STATE: Final = frozenset(
    {
        *("ACTION_DOES_NOT_MATCH_INTENT", "AUTHORIZATION_ALREADY_CAPTURED", "AUTHORIZATION_DENIED"),
        *("AUTHORIZATION_EXPIRED", "AUTHORIZATION_VOIDED", "CANNOT_BE_VOIDED"),
        *("CAPTURE_FULLY_REFUNDED", "DUPLICATE_INVOICE_ID", "DUPLICATE_REQUEST_ID"),
        "MAX_AUTHORIZATION_COUNT_EXCEEDED",
        *("MAX_CAPTURE_COUNT_EXCEEDED", "ORDER_ALREADY_AUTHORIZED", "ORDER_ALREADY_CAPTURED"),
        *("ORDER_ALREADY_COMPLETED", "ORDER_COMPLETED_OR_VOIDED", "ORDER_COMPLETION_IN_PROGRESS"),
        *("ORDER_NOT_APPROVED", "PAYER_ACTION_REQUIRED", "PREVIOUSLY_CAPTURED"),
        *("PREVIOUSLY_VOIDED", "PREVIOUS_REQUEST_IN_PROGRESS"),
    }
)

PAYER_ACTION_REQUIRED: Final = "PAYER_ACTION_REQUIRED"
"""The customer must go to PayPal again, such as to authenticate with their bank."""

# Issues are identifiers; any other text is dropped.
_ISSUE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,62}", re.ASCII)

# What PayPal may quote: tokens, credentials, addresses with their queries, e-mail addresses, card
# numbers.
_QUOTED: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:A21|A101|EC-|BA-)[A-Za-z0-9._-]+"
    r"|(?i:bearer|basic)\s+\S+"
    r"|https?://[^\s?#]*[?#]\S*"
    r"|[^\s'\"<>@]+@[^\s'\"<>@]+"
    r"|(?<!\d)\d(?:[ -]?\d){11,18}(?!\d)"
)


@frozen
class Error:
    """An error of PayPal; https://developer.paypal.com/api/rest/responses/#http-status-codes."""

    body: Mapping[str, Any]
    status: int | None = None
    debug_id: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether it has the form of PayPal's errors: something else may have replied."""
        return isinstance(self.body.get("name"), str)

    @property
    def issue(self) -> str:
        """The first issue, else the name of the error."""
        details = self.body.get("details")
        for each in details if isinstance(details, list) else ():
            issue = each.get("issue") if isinstance(each, dict) else None
            if isinstance(issue, str) and _ISSUE.fullmatch(issue):
                return issue
        name = self.body.get("name")
        return name if isinstance(name, str) and _ISSUE.fullmatch(name) else "INVALID_REQUEST"

    @property
    def code(self) -> str:
        """The issue, as a code of ours: in lower case."""
        return self.issue.lower()

    @property
    def words(self) -> str:
        """What PayPal says, and its id of the request, for operators: without what it may quote."""
        details = self.body.get("details")
        first = details[0] if isinstance(details, list) and details else {}
        said = first.get("description") if isinstance(first, dict) else None
        if not isinstance(said, str):
            said = self.body.get("message")
        words = redacted(said) if isinstance(said, str) and said else "no message"
        return f"{words} ({self.debug_id or 'no debug id'})"


def fault_of(error: Error) -> Fault:
    """Return whose fault an error is that PayPal sent after it had refused a request."""
    issue = error.issue
    for fault, known in _KNOWN.items():
        if issue in known:
            return fault
    # A 400 is about what we send; a 404 about the id that the customer has sent.
    return {400: Fault.SHOP, 404: Fault.CUSTOMER}.get(error.status or 0, Fault.UNKNOWN)


_KNOWN: Final = {Fault.CUSTOMER: _CUSTOMER, Fault.SHOP: _SHOP, Fault.STATE: _STATE}


def outcome_of_refusal(error: Error, reference: str | None = None) -> Declined | Refused:
    """Return the outcome of a payment whose money PayPal has refused to take."""
    if fault_of(error) is Fault.CUSTOMER:
        return Declined(error.code, reference)
    return Refused(error.code, error.words, reference)


def unsupported_amount(amount: Money) -> Refused:
    """Return the outcome of an amount that is not sent, because PayPal cannot express it."""
    return Refused("amount_not_supported", f"PayPal cannot charge exactly {amount}")


def redacted(text: str) -> str:
    """Return PayPal's text, bounded and without what it may quote."""
    # Cut before the search, and after it: what is cut in two is not recognized.
    return _QUOTED.sub("<redacted>", text[: 2 * MAX_MESSAGE])[:MAX_MESSAGE]
