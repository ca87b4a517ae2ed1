"""The bodies of requests: which fields each has, what is checked of them, and what is documented.

A kind of field is one object: its check and its schema stand beside each other, and a test compares
them. `JsonFields` reads with it, and the OpenAPI document is made of it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import evolve, frozen

from domain.money import MAX_MINOR_UNITS
from domain.order_reviews import ReviewDecision
from entrypoints.http.validation import MAX_CHARACTERS, is_text
from entrypoints.web_origins import MAX_URL

Json = dict[str, Any]

_CURRENCY: Final = "[A-Za-z]{3}"


@frozen
class FieldKind:
    """What the values of a field must be."""

    rule: str
    """For the error: `FIELD must be …`."""
    schema: Json
    accepts: Callable[[object], bool]

    def about(self, description: str) -> "FieldKind":
        """Return the same kind with a description."""
        return evolve(self, schema={**self.schema, "description": description})


@frozen
class RequestBody:
    """The JSON object of a request; a field that is absent must not be taken for a misspelt one."""

    fields: Mapping[str, FieldKind]
    required: tuple[str, ...]
    example: Json
    is_open: bool = False
    """Whether it may have more fields, as those of the reference service may."""


def _is_amount(value: object) -> bool:
    # Not isinstance: a bool is an int in Python.
    return type(value) is int and 1 <= value <= MAX_MINOR_UNITS


def _is_currency(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(_CURRENCY, value) is not None


def _is_short(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_URL


def _choice(*values: str) -> FieldKind:
    return FieldKind(
        f"must be {' or '.join(sorted(values))}",
        {"type": "string", "enum": sorted(values)},
        lambda value: isinstance(value, str) and value in values,
    )


TEXT: Final = FieldKind(
    f"must be text of 1 to {MAX_CHARACTERS} characters",
    # No NUL, which PostgreSQL cannot store.
    {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_CHARACTERS,
        "pattern": "^[^\\x00]*$",
    },
    is_text,
)
AMOUNT: Final = FieldKind(
    f"must be a whole number of minor units, from 1 to {MAX_MINOR_UNITS}",
    {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_MINOR_UNITS,
        "description": "In minor units",
    },
    _is_amount,
)
CURRENCY: Final = FieldKind(
    "must be a code of three letters",
    {"type": "string", "pattern": f"^{_CURRENCY}$", "description": "ISO 4217"},
    _is_currency,
)
RETURN_URL: Final = FieldKind(
    f"must be a URL of at most {MAX_URL} characters at an allowed origin",
    {
        "type": "string",
        "format": "uri",
        "maxLength": MAX_URL,
        "description": "Where the customer comes back to; of one of RETURN_ORIGINS",
    },
    _is_short,
)
GATEWAY: Final = TEXT.about("One of the gateways that the options of the order name")

_PAGE: Final = "https://shop.example/orders/5f9b2c1d"

PAYMENT: Final = RequestBody(
    {
        "token": TEXT.about("Of the gateway, such as `tok_…`, `pm_…` or `ctoken_…` of Stripe"),
        "orderId": TEXT.about("The order to pay"),
        "amount": AMOUNT.about("In minor units; must be what is due"),
        "currency": CURRENCY.about("ISO 4217; must be that of what is due"),
        "gateway": GATEWAY,
        "returnUrl": RETURN_URL,
    },
    ("token", "orderId"),
    {"token": "tok_visa", "orderId": "5f9b2c1d"},
    is_open=True,
)
SESSION: Final = RequestBody(
    {
        "orderId": TEXT.about("The order to pay"),
        "gateway": GATEWAY,
        "returnUrl": RETURN_URL,
        "cancelUrl": RETURN_URL.about("Where a customer who gives up comes back to"),
    },
    ("orderId", "gateway", "returnUrl", "cancelUrl"),
    {"orderId": "5f9b2c1d", "gateway": "paypal", "returnUrl": _PAGE, "cancelUrl": _PAGE},
    is_open=True,
)
REFUND: Final = RequestBody(
    {
        "amount": AMOUNT.about("In minor units; all that is left, without it"),
        "reason": TEXT.about("For the history and the event"),
    },
    (),
    {"amount": 500, "reason": "requested"},
)
CAPTURE: Final = RequestBody(
    {
        "amount": AMOUNT.about("In minor units; all that is authorized, without it"),
        "currency": CURRENCY.about("ISO 4217; must be that of the payment"),
    },
    (),
    {"amount": 500},
)
VOID: Final = RequestBody(
    {"reason": TEXT.about("For the history and the event")}, (), {"reason": "voided"}
)
REVIEW: Final = RequestBody(
    {
        "decision": _choice(*(each.value for each in ReviewDecision)).about(
            "`accept`: the order is paid with what was captured; `refund`: all of it goes back"
        ),
        "reason": TEXT.about("For the history"),
    },
    ("decision", "reason"),
    {"decision": "accept", "reason": "agreed with the customer"},
)
NOTHING: Final = RequestBody({}, (), {})
"""Of a request that says everything in its path."""
