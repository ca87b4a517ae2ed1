"""Events of the payments service, as the suite delivers them."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Final
from uuid import uuid4

from attrs import field, frozen

PRICE: Final = Decimal("19.99")
AMOUNT: Final = 1999
"""The same price in minor units, as in the events."""

_MONEY: Final = {"amount": AMOUNT, "currency": "usd"}
_WHEN: Final = "2026-11-26T12:00:00Z"


Fields = Mapping[str, object]


@frozen
class Message:
    """An event on the wire."""

    subject: str
    data: bytes
    event_id: str
    """What the broker has in the header Nats-Msg-Id."""


@frozen
class SamplePayment:
    """A payment of an order, and its events."""

    order_id: str
    id: str = field(factory=lambda: uuid4().hex)

    @property
    def charge(self) -> Fields:
        """The fields of an event about a charge."""
        charge_id = f"ch_{self.id}"
        return {"stripeId": charge_id, "chargeId": charge_id, "gateway": "fake", **_MONEY}

    def event(self, subject: str, fields: Fields, about: str = "") -> Message:
        """Return an event; the same one has the same id."""
        body = {"id": self.id, "orderId": self.order_id, **fields}
        event_id = f"{subject}:{about or self.id}"
        return Message(subject, json.dumps(body).encode(), event_id)

    def created(self, **fields: object) -> Message:
        """Return `payment:created`."""
        return self.event("payment:created", {**self.charge, "createdAt": _WHEN, **fields})

    def authorized(self) -> Message:
        """Return `payment:authorized`."""
        return self.event("payment:authorized", {**self.charge, "expiresAt": _WHEN})

    def voided(self) -> Message:
        """Return `payment:voided`."""
        return self.event("payment:voided", {**_MONEY, "reason": "operator"})

    def pending(self) -> Message:
        """Return `payment:pending`."""
        return self.event("payment:pending", {**_MONEY, "gateway": "fake"})

    def failed(self) -> Message:
        """Return `payment:failed`."""
        return self.event("payment:failed", {"code": "insufficient_funds"})

    def refunded(self, amount: int = AMOUNT, refund: str = "1") -> Message:
        """Return `payment:refunded`."""
        return self._about_refund("payment:refunded", amount, refund, reason="requested")

    def refund_failed(self, amount: int = AMOUNT, refund: str = "1") -> Message:
        """Return `payment:refund_failed`."""
        return self._about_refund("payment:refund_failed", amount, refund, code="lost_card")

    def disputed(self, status: str = "open") -> Message:
        """Return `payment:disputed`."""
        dispute = f"dp_{self.id}"
        fields = {"disputeId": dispute, "stripeId": f"ch_{self.id}", "reason": "fraudulent"}
        body = {**fields, **_MONEY, "status": status}
        return self.event("payment:disputed", body, f"{dispute}:{status}")

    def _about_refund(self, subject: str, amount: int, refund: str, **fields: object) -> Message:
        refund_id = f"{self.id}-{refund}"
        ids = {"refundId": refund_id, "stripeId": f"ch_{self.id}"}
        return self.event(subject, {**ids, **_MONEY, "amount": amount, **fields}, refund_id)
