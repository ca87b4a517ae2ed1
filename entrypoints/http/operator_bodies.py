"""The bodies of the lists that operators read."""

import base64
from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from application.ports.inbound_events import DeadLetter
from domain.explanation import time_text
from domain.payment import Payment
from entrypoints.body_fields import (
    ChargeIdText,
    CurrencyCode,
    GatewayName,
    MinorUnits,
    Moment,
    OrderIdText,
    PaymentIdText,
    PaymentStatusText,
    UserIdText,
)

MAX_LISTED: Final = 200
"""The most items of one page; as many as the commands fetch at a time."""

LISTED: Final = 50
"""The items of a page if the request does not say how many."""


class PaymentItem(Struct, rename="camel"):
    """A payment in a list of operators. The amount is in minor units."""

    id: PaymentIdText
    order_id: OrderIdText
    user_id: UserIdText
    status: PaymentStatusText
    amount: MinorUnits
    currency: CurrencyCode
    gateway: GatewayName
    charge_id: ChargeIdText | None
    created_at: Moment


class PaymentPage(Struct):
    """Payments, the newest first; `next` is the cursor of the following page."""

    items: list[PaymentItem]
    next: str | UnsetType = UNSET


class DeadLetterBody(Struct):
    """An unusable event; `bytes` is its body in base64."""

    id: Annotated[int, Meta(ge=1)]
    subject: str
    reason: str
    at: Moment
    bytes: Annotated[str, Meta(extra_json_schema={"contentEncoding": "base64"})]


class DeadLetterPage(Struct):
    """Dead letters, oldest first; `next` is the cursor of the following page."""

    items: list[DeadLetterBody]
    next: str | UnsetType = UNSET


def payment_item(payment: Payment) -> PaymentItem:
    """Return the item for a payment."""
    return PaymentItem(
        id=payment.id,
        order_id=payment.order_id,
        user_id=payment.user_id,
        status=payment.status.value,
        amount=payment.amount.minor_units,
        currency=payment.amount.currency.code,
        gateway=payment.gateway,
        charge_id=payment.charge_id,
        created_at=time_text(payment.created_at),
    )


def dead_letter_body(letter: DeadLetter) -> DeadLetterBody:
    """Return the body for a dead letter."""
    return DeadLetterBody(
        letter.id,
        letter.subject,
        letter.reason,
        time_text(letter.recorded_at),
        base64.b64encode(letter.data).decode(),
    )
