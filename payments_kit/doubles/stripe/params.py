"""Which parameters each endpoint takes, and Stripe's answers to the others; https://docs.stripe.com/api."""

import re
from collections.abc import Callable
from typing import Any

from attrs import field, frozen

from .errors import invalid
from .form import Raw

Check = Callable[[str, Any], Any]
# https://docs.stripe.com/api/metadata
METADATA_KEYS, METADATA_KEY_LENGTH, METADATA_VALUE_LENGTH = 50, 40, 500
MAX_TEXT = 5000


def text(name: str, raw: Any) -> str:
    if not isinstance(raw, str):
        raise invalid("Invalid string", param=name)
    if raw == "":
        message = f"You passed an empty string for '{name}'. We assume empty values are an attempt "
        message += f"to unset a parameter; however '{name}' cannot be unset."
        raise invalid(message, code="parameter_invalid_empty", param=name)
    if len(raw) > MAX_TEXT:
        message = f"Invalid string: must be at most {MAX_TEXT} characters"
        raise invalid(message, code="parameter_invalid_string_too_long", param=name)
    return raw


def optional_text(name: str, raw: Any) -> str | None:
    return None if raw == "" else text(name, raw)


def integer(name: str, raw: Any) -> int:
    # Longer than any amount, and short enough for int().
    if isinstance(raw, str) and re.fullmatch(r"-?[0-9]{1,18}", raw):
        return int(raw)
    raise invalid(f"Invalid integer: {raw}", code="parameter_invalid_integer", param=name)


def boolean(name: str, raw: Any) -> bool:
    if raw in ("true", "false"):
        return bool(raw == "true")
    raise invalid(f"Invalid boolean: {raw}", param=name)


def one_of(*allowed: str) -> Check:
    def check(name: str, raw: Any) -> str:
        if raw in allowed:
            return str(raw)
        raise invalid(f"Invalid {name}: must be one of {', '.join(allowed)}", param=name)

    return check


def texts(name: str, raw: Any) -> list[str]:
    if isinstance(raw, list):
        return [text(f"{name}[{index}]", each) for index, each in enumerate(raw)]
    raise invalid("Invalid array", param=name)


def metadata(name: str, raw: Any) -> dict[str, str]:
    if raw == "":
        return {}
    if isinstance(raw, list):
        raw = {str(index): value for index, value in enumerate(raw)}
    if not isinstance(raw, dict):
        raise invalid("Invalid object", param=name)
    if len(raw) > METADATA_KEYS:
        raise invalid(f"Metadata can have at most {METADATA_KEYS} keys.", param=name)
    for key, value in raw.items():
        if len(key) > METADATA_KEY_LENGTH:
            raise invalid(f"Metadata keys can be at most {METADATA_KEY_LENGTH} long.", param=name)
        if not isinstance(value, str) or len(value) > METADATA_VALUE_LENGTH:
            message = f"Metadata values can have up to {METADATA_VALUE_LENGTH} characters."
            raise invalid(message, param=f"{name}[{key}]")
    return {key: value for key, value in raw.items() if value != ""}


def created(name: str, raw: Any) -> dict[str, int]:
    if isinstance(raw, str):
        return {"gte": integer(name, raw), "lte": integer(name, raw)}
    bounds = _Fields({"gt": integer, "gte": integer, "lt": integer, "lte": integer})
    return bounds(name, raw)


def page_size(name: str, raw: Any) -> int:
    size = integer(name, raw)
    if 1 <= size <= 100:
        return size
    wrong = "greater than or equal to 1" if size < 1 else "less than or equal to 100"
    raise invalid(f"This value must be {wrong}.", code="parameter_invalid_integer", param=name)


@frozen
class _Fields:
    """A nested object with these fields only."""

    fields: dict[str, Check]

    def __call__(self, name: str, raw: Any) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise invalid("Invalid object", param=name)
        for key in raw:
            if key not in self.fields:
                raise _unknown([f"{name}[{key}]"])
        return {key: self.fields[key](f"{name}[{key}]", value) for key, value in raw.items()}


def fields(**each: Check) -> Check:
    return _Fields(each)


def _unknown(names: list[str]) -> Exception:
    plural = "s" if len(names) > 1 else ""
    return invalid(
        f"Received unknown parameter{plural}: {', '.join(names)}",
        code="parameter_unknown",
        param=names[0],
    )


@frozen
class Shape:
    """The parameters of one endpoint.

    `elsewhere` are those that Stripe knows and this double does not model: they are refused loudly
    instead of being ignored in silence.
    """

    fields: dict[str, Check] = field(factory=dict)
    required: tuple[str, ...] = ()
    elsewhere: frozenset[str] = frozenset()

    def check(self, raw: Raw) -> dict[str, Any]:
        allowed = self.fields | {"expand": texts}
        if unknown := [name for name in raw if name not in allowed and name not in self.elsewhere]:
            raise _unknown(unknown)
        if unmodelled := [name for name in raw if name in self.elsewhere]:
            message = f"The double does not model: {', '.join(unmodelled)}"
            raise invalid(message, code="double_not_modelled", param=unmodelled[0], status=501)
        for name in self.required:
            if name not in raw:
                message = f"Missing required param: {name}."
                raise invalid(message, code="parameter_missing", param=name)
        return {name: allowed[name](name, value) for name, value in raw.items()}


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


_CARD = fields(token=text, number=text, exp_month=integer, exp_year=integer, cvc=text)
_BILLING = fields(name=text, email=text, phone=text)
_PAGE: dict[str, Check] = {
    "limit": page_size,
    "starting_after": text,
    "ending_before": text,
    "created": created,
}
_ON_CONFIRM: dict[str, Check] = {
    "payment_method": text,
    "payment_method_data": fields(type=one_of("card"), card=_CARD, billing_details=_BILLING),
    "error_on_requires_action": boolean,
    "off_session": boolean,
    "receipt_email": optional_text,
    "return_url": text,
    "use_stripe_sdk": boolean,
}
_INTENT_ELSEWHERE = """allowed_payment_method_types amount_details application_fee_amount
    confirmation_token customer customer_account excluded_payment_method_types hooks mandate
    mandate_data on_behalf_of payment_details payment_method_configuration payment_method_options
    radar_options setup_future_usage shipping statement_descriptor statement_descriptor_suffix
    transfer_data transfer_group"""

NOTHING = Shape()
LIST = Shape(_PAGE)
LIST_CHARGES = Shape(_PAGE | {"payment_intent": text}, elsewhere=_words("customer transfer_group"))
LIST_INTENTS = Shape(_PAGE, elsewhere=_words("customer customer_account"))
LIST_METHODS = Shape(
    {**_PAGE, "type": text}, elsewhere=_words("allow_redisplay customer customer_account")
)
LIST_REFUNDS = Shape(_PAGE | {"charge": text, "payment_intent": text})
LIST_EVENTS = Shape(_PAGE | {"type": text, "types": texts}, elsewhere=_words("delivery_success"))
SEARCH = Shape({"query": text, "limit": page_size, "page": text}, required=("query",))
CREATE_CHARGE = Shape(
    {
        "amount": integer,
        "currency": text,
        "source": text,
        "capture": boolean,
        "description": optional_text,
        "metadata": metadata,
        "receipt_email": optional_text,
    },
    required=("amount", "currency"),
    elsewhere=_words(
        """application_fee application_fee_amount card customer destination on_behalf_of
        radar_options shipping statement_descriptor statement_descriptor_suffix transfer_data
        transfer_group"""
    ),
)
UPDATE = Shape({"metadata": metadata, "description": optional_text})
CAPTURE_CHARGE = Shape({"amount": integer})
CREATE_TOKEN = Shape({"card": _CARD}, required=("card",))
CREATE_METHOD = Shape(
    {
        "type": one_of("card"),
        "card": _CARD,
        "metadata": metadata,
        "billing_details": _BILLING,
        "allow_redisplay": one_of("always", "limited", "unspecified"),
    },
    required=("type",),
    elsewhere=_words("customer payment_method radar_options us_bank_account sepa_debit link"),
)
# `payment_method_types` is absent on purpose: gone from PaymentIntents since 2026-09-30.
CREATE_INTENT = Shape(
    {
        "amount": integer,
        "currency": text,
        "automatic_payment_methods": fields(
            enabled=boolean, allow_redirects=one_of("always", "never")
        ),
        "capture_method": one_of("automatic", "automatic_async", "manual"),
        "confirm": boolean,
        "confirmation_method": one_of("automatic", "manual"),
        "description": optional_text,
        "metadata": metadata,
        **_ON_CONFIRM,
    },
    required=("amount", "currency"),
    elsewhere=_words(_INTENT_ELSEWHERE),
)
CONFIRM_INTENT = Shape(_ON_CONFIRM, elsewhere=_words(_INTENT_ELSEWHERE))
CANCEL_INTENT = Shape(
    {"cancellation_reason": one_of("duplicate", "fraudulent", "requested_by_customer", "abandoned")}
)
CAPTURE_INTENT = Shape({"amount_to_capture": integer, "metadata": metadata})
READ_INTENT = Shape({"client_secret": text})
CREATE_REFUND = Shape(
    {
        "charge": text,
        "payment_intent": text,
        "amount": integer,
        "metadata": metadata,
        "reason": one_of("duplicate", "fraudulent", "requested_by_customer"),
    },
    elsewhere=_words(
        "currency customer instructions_email origin refund_application_fee reverse_transfer"
    ),
)
