"""Our labels on Stripe's objects: they name a payment and describe it as it was claimed.

Stripe copies an intent's metadata to its charge when it is confirmed
(https://support.stripe.com/questions/how-metadata-works-with-related-objects), so that the
notifications of both name the payment.
"""

from datetime import UTC, datetime
from typing import Final

from adapters.gateways.stripe.objects import Json, Unreadable, is_storable, livemode, nested
from domain.capture import CaptureMode
from domain.identifiers import OrderId, PaymentId, UserId
from domain.money import Currency, Money, UnknownCurrency
from domain.payment import Payment
from domain.refund import REQUESTED, Refund

GATEWAY: Final = "stripe"
"""The name of the gateway in tables and events, whichever of Stripe's APIs is used."""

MAX_VALUE: Final = 500
"""The longest value of metadata in characters (https://docs.stripe.com/metadata)."""

OUR_LABELS: Final = ("order_id", "user_id", "created_at")
"""Together, they are ours; another application may use one of these names, too."""

MAX_ID: Final = 255
"""The longest id in characters that the tables store."""


def names(payment: Payment) -> dict[str, str]:
    """Return the metadata that names a payment: for operators, and for all but its charge.

    The same payment always gives the same names: a request that is repeated under one idempotency
    key must not change.
    """
    return {"payment_id": payment.id, "order_id": payment.order_id[:MAX_VALUE]}


def labels(payment: Payment) -> dict[str, str]:
    """Return the metadata of a charge or an intent, from which its payment can be rebuilt.

    A payment with an id that does not fit only gets its names.
    """
    if max(len(payment.order_id), len(payment.user_id)) > MAX_VALUE:
        return names(payment)
    manual = payment.capture_mode is CaptureMode.MANUAL
    mode = {"capture_mode": CaptureMode.MANUAL.value} if manual else {}
    return (
        names(payment)
        | mode
        | {
            "user_id": payment.user_id,
            "amount": str(payment.amount.minor_units),
            "currency": payment.amount.currency.code,
            "created_at": payment.created_at.isoformat(),
        }
    )


def refund_labels(refund: Refund) -> dict[str, str]:
    """Return what a refund's metadata says beside its payment's names; it can be rebuilt from it.

    The reason is only there if it is an operator's own, because the others follow from the rules.
    """
    found = {"refund_id": refund.id, "refund_key": refund.key}
    if refund.automatic or refund.reason == REQUESTED:
        return found
    return found | {"refund_reason": refund.reason[:MAX_VALUE]}


def label(obj: Json, name: str) -> str | None:
    """Return one of our labels from an object's metadata."""
    value = nested(obj, "metadata").get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_VALUE:
        return None
    return value if is_storable(value) else None


def is_ours(obj: Json) -> bool:
    """Whether an object may be ours: it names a payment, or bears our other labels together."""
    return "payment_id" in nested(obj, "metadata") or all(label(obj, each) for each in OUR_LABELS)


def claimed_payment(obj: Json) -> Payment | None:
    """Return the payment that an object was created for, as it was claimed.

    None if our labels are missing, as on objects of other applications and of release 1.0.0rc1.
    """
    payment_id, order_id = _id(obj, "payment_id"), _id(obj, "order_id")
    user_id = _id(obj, "user_id")
    amount, created_at, capture_mode = _amount(obj), _created_at(obj), _capture_mode(obj)
    if payment_id is None or order_id is None or user_id is None:
        return None
    if amount is None or created_at is None or capture_mode is None:
        return None
    try:
        live = livemode(obj)
    except Unreadable:
        return None
    return Payment(
        id=PaymentId(payment_id),
        order_id=OrderId(order_id),
        user_id=UserId(user_id),
        amount=amount,
        gateway=GATEWAY,
        livemode=live,
        created_at=created_at,
        capture_mode=capture_mode,
    )


def _id(obj: Json, name: str) -> str | None:
    """Return an id that the tables can store."""
    value = label(obj, name)
    return value if value is not None and len(value) <= MAX_ID else None


def _amount(obj: Json) -> Money | None:
    digits, currency = label(obj, "amount"), label(obj, "currency")
    if digits is None or currency is None or not (digits.isascii() and digits.isdigit()):
        return None
    try:
        return Money(int(digits), Currency.of(currency))
    except (ValueError, UnknownCurrency):
        return None


def _capture_mode(obj: Json) -> CaptureMode | None:
    """Return when the money is captured: at once unless the labels say otherwise."""
    if "capture_mode" not in nested(obj, "metadata"):
        return CaptureMode.AUTOMATIC
    try:
        return CaptureMode(label(obj, "capture_mode"))
    except ValueError:  # of a later version
        return None


def _created_at(obj: Json) -> datetime | None:
    try:
        created_at = datetime.fromisoformat(label(obj, "created_at") or "")
        return None if created_at.tzinfo is None else created_at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
