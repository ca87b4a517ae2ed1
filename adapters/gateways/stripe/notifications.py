"""Verification and translation of Stripe's webhooks; https://docs.stripe.com/webhooks."""

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from typing import Any, Final

from attrs import field, frozen

from adapters.gateways.stripe.labels import claimed_payment, label
from adapters.gateways.stripe.objects import (
    Json,
    Unreadable,
    amount,
    declined_by,
    livemode,
    nested,
    outcome_of_charge,
    text,
)
from adapters.gateways.stripe.refunds import reported_refund
from application.ports.clock import Clock
from application.ports.gateway_notifications import (
    DisputeNotification,
    ExternalRefundNotification,
    InvalidNotification,
    Notification,
    PaymentNotification,
    RefundNotification,
    RefusedBecause,
    UnrelatedNotification,
)
from application.ports.payment_gateway import OutcomeUnknown
from domain.dispute import DisputeStatus
from domain.identifiers import ChargeId, DisputeId, PaymentId
from domain.money import Money
from domain.outcome import Charged, Outcome

TOLERANCE_SECONDS: Final = 300
"""How old a notification may be, as in Stripe's libraries
(https://docs.stripe.com/webhooks#replay-attacks), and how far ahead of our clock, which they do
not check."""

# Seconds since 1970 have ten digits until the year 2286.
_TIMESTAMP: Final = re.compile(r"[0-9]{1,11}", re.ASCII)

# Any other status is open; a closed warning moved no money.
_DISPUTES: Final = {
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
    "warning_closed": DisputeStatus.WON,
}

# Stripe's identifiers are much shorter; the limit protects the tables that store them.
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")


@frozen
class StripeNotificationReader:
    """Reads the events that Stripe sends to our webhook endpoint."""

    _secrets: Sequence[str] = field(repr=False)
    """The valid signing secrets; during a rotation, the old and the new one."""
    _now: Clock

    def read(self, body: bytes, signature: str) -> Notification:
        self._verify(body, signature)
        event = _decoded(body)
        notification_id = event.get("id")
        if not isinstance(notification_id, str) or not _ID.fullmatch(notification_id):
            raise InvalidNotification("the event has no id")
        obj, type_ = nested(nested(event, "data"), "object"), event.get("type")
        if not isinstance(type_, str):
            return UnrelatedNotification(notification_id)
        if type_.startswith("charge.dispute."):
            return _of_dispute(notification_id, obj)
        if type_.startswith(("refund.", "charge.refund.")):
            return _of_refund(notification_id, obj)
        payment_id = label(obj, "payment_id")
        if payment_id is None or not _ID.fullmatch(payment_id):
            return UnrelatedNotification(notification_id)
        if type_.startswith(("charge.", "payment_intent.")):
            return PaymentNotification(
                id=notification_id,
                payment_id=PaymentId(payment_id),
                outcome=_outcome(type_, obj),
                claimed=claimed_payment(obj),
                refunded=_refunded(obj),
            )
        return UnrelatedNotification(notification_id)

    def _verify(self, body: bytes, signature: str) -> None:
        """Check the signature and its time; https://docs.stripe.com/webhooks#verify-manually."""
        pairs = [each.partition("=") for each in signature.split(",")]
        times = [value for name, _, value in pairs if name == "t"]
        if len(times) != 1 or not _TIMESTAMP.fullmatch(times[0]):
            raise InvalidNotification("the signature has no timestamp", RefusedBecause.UNSIGNED)
        signatures = [value.encode(errors="replace") for name, _, value in pairs if name == "v1"]
        signed = f"{times[0]}.".encode() + body
        expected = [
            hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()
            for secret in self._secrets
        ]
        if not any(hmac.compare_digest(ours, theirs) for ours in expected for theirs in signatures):
            raise InvalidNotification(
                "the signature does not match any of our secrets", RefusedBecause.WRONG_SIGNATURE
            )
        if abs(self._now().timestamp() - int(times[0])) > TOLERANCE_SECONDS:
            raise InvalidNotification(
                "the notification is too old, or from the future", RefusedBecause.WRONG_TIME
            )


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body.decode())
    except (ValueError, RecursionError):  # invalid UTF-8 and huge numbers are ValueErrors
        raise InvalidNotification("the body is not JSON") from None
    if not isinstance(event, dict):
        raise InvalidNotification("the body is not a JSON object")
    return event


def _outcome(type_: str, obj: Json) -> Outcome | None:
    """Return the outcome that an event proves; None if it is not final or cannot be read."""
    try:
        match type_:
            case "charge.succeeded" | "charge.captured" | "charge.refunded":
                return outcome_of_charge(obj)
            case "charge.failed" if obj.get("payment_intent") is None:
                return outcome_of_charge(obj)
            # Neither a failed charge of an intent nor `payment_intent.payment_failed` is final:
            # until the intent is cancelled, another card may be used for it.
            case "payment_intent.succeeded":
                return Charged(
                    charge_id=ChargeId(text(obj, "latest_charge")),
                    amount=amount(obj, "amount_received"),
                    livemode=livemode(obj),
                    reference=text(obj, "id"),
                )
            case "payment_intent.canceled":
                return declined_by(obj)
            case _:
                return None
    except OutcomeUnknown:
        return None


def _refunded(obj: Json) -> Money | None:
    """Return how much of a charge was refunded by then; None if nothing was.

    The event alone does not say by which refunds: since API version 2022-11-15 a charge does not
    contain them (https://docs.stripe.com/upgrades#2022-11-15).
    """
    try:
        refunded = amount(obj, "amount_refunded")
    except Unreadable:
        return None
    return None if refunded.is_zero else refunded


def _of_refund(notification_id: str, obj: Json) -> Notification:
    """Translate a refund; without our labels, it is an external one."""
    payment_id = label(obj, "payment_id")
    try:
        refund, charge_id = reported_refund(obj), ChargeId(text(obj, "charge"))
    except Unreadable:
        return UnrelatedNotification(notification_id)
    if payment_id is not None and _ID.fullmatch(payment_id) and refund.refund_id is not None:
        return RefundNotification(notification_id, PaymentId(payment_id), charge_id, refund)
    return ExternalRefundNotification(
        notification_id, charge_id, refund.reference, refund.amount, refund.outcome
    )


def _of_dispute(notification_id: str, obj: Json) -> Notification:
    """Translate a dispute; it only names the charge.

    https://docs.stripe.com/api/disputes/object
    """
    try:
        return DisputeNotification(
            id=notification_id,
            charge_id=ChargeId(text(obj, "charge")),
            dispute_id=DisputeId(text(obj, "id")),
            amount=amount(obj, "amount"),
            reason=text(obj, "reason"),
            status=_DISPUTES.get(text(obj, "status"), DisputeStatus.OPEN),
        )
    except Unreadable:
        return UnrelatedNotification(notification_id)
