"""Translation of Stripe's events; https://docs.stripe.com/webhooks.

A signed event is translated, or proved to be about nothing of ours, or unusable: then it is kept
until a later version can use it. It is never dropped.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import field, frozen

from adapters.gateways.stripe.disputes import dispute_of
from adapters.gateways.stripe.events import ID, decoded, hashed, id_of, object_of, version_of
from adapters.gateways.stripe.intents import charged_by_event, declined_by
from adapters.gateways.stripe.labels import claimed_payment, is_ours, label
from adapters.gateways.stripe.objects import (
    Json,
    Unreadable,
    intent_of,
    is_release,
    nested,
    outcome_of_charge,
    refunded_of,
    text,
)
from adapters.gateways.stripe.refunds import reported_refund
from adapters.gateways.stripe.signatures import verify
from application.ports.clock import Clock
from application.ports.gateway_notifications import (
    ExternalRefundNotification,
    Notification,
    PaymentNotification,
    RefundNotification,
    UnrelatedNotification,
    UnusableNotification,
)
from application.ports.payment_gateway import OutcomeUnknown
from domain.identifiers import ChargeId, PaymentId
from domain.money import Money
from domain.outcome import Declined, Outcome

SIGNATURE: Final = "stripe-signature"

# Stripe documents no other events about charges and payment intents
# (https://docs.stripe.com/api/events/types). Those without an outcome only make us look.
_WITHOUT_OUTCOME: Final = frozenset(
    {
        *("charge.pending", "charge.updated", "payment_intent.created"),
        # It does not say until when; `charge.succeeded`, which is sent with it, does.
        "payment_intent.amount_capturable_updated",
        *("payment_intent.partially_funded", "payment_intent.payment_failed"),
        *("payment_intent.processing", "payment_intent.requires_action"),
        # Until the intent is cancelled, another card may be used for it.
        "charge.failed",
    }
)
_PAYMENTS: Final = ("charge.", "payment_intent.")
_REFUNDS: Final = ("refund.", "charge.refund.")
_DISPUTES: Final = ("charge.dispute.",)

# The objects of thin events that may be ours (https://docs.stripe.com/event-destinations).
_THIN: Final = "v2.core.event"
_OUR_OBJECTS: Final = ("charge", "payment_intent", "refund", "dispute")

# These objects may be ours without our labels: their charge is.
_WITHOUT_LABELS: Final = ("refund", "dispute")


@frozen
class StripeNotificationReader:
    """Reads the events that Stripe sends to our webhook endpoint."""

    _secrets: Sequence[str] = field(repr=False)
    """The valid signing secrets; during a rotation, the old and the new one."""
    _now: Clock

    async def read(self, body: bytes, headers: Mapping[str, str]) -> Notification:
        verify(body, headers.get(SIGNATURE, ""), self._secrets, self._now())
        return self.read_verified(body)

    def read_verified(self, body: bytes) -> Notification:
        return read_event(body)


def read_event(body: bytes) -> Notification:
    """Translate an event that is known to be Stripe's."""
    event = decoded(body)
    if event is None:
        return UnusableNotification(hashed(body), "the body is not a JSON object")
    event_id = id_of(event, body)
    try:
        return _translated(event_id, event)
    except Unreadable as unreadable:
        return UnusableNotification(
            event_id, str(unreadable), _payment_id(event), claimed_payment(object_of(event))
        )


def _translated(event_id: str, event: Json) -> Notification:
    """Translate an event.

    Raises:
        Unreadable: it may be about something of ours, and cannot be read.
    """
    obj = object_of(event)
    if event.get("object") == _THIN or ("related_object" in event and not obj):
        return _of_thin(event_id, event)
    type_ = text(event, "type")
    if type_.startswith(_DISPUTES):
        return dispute_of(event_id, type_, obj)
    if type_.startswith(_REFUNDS):
        return _of_refund(event_id, obj)
    if obj.get("object") in _WITHOUT_LABELS:
        raise Unreadable(f"the event type {_shown(type_)} of a {obj['object']} is unknown")
    if type_.startswith(_PAYMENTS):
        return _of_payment(event_id, type_, obj, version_of(event))
    if _payment_id(event) is not None and label(obj, "order_id") is not None:
        raise Unreadable(f"an object with our labels has the unknown event type {_shown(type_)}")
    return UnrelatedNotification(event_id)


def _of_thin(event_id: str, event: Json) -> Notification:
    """Keep a thin event that may be ours: it contains no object to read."""
    kind = nested(event, "related_object").get("type")
    if isinstance(kind, str) and kind.rpartition(".")[2] not in _OUR_OBJECTS:
        return UnrelatedNotification(event_id)
    raise Unreadable("a thin event has no object: let Stripe send snapshot events instead")


def _of_payment(event_id: str, type_: str, obj: Json, version: str) -> Notification:
    if not isinstance(obj.get("metadata"), dict):
        raise Unreadable(f"the object of {_shown(type_)} has no metadata")
    if "payment_id" not in obj["metadata"]:
        if is_ours(obj):
            raise Unreadable("our label payment_id is missing")
        return UnrelatedNotification(event_id)
    payment_id = label(obj, "payment_id")
    if payment_id is None or not ID.fullmatch(payment_id):
        raise Unreadable("our label payment_id cannot be read")
    return PaymentNotification(
        id=event_id,
        payment_id=PaymentId(payment_id),
        outcome=_outcome(type_, obj),
        claimed=claimed_payment(obj),
        refunded=_refunded(obj, version),
    )


def _outcome(type_: str, obj: Json) -> Outcome | None:
    """Return the outcome that an event proves; None if it is not final.

    Raises:
        Unreadable: it cannot be read, or its type is unknown.
    """
    try:
        match type_:
            case "charge.succeeded" | "charge.captured" | "charge.refunded":
                return outcome_of_charge(obj)
            case "charge.failed" if obj.get("payment_intent") is None:
                return outcome_of_charge(obj)
            case "payment_intent.succeeded":
                return charged_by_event(obj)
            case "charge.updated" if obj.get("status") == "succeeded":
                return outcome_of_charge(obj)
            case "payment_intent.canceled":
                return declined_by(obj)
            case "charge.expired":
                return Declined("expired", intent_of(obj))
            case _ if type_ in _WITHOUT_OUTCOME:
                return None
            case _:
                raise Unreadable(f"the event type {_shown(type_)} is unknown")
    except Unreadable:
        raise
    except OutcomeUnknown:  # such as a card's charge that is not finished
        return None


def _refunded(obj: Json, version: str) -> Money | None:
    """Return how much of a charge was refunded by then; None if nothing was.

    The event alone does not say by which refunds: since API version 2022-11-15 a charge does not
    contain them (https://docs.stripe.com/upgrades#2022-11-15).

    Raises:
        Unreadable: it cannot be read.
    """
    if "amount_refunded" not in obj:  # a payment intent
        return None
    refunded = refunded_of(obj, version)
    return None if refunded.is_zero else refunded


def _of_refund(event_id: str, obj: Json) -> Notification:
    """Translate a refund; without our labels, it is an external one.

    One that releases an authorization gives nothing back.
    """
    if is_release(obj) or label(obj, "releases") is not None:
        return UnrelatedNotification(event_id)
    payment_id = label(obj, "payment_id")
    refund, charge_id = reported_refund(obj), ChargeId(text(obj, "charge"))
    if payment_id is not None and ID.fullmatch(payment_id) and refund.refund_id is not None:
        return RefundNotification(event_id, PaymentId(payment_id), charge_id, refund)
    return ExternalRefundNotification(event_id, charge_id, refund)


def _payment_id(event: Json) -> PaymentId | None:
    """Return the payment that an event names, if it names one."""
    found = label(object_of(event), "payment_id")
    return PaymentId(found) if found is not None and ID.fullmatch(found) else None


def _shown(type_: str) -> str:
    """Return a type for a log: an identifier, or nothing that a log should show."""
    return type_ if re.fullmatch(r"[a-z0-9_.]{1,100}", type_) else "(not a name)"
