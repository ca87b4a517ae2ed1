"""Translation of PayPal's events.

https://developer.paypal.com/api/rest/webhooks/event-names/. A verified event is translated, or
proved to be about nothing of ours, or unusable: then it is kept until a later version can use it.
It is never dropped.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Final

from attrs import field, frozen

from adapters.gateways.paypal.certificates import Certificates
from adapters.gateways.paypal.disputes import dispute_of
from adapters.gateways.paypal.labels import Label, labelled_refund
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
from adapters.gateways.paypal.orders import MODES, PayPalOrder, authorized_by, charged_by
from adapters.gateways.paypal.refunds import reported_refund
from adapters.gateways.paypal.signatures import Transmission
from adapters.gateways.paypal.statuses import Progress, capture_progress, order_progress
from adapters.gateways.paypal.wire import decoded
from application.ports.clock import Clock
from application.ports.gateway_notifications import (
    ExternalRefundNotification,
    Notification,
    PaymentNotification,
    RefundNotification,
    SessionNotification,
    UnrelatedNotification,
    UnusableNotification,
)
from domain.capture import CaptureMode
from domain.identifiers import ChargeId, PaymentId
from domain.outcome import Approved, Outcome, Pending
from domain.payment import Payment

# What a refund belongs to, in its link `up`.
_CAPTURE: Final = re.compile(r"https?://[^/?#]+/v2/payments/captures/([A-Z0-9]{1,36})", re.ASCII)

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,255}", re.ASCII)

# These are about a refund, which names the capture.
_REFUNDS: Final = ("PAYMENT.REFUND.", "PAYMENT.CAPTURE.REFUNDED", "PAYMENT.CAPTURE.REVERSED")


@frozen
class PayPalNotificationReader:
    """Reads the events that PayPal sends to our webhook endpoint."""

    _webhook_id: str
    """PayPal's id of the endpoint; it is signed as well."""
    _certificates: Certificates
    _now: Clock
    livemode: bool = field(kw_only=True)

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
        return read_event(body, livemode=self.livemode)


def read_event(body: bytes, *, livemode: bool) -> Notification:
    """Translate an event that is known to be PayPal's."""
    event = decoded(body)
    if not isinstance(event, dict):
        return UnusableNotification(_hashed(body), "the body is not a JSON object")
    named = event.get("id")
    is_id = isinstance(named, str) and _ID.fullmatch(named) is not None
    event_id = str(named) if is_id else _hashed(body)
    resource = nested(event, "resource")
    try:
        return _translated(event_id, event, resource, livemode=livemode)
    except Unreadable as unreadable:
        label = _label(resource)
        payment_id = None if label is None else label.payment
        return UnusableNotification(event_id, str(unreadable), payment_id)


def _translated(event_id: str, event: Json, resource: Json, *, livemode: bool) -> Notification:
    """Translate an event.

    Raises:
        Unreadable: it may be about something of ours, and cannot be read.
    """
    type_ = text(event, "event_type")
    if type_.startswith("CUSTOMER.DISPUTE."):
        return dispute_of(event_id, resource)
    if type_.startswith(_REFUNDS):
        return _of_refund(event_id, resource)
    label = _label(resource)
    if label is None:
        return UnrelatedNotification(event_id)
    if label.payment is None:
        return _of_session(event_id, resource, label)
    payment_id, outcome, claimed = label.payment, None, None
    if type_.startswith("PAYMENT.CAPTURE."):
        outcome, claimed = _of_capture(resource, label, livemode)
    elif type_.startswith("PAYMENT.AUTHORIZATION."):
        outcome, claimed = _of_authorization(type_, resource, label, livemode)
    elif type_.startswith("CHECKOUT.ORDER."):
        outcome, claimed = _of_order(resource, label, livemode)
    else:
        raise Unreadable(f"an object with our label has the unknown event type {_shown(type_)}")
    return PaymentNotification(event_id, payment_id, outcome, claimed)


def _of_capture(
    capture: Json, label: Label, livemode: bool
) -> tuple[Outcome | None, Payment | None]:
    """Return what a capture proves, and the payment as it was claimed.

    That one was declined proves nothing about an authorization; its order is looked at.
    """
    related = nested(nested(capture, "supplementary_data"), "related_ids")
    reference = text(related, "order_id") if "order_id" in related else None
    is_whole = "authorization_id" not in related
    mode = CaptureMode.AUTOMATIC
    claimed = label.claimed(amount(capture), mode, livemode=livemode) if is_whole else None
    match capture_progress(text(capture, "status")):
        case Progress.SUCCEEDED:
            return charged_by(capture, reference, livemode=livemode), claimed
        case Progress.WAITING_FOR_MONEY:
            return Pending(reference), claimed
        case _:
            return None, claimed


def _of_authorization(
    type_: str, authorization: Json, label: Label, livemode: bool
) -> tuple[Outcome | None, Payment | None]:
    """Return what an authorization proves; one that has ended may have been captured before."""
    related = nested(nested(authorization, "supplementary_data"), "related_ids")
    reference = text(related, "order_id") if "order_id" in related else None
    claimed = label.claimed(amount(authorization), CaptureMode.MANUAL, livemode=livemode)
    is_held = type_ == "PAYMENT.AUTHORIZATION.CREATED" and authorization.get("status") == "CREATED"
    outcome = authorized_by(authorization, reference, livemode=livemode) if is_held else None
    return outcome, claimed


def _of_order(order: Json, label: Label, livemode: bool) -> tuple[Outcome | None, Payment | None]:
    """Return whether the customer has approved; of any other order, PayPal is asked."""
    found = PayPalOrder(order, livemode)
    mode = MODES.get(str(order.get("intent")))
    claimed = mode and label.claimed(amount(found.unit), mode, livemode=livemode)
    is_approved = order_progress(text(order, "status")) is Progress.APPROVED
    is_open = is_approved and label.code is None and not found.has_moved
    return Approved(found.id) if is_open else None, claimed


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
    up = _CAPTURE.match(link(refund, "up") or "")
    if up is None:
        raise Unreadable("PayPal's refund does not name its capture")
    reported, charge_id = reported_refund(refund), ChargeId(up[1])
    if (labelled := labelled_refund(refund.get("custom_id"))) is not None:
        return RefundNotification(event_id, PaymentId(labelled[2]), charge_id, reported)
    return ExternalRefundNotification(event_id, charge_id, reported)


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
