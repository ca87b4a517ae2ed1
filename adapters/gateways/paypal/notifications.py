"""Translation of PayPal's events.

https://developer.paypal.com/api/rest/webhooks/event-names/. A verified event is translated, or
proved to be about nothing of ours, or unusable: then it is kept until a later version can use it.
It is never dropped.

No event says what became of a payment: PayPal sends it truly, but customers can create and capture
orders in the browser, with any label and for any account. It makes us look at the payment's order.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Final

from attrs import field, frozen

from adapters.gateways.paypal.certificates import Certificates
from adapters.gateways.paypal.disputes import dispute_of
from adapters.gateways.paypal.labels import Label, LabelKey, labelled_refund
from adapters.gateways.paypal.objects import (
    Json,
    Unreadable,
    amount,
    identifier,
    items,
    link,
    nested,
    text,
)
from adapters.gateways.paypal.orders import MODES, PayPalOrder
from adapters.gateways.paypal.refunds import reported_refund
from adapters.gateways.paypal.signatures import Transmission
from adapters.gateways.paypal.statuses import Progress, capture_progress
from adapters.gateways.paypal.wire import decoded
from application.ports.clock import Clock
from application.ports.gateway_notifications import (
    DisputeNotification,
    ExternalRefundNotification,
    Notification,
    PaymentNotification,
    RefundNotification,
    SessionNotification,
    UnrelatedNotification,
    UnusableNotification,
)
from domain.capture import CaptureMode
from domain.dispute import REVERSED, DisputeStatus
from domain.identifiers import ChargeId, DisputeId, PaymentId
from domain.money import Money
from domain.payment import Payment

# What a refund belongs to, in its link `up`.
_CAPTURE: Final = re.compile(r"https?://[^/?#]+/v2/payments/captures/([A-Z0-9]{1,36})", re.ASCII)

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,255}", re.ASCII)

# These are about a refund, which names the capture; so does a reversal.
_REFUNDS: Final = ("PAYMENT.REFUND.", "PAYMENT.CAPTURE.REFUNDED")
_REVERSED: Final = "PAYMENT.CAPTURE.REVERSED"


@frozen
class PayPalNotificationReader:
    """Reads the events that PayPal sends to our webhook endpoint."""

    _webhook_id: str
    """PayPal's id of the endpoint; it is signed as well."""
    _certificates: Certificates
    _now: Clock
    livemode: bool = field(kw_only=True)
    key: LabelKey | None = field(kw_only=True)
    """Without it, no payment that our database has lost can be adopted by a notification."""

    async def read(self, body: bytes, headers: Mapping[str, str]) -> Notification:
        """Verify and translate a notification.

        Raises:
            InvalidNotification: the signature is wrong, or too old, or from the future.
            GatewayUnavailable: its certificate cannot be fetched now.
        """
        now = self._now()
        sent = Transmission.of(headers)
        sent.check_time(now)
        sent.verify(body, self._webhook_id, await self._certificates.key(sent.certificate, now))
        return self.read_verified(body)

    def read_verified(self, body: bytes) -> Notification:
        """Translate a notification that was verified before and kept since."""
        return read_event(body, livemode=self.livemode, key=self.key)


def read_event(body: bytes, *, livemode: bool, key: LabelKey | None) -> Notification:
    """Translate an event that is known to be PayPal's."""
    event = decoded(body)
    if not isinstance(event, dict):
        return UnusableNotification(_hashed(body), "the body is not a JSON object")
    named = event.get("id")
    is_id = isinstance(named, str) and _ID.fullmatch(named) is not None
    event_id = str(named) if is_id else _hashed(body)
    resource = nested(event, "resource")
    try:
        return _translated(event_id, event, resource, _Labels(livemode, key))
    except Unreadable as unreadable:
        label = _label(resource)
        payment_id = None if label is None else label.payment
        return UnusableNotification(event_id, str(unreadable), payment_id)


def _translated(event_id: str, event: Json, resource: Json, labels: "_Labels") -> Notification:
    """Translate an event.

    Raises:
        Unreadable: it may be about something of ours, and cannot be read.
    """
    type_ = text(event, "event_type")
    if type_.startswith("CUSTOMER.DISPUTE."):
        return dispute_of(event_id, resource)
    if type_ == _REVERSED:
        return _of_reversal(event_id, resource)
    if type_.startswith(_REFUNDS):
        return _of_refund(event_id, resource)
    label = _label(resource)
    if label is None:
        return UnrelatedNotification(event_id)
    if label.payment is None:
        return _of_session(event_id, resource, label)
    if type_.startswith("PAYMENT.CAPTURE."):
        claimed, is_taken = _of_capture(resource, label, labels)
    elif type_.startswith("PAYMENT.AUTHORIZATION."):
        claimed = _of_authorization(resource, label, labels)
        is_taken = type_ == "PAYMENT.AUTHORIZATION.CREATED"
    elif type_.startswith("CHECKOUT.ORDER."):
        claimed, is_taken = _of_order(resource, label, labels), False
    else:
        raise Unreadable(f"an object with our label has the unknown event type {_shown(type_)}")
    return PaymentNotification(event_id, label.payment, claimed=claimed, may_be_late=is_taken)


@frozen
class _Labels:
    """What the labels of an account are read with."""

    livemode: bool
    key: LabelKey | None

    def claimed(self, label: Label, value: Money, mode: CaptureMode, obj: Json) -> Payment | None:
        """Return the payment of a capture or an authorization, as it was claimed."""
        related = nested(nested(obj, "supplementary_data"), "related_ids")
        order = identifier(related, "order_id") if "order_id" in related else None
        return label.claimed(value, mode, livemode=self.livemode, key=self.key, reference=order)


def _of_capture(capture: Json, label: Label, labels: _Labels) -> tuple[Payment | None, bool]:
    """Return the payment as it was claimed, and whether money may have been taken for it."""
    related = nested(nested(capture, "supplementary_data"), "related_ids")
    is_whole = "authorization_id" not in related
    mode, value = CaptureMode.AUTOMATIC, amount(capture)
    claimed = labels.claimed(label, value, mode, capture) if is_whole else None
    return claimed, capture_progress(text(capture, "status")) is not Progress.FAILED


def _of_authorization(authorization: Json, label: Label, labels: _Labels) -> Payment | None:
    mode, value = CaptureMode.MANUAL, amount(authorization)
    return labels.claimed(label, value, mode, authorization)


def _of_order(order: Json, label: Label, labels: _Labels) -> Payment | None:
    found = PayPalOrder(order, labels.livemode)
    mode = MODES.get(str(order.get("intent")))
    if mode is None:
        return None
    value, livemode = amount(found.unit), labels.livemode
    return label.claimed(value, mode, livemode=livemode, key=labels.key, reference=found.id)


def _of_session(event_id: str, order: Json, label: Label) -> Notification:
    """Translate what happened to an order that was not charged when it was sent.

    A shop's order whose id does not fit into a label has none here: recovery looks at its payment.
    """
    order_id = label.order_id
    if "purchase_units" not in order or order_id is None:
        return UnrelatedNotification(event_id)
    return SessionNotification(event_id, order_id, identifier(order))


def _of_refund(event_id: str, refund: Json) -> Notification:
    """Translate a refund; without our label, it is an external one."""
    reported, charge_id = reported_refund(refund), _captured_by(refund)
    if (labelled := labelled_refund(refund.get("custom_id"))) is not None:
        return RefundNotification(event_id, PaymentId(labelled[2]), charge_id, reported)
    return ExternalRefundNotification(event_id, charge_id, reported)


def _of_reversal(event_id: str, reversal: Json) -> DisputeNotification:
    """Translate what PayPal has taken back: the end of a dispute, or a decision of PayPal's own.

    It is no refund: the shop has not given it, and gets it back if it wins an appeal.
    """
    return DisputeNotification(
        id=event_id,
        charge_id=_captured_by(reversal),
        dispute_id=DisputeId(identifier(reversal)),
        amount=amount(reversal),
        reason=REVERSED,
        status=DisputeStatus.LOST,
    )


def _captured_by(refund: Json) -> ChargeId:
    """Return the capture whose money a refund or a reversal gives back."""
    up = _CAPTURE.match(link(refund, "up") or "")
    if up is None:
        raise Unreadable("PayPal's refund does not name its capture")
    return ChargeId(up[1])


def _label(resource: Json) -> Label | None:
    """Return our label on a capture, an authorization, or the only part of an order."""
    try:
        units = items(resource, "purchase_units")
    except Unreadable:
        units = []
    for each in (resource, *units):
        if (label := Label.read(each.get("custom_id"))) is not None:
            return label
    return None


def _hashed(data: bytes) -> str:
    """Return an id for an event that has none: the same whenever it is sent again."""
    return f"sha256-{hashlib.sha256(data).hexdigest()}"


def _shown(type_: str) -> str:
    """Return a type for a log: an identifier, or nothing that a log should show."""
    return type_ if re.fullmatch(r"[A-Z0-9_.-]{1,100}", type_) else "(not a name)"
