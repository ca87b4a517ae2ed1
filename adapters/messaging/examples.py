"""One example of each event that we publish, for its document."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from adapters.messaging.wire import Message, encode
from application.ports.event_publisher import OutboxEntry
from domain.dispute import DisputeStatus
from domain.events import (
    Event,
    PaymentAuthorized,
    PaymentCreated,
    PaymentDisputed,
    PaymentExpiring,
    PaymentFailed,
    PaymentPending,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentVoided,
)
from domain.identifiers import ChargeId, DisputeId, OrderId, PaymentId, RefundId
from domain.money import Currency, Money

_AT: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
_WEEK: Final = _AT + timedelta(days=7)
_IDS: Final[Any] = {
    "payment_id": PaymentId("0b5c9f6e8f6d4b6f9a3de1b7c2a40f11"),
    "order_id": OrderId("5f9b2c1d"),
}
_CHARGE: Final[Any] = {"charge_id": ChargeId("ch_3PqR"), "amount": Money(1999, Currency.of("usd"))}
_GATEWAY: Final[Any] = {"amount": _CHARGE["amount"], "gateway": "stripe"}
_REFUND: Final[Any] = {**_CHARGE, "refund_id": RefundId("9d1c2b7a5e0f4c3f8b6a1d2e3f405162")}

EVENTS: Final[tuple[Event, ...]] = (
    PaymentCreated(**_IDS, **_CHARGE, gateway="stripe", created_at=_AT),
    PaymentPending(**_IDS, **_GATEWAY),
    PaymentAuthorized(**_IDS, **_CHARGE, gateway="stripe", expires_at=_WEEK),
    PaymentVoided(**_IDS, amount=_CHARGE["amount"], reason="voided"),
    PaymentExpiring(**_IDS, expires_at=_WEEK),
    PaymentFailed(**_IDS, code="insufficient_funds"),
    PaymentRefunded(**_IDS, **_REFUND, reason="order_cancelled"),
    PaymentRefundFailed(**_IDS, **_REFUND, code="expired_or_canceled_card"),
    PaymentDisputed(
        **_IDS,
        **_CHARGE,
        dispute_id=DisputeId("dp_1PqR"),
        reason="fraudulent",
        status=DisputeStatus.OPEN.value,
        due_by=_WEEK,
    ),
)
"""One of each kind."""


def example(event: Event) -> Message:
    """Return the message of an event, as it is sent."""
    return encode(OutboxEntry(event, _AT))
