"""The bodies of PayPal's requests: their fields and limits.

https://developer.paypal.com/docs/api/orders/v2/ and https://developer.paypal.com/docs/api/payments/v2/
"""

from typing import Any

from payments_kit.doubles.paypal.checks import (
    MONEY,
    Check,
    array,
    boolean,
    fields,
    one_of,
    text,
    url,
)

MAXPURCHASE_UNITS = 10
BREAKDOWN_ADDED = ("item_total", "shipping", "handling", "tax_total", "insurance")
BREAKDOWN_SUBTRACTED = ("shipping_discount", "discount")
INTENT = one_of("CAPTURE", "AUTHORIZE")
_ID = text(127)


def anything(_: str, __: Any) -> None:
    """Accept every value of a field that the double stores without a look."""


_AMOUNT = fields(
    "currency_code",
    "value",
    currency_code=text(3, shortest=3),
    value=text(32, r"((-?[0-9]+)|(-?([0-9]+)?[.][0-9]+))"),
    breakdown=fields(**dict.fromkeys((*BREAKDOWN_ADDED, *BREAKDOWN_SUBTRACTED), MONEY)),
)
_ITEM = fields(
    "name",
    "unit_amount",
    "quantity",
    name=_ID,
    unit_amount=MONEY,
    tax=MONEY,
    quantity=text(10, "[1-9][0-9]{0,9}"),
    description=_ID,
    sku=_ID,
    category=one_of("DIGITAL_GOODS", "PHYSICAL_GOODS", "DONATION"),
)
PURCHASE_UNIT = fields(
    "amount",
    reference_id=text(256),
    amount=_AMOUNT,
    description=_ID,
    custom_id=_ID,
    invoice_id=_ID,
    soft_descriptor=text(22),
    items=array(_ITEM, longest=100, shortest=0),
)
_LOCALE = text(10, "[a-z]{2}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?", shortest=2)
_CONTEXT: dict[str, Check] = {
    "brand_name": _ID,
    "locale": _LOCALE,
    "shipping_preference": one_of("GET_FROM_FILE", "NO_SHIPPING", "SET_PROVIDED_ADDRESS"),
    "user_action": one_of("CONTINUE", "PAY_NOW"),
    "return_url": url,
    "cancel_url": url,
}
_EXPERIENCE = fields(
    **_CONTEXT,
    landing_page=one_of("LOGIN", "GUEST_CHECKOUT", "NO_PREFERENCE"),
    payment_method_preference=one_of("UNRESTRICTED", "IMMEDIATE_PAYMENT_REQUIRED"),
)
_SOURCE = fields(
    "paypal",
    paypal=fields(experience_context=_EXPERIENCE, email_address=text(254, r"\S+@\S+", shortest=3)),
)

NOTHING = fields()
CREATE_ORDER = fields(
    "intent",
    "purchase_units",
    intent=INTENT,
    purchase_units=array(PURCHASE_UNIT, MAXPURCHASE_UNITS),
    payment_source=_SOURCE,
    application_context=fields(
        **_CONTEXT, landing_page=one_of("LOGIN", "BILLING", "NO_PREFERENCE")
    ),
)
COMPLETE_ORDER = NOTHING
PATCH_ORDER = array(
    fields(
        "op",
        op=one_of("add", "remove", "replace", "move", "copy", "test"),
        path=text(1000),
        value=anything,
    ),
    longest=32767,
)
CAPTURE_AUTHORIZATION = fields(
    amount=MONEY,
    invoice_id=text(127, shortest=0),
    final_capture=boolean,
    note_to_payer=text(255, shortest=0),
    soft_descriptor=text(22, shortest=0),
)
REAUTHORIZE = fields(amount=MONEY)
REFUND = fields(
    amount=MONEY,
    custom_id=_ID,
    invoice_id=_ID,
    note_to_payer=text(255),
)
