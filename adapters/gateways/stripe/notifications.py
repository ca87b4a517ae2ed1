"""Stripe's webhooks: verified bytes in, what happened in our words out; https://docs.stripe.com/webhooks."""

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from typing import Any, Final

from attrs import field, frozen

from adapters.gateways.stripe.objects import (
    Json,
    Unreadable,
    about_us,
    amount,
    declined_by,
    livemode,
    outcome_of_charge,
    outcome_of_refund,
    part,
    text,
)
from application.ports.clock import Clock
from application.ports.gateway_notifications import (
    DisputeNotification,
    ExternalRefundNotification,
    InvalidNotification,
    Notification,
    PaymentNotification,
    RefundNotification,
    UnrelatedNotification,
)
from application.ports.payment_gateway import OutcomeUnknown
from domain.dispute import DisputeStatus
from domain.identifiers import ChargeId, DisputeId, PaymentId, RefundId
from domain.outcome import Charged, Outcome

TOLERANCE_SECONDS: Final = 300
"""How old a notice may be, as Stripe's libraries have it
(https://docs.stripe.com/webhooks#replay-attacks); and how far ahead of our clock, which they do
not look at."""

# Seconds since 1970 have ten digits until the year 2286.
_TIMESTAMP: Final = re.compile(r"[0-9]{1,11}", re.ASCII)

# Whatever else it is called, it goes on; a closed warning took no money.
_DISPUTES: Final = {
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
    "warning_closed": DisputeStatus.WON,
}

# Stripe's names are far shorter; an id is kept, so it must fit.
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")


@frozen
class StripeNotificationReader:
    """Reads what Stripe sends to our webhook endpoint."""

    _secrets: Sequence[str] = field(repr=False)
    """Every secret that may have signed: while one is rolled over, the old and the new."""
    _now: Clock

    def read(self, body: bytes, signature: str) -> Notification:
        self._verify(body, signature)
        event = _decoded(body)
        notification_id = event.get("id")
        if not isinstance(notification_id, str) or not _ID.fullmatch(notification_id):
            raise InvalidNotification("the event has no id")
        about, kind = part(part(event, "data"), "object"), event.get("type")
        if not isinstance(kind, str):
            return UnrelatedNotification(notification_id)
        if kind.startswith("charge.dispute."):
            return _of_dispute(notification_id, about)
        if kind.startswith(("refund.", "charge.refund.")):
            return _of_refund(notification_id, about)
        payment_id = about_us(about, "payment_id")
        if payment_id is None or not _ID.fullmatch(payment_id):
            return UnrelatedNotification(notification_id)
        if kind.startswith(("charge.", "payment_intent.")):
            return PaymentNotification(
                notification_id, PaymentId(payment_id), _evidence(kind, about)
            )
        return UnrelatedNotification(notification_id)

    def _verify(self, body: bytes, signature: str) -> None:
        """Check who signed and when; https://docs.stripe.com/webhooks#verify-manually."""
        pairs = [each.partition("=") for each in signature.split(",")]
        times = [value for name, _, value in pairs if name == "t"]
        if len(times) != 1 or not _TIMESTAMP.fullmatch(times[0]):
            raise InvalidNotification("the signature has no timestamp")
        given = [value.encode(errors="replace") for name, _, value in pairs if name == "v1"]
        signed = f"{times[0]}.".encode() + body
        expected = [
            hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()
            for secret in self._secrets
        ]
        if not any(hmac.compare_digest(ours, theirs) for ours in expected for theirs in given):
            raise InvalidNotification("the signature is not of one of our secrets")
        if abs(self._now().timestamp() - int(times[0])) > TOLERANCE_SECONDS:
            raise InvalidNotification("the notice is too old, or from the future")


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body.decode())
    except (ValueError, RecursionError):  # bad UTF-8 and numbers beyond all bounds are ValueErrors
        raise InvalidNotification("the body is not JSON") from None
    if not isinstance(event, dict):
        raise InvalidNotification("the body is no JSON object")
    return event


def _evidence(kind: str, about: Json) -> Outcome | None:
    """What the event proves; None where it is not the end, or cannot be read."""
    try:
        match kind:
            case "charge.succeeded" | "charge.captured":
                return outcome_of_charge(about)
            case "charge.failed" if about.get("payment_intent") is None:
                return outcome_of_charge(about)
            # A failed charge of an intent is not its end, nor is `payment_intent.payment_failed`:
            # until it is canceled, another card may be put on it.
            case "payment_intent.succeeded":
                return Charged(
                    charge_id=ChargeId(text(about, "latest_charge")),
                    amount=amount(about, "amount_received"),
                    livemode=livemode(about),
                    reference=text(about, "id"),
                )
            case "payment_intent.canceled":
                return declined_by(about)
            case _:
                return None
    except OutcomeUnknown:
        return None


def _of_refund(notification_id: str, about: Json) -> Notification:
    """Ours carries our labels; what carries none was begun by another hand, on Stripe's pages."""
    payment_id, refund_id = about_us(about, "payment_id"), about_us(about, "refund_id")
    try:
        outcome = outcome_of_refund(about)
        if payment_id and refund_id and _ID.fullmatch(payment_id) and _ID.fullmatch(refund_id):
            return RefundNotification(
                notification_id, PaymentId(payment_id), RefundId(refund_id), outcome
            )
        return ExternalRefundNotification(
            id=notification_id,
            charge_id=ChargeId(text(about, "charge")),
            reference=text(about, "id"),
            amount=amount(about, "amount"),
            outcome=outcome,
        )
    except Unreadable:
        return UnrelatedNotification(notification_id)


def _of_dispute(notification_id: str, about: Json) -> Notification:
    """A dispute names the charge and nothing of ours; https://docs.stripe.com/api/disputes/object."""
    try:
        return DisputeNotification(
            id=notification_id,
            charge_id=ChargeId(text(about, "charge")),
            dispute_id=DisputeId(text(about, "id")),
            amount=amount(about, "amount"),
            reason=text(about, "reason"),
            status=_DISPUTES.get(text(about, "status"), DisputeStatus.OPEN),
        )
    except Unreadable:
        return UnrelatedNotification(notification_id)
