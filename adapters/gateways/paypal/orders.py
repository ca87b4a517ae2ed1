"""Translation of PayPal's orders: what has become of the payment that an order was charged for.

https://developer.paypal.com/docs/api/orders/v2/
"""

from typing import Final

from attrs import frozen

from adapters.gateways.paypal.labels import Label
from adapters.gateways.paypal.objects import (
    Json,
    Unreadable,
    amount,
    identifier,
    items,
    link,
    nested,
    text,
    time,
)
from adapters.gateways.paypal.statuses import (
    Progress,
    authorization_progress,
    capture_progress,
    order_progress,
)
from application.ports.payment_gateway import OutcomeUnknown
from domain.capture import CaptureMode
from domain.identifiers import ChargeId
from domain.money import Money
from domain.outcome import (
    Approved,
    Authorized,
    Charged,
    Declined,
    Outcome,
    Pending,
    RequiresAction,
)
from domain.payment import Payment

PATH: Final = "/v2/checkout/orders"

INTENTS: Final = {CaptureMode.AUTOMATIC: "CAPTURE", CaptureMode.MANUAL: "AUTHORIZE"}
"""https://developer.paypal.com/docs/api/orders/v2/#definition-checkout_payment_intent"""

MODES: Final = {intent: mode for mode, intent in INTENTS.items()}
"""When the money of an order is captured, by its intent."""

# What an order is called if its creator gives its only part no name
# (https://developer.paypal.com/docs/api/orders/v2/#orders_patch).
_UNIT: Final = "default"

# What the customer is sent to: `approve` of an order that was created with an application context,
# else `payer-action`.
_APPROVE: Final = ("payer-action", "approve")


@frozen
class PayPalOrder:
    """An order at PayPal, of one purchase unit."""

    body: Json
    livemode: bool
    pays_us: bool = True
    """Whether its payee is our account; also true of one that we only know from our own account."""

    @property
    def id(self) -> str:
        """Its id, which is the token of its session and the reference of its payment."""
        return identifier(self.body)

    @property
    def is_shared(self) -> bool:
        """Whether it has several purchase units, or none: then it is none of ours."""
        return len(items(self.body, "purchase_units")) != 1

    @property
    def unit(self) -> Json:
        """Its purchase unit: we create orders of one only."""
        units = items(self.body, "purchase_units")
        if self.is_shared:
            raise Unreadable("PayPal's order has not exactly one purchase unit")
        return units[0]

    @property
    def unit_path(self) -> str:
        """The path of its purchase unit, for changes of it."""
        name = self.unit.get("reference_id", _UNIT)
        return f"/purchase_units/@reference_id=='{name}'"

    @property
    def captures(self) -> list[Json]:
        """What was captured for it, in any state."""
        return items(nested(self.unit, "payments"), "captures")

    @property
    def authorizations(self) -> list[Json]:
        """What was authorized for it, in any state."""
        return items(nested(self.unit, "payments"), "authorizations")

    @property
    def refunds(self) -> list[Json]:
        """What was refunded of it, in any state."""
        return items(nested(self.unit, "payments"), "refunds")

    @property
    def has_moved(self) -> bool:
        """Whether anybody has tried to take money."""
        return bool(self.captures or self.authorizations)

    @property
    def label(self) -> Label | None:
        """Our label; None if it has none, such as an order of several purchase units."""
        if self.is_shared:
            return None
        for each in (self.unit, *self.captures, *self.authorizations):
            if "custom_id" in each:
                return Label.read(each["custom_id"])
        return None

    def is_bound_to(self, payment: Payment) -> bool:
        """Whether it is charged for this payment, and for no other."""
        return self.label is not None and self.label.payment == payment.id

    def outcome(self, payment: Payment) -> Outcome:
        """Return what has become of a payment that was charged with this order.

        Raises:
            OutcomeUnknown: it is still in progress, or cannot be read.
        """
        if (objection := self._objection(payment)) is not None:
            return objection
        if self.has_moved:
            return self._moved()
        match order_progress(text(self.body, "status")):
            case Progress.APPROVED:
                return Approved(self.id)
            case Progress.WAITING_FOR_CUSTOMER:
                return self.action()
            case Progress.FAILED:
                return Declined("voided", self.id)
            case _:
                raise OutcomeUnknown("PayPal has not finished the order")

    def action(self, body: Json | None = None) -> RequiresAction:
        """Return where the customer approves; the address is in the order, or in an error."""
        address = link(body or {}, *_APPROVE) or link(self.body, *_APPROVE)
        if address is None:
            raise Unreadable("PayPal's order has no address to approve it")
        return RequiresAction(self.id, redirect_url=address)

    def _objection(self, payment: Payment) -> Declined | None:
        """Return why nothing is, or may be, taken for the payment with this order, if anything."""
        label, status = self.label, None
        if label is None or not label.is_for(payment.order_id):
            status = "session_of_another_order"
        elif label.payment not in (None, payment.id) or (self.has_moved and label.payment is None):
            status = "session_already_used"
        elif not self.pays_us:
            status = "session_of_another_payee"
        elif self.has_moved:
            return None
        elif label.code is not None:
            status = label.code
        elif amount(self.unit) != payment.amount:
            status = "session_of_another_amount"
        elif self.body.get("intent") != INTENTS[payment.capture_mode]:
            status = "session_of_another_capture_mode"
        return None if status is None else Declined(status, self.id)

    def _moved(self) -> Outcome:
        """Return the outcome of an order with captures or authorizations.

        What was captured decides; else what may still be captured; else why it was not.
        """
        captured = [(each, capture_progress(text(each, "status"))) for each in self.captures]
        taken = [each for each, progress in captured if progress is Progress.SUCCEEDED]
        if taken:
            return self._charged(taken)
        states = {progress for _, progress in captured}
        held = [
            (each, authorization_progress(text(each, "status"))) for each in self.authorizations
        ]
        if Progress.OPEN in states | {progress for _, progress in held}:
            raise OutcomeUnknown("PayPal has not finished the payment")
        if Progress.WAITING_FOR_MONEY in states:
            return Pending(self.id)
        for each, progress in held:
            if progress is Progress.AUTHORIZED:
                return authorized_by(each, self.id, livemode=self.livemode)
        if any(progress is Progress.WAITING_FOR_MONEY for _, progress in held):
            return Pending(self.id)
        if any(progress is Progress.CAPTURED for _, progress in held) and not captured:
            raise OutcomeUnknown("PayPal does not say what was captured")
        last = (self.captures or self.authorizations)[-1]
        return Declined(declined_code(last), self.id)

    def _charged(self, taken: list[Json]) -> Charged:
        """Return the captures as one: others may have captured an authorization in parts."""
        total: Money = amount(taken[0])
        for each in taken[1:]:
            total += amount(each)
        return Charged(ChargeId(identifier(taken[0])), total, self.livemode, self.id)


def charged_by(capture: Json, reference: str | None, *, livemode: bool) -> Charged:
    """Return the outcome of a capture that was completed.

    Raises:
        Unreadable: it cannot be read.
    """
    return Charged(ChargeId(identifier(capture)), amount(capture), livemode, reference)


def authorized_by(authorization: Json, reference: str | None, *, livemode: bool) -> Authorized:
    """Return what an authorization holds.

    Raises:
        Unreadable: it cannot be read.
    """
    return Authorized(
        charge_id=ChargeId(identifier(authorization)),
        amount=amount(authorization),
        livemode=livemode,
        until=time(authorization, "expiration_time"),
        reference=reference,
    )


def declined_code(obj: Json) -> str:
    """Return why a capture or an authorization has failed: PayPal's reason, else its status."""
    reason = nested(obj, "status_details").get("reason")
    code = reason if isinstance(reason, str) and reason else obj.get("status")
    word = str(code).lower()[:64]
    return word if word.isascii() and word.replace("_", "").isalnum() else "declined"
