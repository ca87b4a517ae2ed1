"""The parameters of each endpoint, and Stripe's errors for others; https://docs.stripe.com/api."""

from typing import Any

from attrs import field, frozen

from payments_kit.doubles.stripe.checks import (
    Check,
    boolean,
    created,
    fields,
    integer,
    metadata,
    one_of,
    optional_text,
    page_size,
    text,
    texts,
    unknown_parameters,
)
from payments_kit.doubles.stripe.errors import invalid
from payments_kit.doubles.stripe.form import Raw


@frozen
class Shape:
    """The parameters of one endpoint.

    `not_imitated` are those that Stripe accepts and this double does not imitate: they are refused
    with 501 instead of being ignored.
    """

    fields: dict[str, Check] = field(factory=dict)
    required: tuple[str, ...] = ()
    not_imitated: frozenset[str] = frozenset()

    def check(self, raw: Raw) -> dict[str, Any]:
        """Return the checked values, or raise Stripe's error."""
        allowed = self.fields | {"expand": texts}
        if unknown := [name for name in raw if name not in {*allowed, *self.not_imitated}]:
            raise unknown_parameters(unknown)
        if refused := [name for name in raw if name in self.not_imitated]:
            message = f"The double does not imitate: {', '.join(refused)}"
            raise invalid(message, code="double_not_imitated", param=refused[0], status=501)
        for name in self.required:
            if name not in raw:
                message = f"Missing required param: {name}."
                raise invalid(message, code="parameter_missing", param=name)
        return {name: allowed[name](name, value) for name, value in raw.items()}


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


_CARD = fields(token=text, number=text, exp_month=integer, exp_year=integer, cvc=text)
_BILLING = fields(name=text, email=text, phone=text)
_PAGE: dict[str, Check] = {
    "limit": page_size,
    "starting_after": text,
    "ending_before": text,
    "created": created,
}
_METHOD_TYPE = one_of("card", "ideal", "boleto")
_OTHERS: dict[str, Check] = {"ideal": fields(bank=text), "boleto": fields(tax_id=text)}
_METHOD_DATA = fields(type=_METHOD_TYPE, card=_CARD, billing_details=_BILLING, **_OTHERS)
_ON_CONFIRM: dict[str, Check] = {
    "payment_method": text,
    "payment_method_data": _METHOD_DATA,
    "confirmation_token": text,
    "error_on_requires_action": boolean,
    "off_session": boolean,
    "receipt_email": optional_text,
    "return_url": text,
    "use_stripe_sdk": boolean,
}
_INTENT_NOT_IMITATED = """allowed_payment_method_types amount_details application_fee_amount
    customer customer_account excluded_payment_method_types hooks mandate
    mandate_data on_behalf_of payment_details payment_method_configuration payment_method_options
    radar_options setup_future_usage shipping statement_descriptor statement_descriptor_suffix
    transfer_data transfer_group"""

NOTHING = Shape()
LIST = Shape(_PAGE)
LIST_CHARGES = Shape(
    _PAGE | {"payment_intent": text}, not_imitated=_names("customer transfer_group")
)
LIST_INTENTS = Shape(_PAGE, not_imitated=_names("customer customer_account"))
LIST_METHODS = Shape(
    {**_PAGE, "type": text}, not_imitated=_names("allow_redisplay customer customer_account")
)
LIST_BALANCE = Shape(_PAGE | {"currency": text, "payout": text, "source": text, "type": text})
LIST_PAYOUTS = Shape(_PAGE | {"arrival_date": created, "destination": text, "status": text})
LIST_REFUNDS = Shape(_PAGE | {"charge": text, "payment_intent": text})
LIST_DISPUTES = Shape(_PAGE | {"charge": text, "payment_intent": text})
LIST_EVENTS = Shape(_PAGE | {"type": text, "types": texts}, not_imitated=_names("delivery_success"))
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
    not_imitated=_names(
        """application_fee application_fee_amount card customer destination on_behalf_of
        radar_options shipping statement_descriptor statement_descriptor_suffix transfer_data
        transfer_group"""
    ),
)
UPDATE = Shape({"metadata": metadata, "description": optional_text})
CAPTURE_CHARGE = Shape({"amount": integer})
CREATE_TOKEN = Shape({"card": _CARD}, required=("card",))
CREATE_CONFIRMATION = Shape(
    {"payment_method": text, "payment_method_data": _METHOD_DATA, "return_url": text},
    not_imitated=_names("payment_method_options setup_future_usage shipping"),
)
CREATE_METHOD = Shape(
    {
        "type": _METHOD_TYPE,
        **_OTHERS,
        "card": _CARD,
        "metadata": metadata,
        "billing_details": _BILLING,
        "allow_redisplay": one_of("always", "limited", "unspecified"),
    },
    required=("type",),
    not_imitated=_names("customer payment_method radar_options us_bank_account sepa_debit link"),
)
# `payment_method_types` is absent on purpose: PaymentIntents do not accept it since 2026-09-30.
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
    not_imitated=_names(_INTENT_NOT_IMITATED),
)
CONFIRM_INTENT = Shape(_ON_CONFIRM, not_imitated=_names(_INTENT_NOT_IMITATED))
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
    not_imitated=_names(
        "currency customer instructions_email origin refund_application_fee reverse_transfer"
    ),
)
