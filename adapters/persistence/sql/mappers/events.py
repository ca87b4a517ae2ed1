"""Events to JSON and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from adapters.persistence.sql.mappers.values import Values, money_from, money_values
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


def event_row(event: Event) -> Values:
    """Return an event's id, order id, subject and JSON."""
    return (event.id, event.order_id, event.subject, msgspec.json.encode(_data(event)).decode())


def event_from(subject: str, data: Mapping[str, Any]) -> Event:
    """Return the event of a subject and its JSON.

    Raises:
        ValueError: the subject is not one of our events.
    """
    match subject:
        case PaymentCreated.subject:
            return PaymentCreated(
                payment_id=PaymentId(data["payment_id"]),
                order_id=OrderId(data["order_id"]),
                charge_id=ChargeId(data["charge_id"]),
                amount=money_from(data["amount"], data["currency"]),
                gateway=data["gateway"],
                created_at=datetime.fromisoformat(data["created_at"]),
            )
        case PaymentPending.subject:
            return PaymentPending(
                payment_id=PaymentId(data["payment_id"]),
                order_id=OrderId(data["order_id"]),
                amount=money_from(data["amount"], data["currency"]),
                gateway=data["gateway"],
            )
        case PaymentAuthorized.subject:
            return PaymentAuthorized(
                payment_id=PaymentId(data["payment_id"]),
                order_id=OrderId(data["order_id"]),
                charge_id=ChargeId(data["charge_id"]),
                amount=money_from(data["amount"], data["currency"]),
                gateway=data["gateway"],
                expires_at=datetime.fromisoformat(data["expires_at"]),
            )
        case PaymentVoided.subject:
            return PaymentVoided(
                payment_id=PaymentId(data["payment_id"]),
                order_id=OrderId(data["order_id"]),
                amount=money_from(data["amount"], data["currency"]),
                reason=data["reason"],
            )
        case PaymentExpiring.subject:
            return PaymentExpiring(
                payment_id=PaymentId(data["payment_id"]),
                order_id=OrderId(data["order_id"]),
                expires_at=datetime.fromisoformat(data["expires_at"]),
            )
        case PaymentFailed.subject:
            return PaymentFailed(
                PaymentId(data["payment_id"]), OrderId(data["order_id"]), data["code"]
            )
        case PaymentRefunded.subject:
            return PaymentRefunded(
                payment_id=PaymentId(data["payment_id"]),
                refund_id=RefundId(data["refund_id"]),
                order_id=OrderId(data["order_id"]),
                charge_id=ChargeId(data["charge_id"]),
                amount=money_from(data["amount"], data["currency"]),
                reason=data["reason"],
            )
        case PaymentRefundFailed.subject:
            return PaymentRefundFailed(
                payment_id=PaymentId(data["payment_id"]),
                refund_id=RefundId(data["refund_id"]),
                order_id=OrderId(data["order_id"]),
                charge_id=ChargeId(data["charge_id"]),
                amount=money_from(data["amount"], data["currency"]),
                code=data["code"],
            )
        case PaymentDisputed.subject:
            due_by = data.get("due_by")  # earlier versions stored none
            return PaymentDisputed(
                payment_id=PaymentId(data["payment_id"]),
                dispute_id=DisputeId(data["dispute_id"]),
                order_id=OrderId(data["order_id"]),
                charge_id=ChargeId(data["charge_id"]),
                amount=money_from(data["amount"], data["currency"]),
                reason=data["reason"],
                status=data["status"],
                due_by=None if due_by is None else datetime.fromisoformat(due_by),
            )
        case _:
            raise ValueError(f"unknown event: {subject}")


def _data(event: Event) -> dict[str, Any]:
    data: dict[str, Any] = {"payment_id": event.payment_id, "order_id": event.order_id}
    match event:
        case PaymentCreated():
            amount, currency = money_values(event.amount)
            return data | {
                "charge_id": event.charge_id,
                "amount": amount,
                "currency": currency,
                "gateway": event.gateway,
                "created_at": event.created_at.isoformat(),
            }
        case PaymentPending():
            amount, currency = money_values(event.amount)
            return data | {"amount": amount, "currency": currency, "gateway": event.gateway}
        case PaymentAuthorized():
            amount, currency = money_values(event.amount)
            return data | {
                "charge_id": event.charge_id,
                "amount": amount,
                "currency": currency,
                "gateway": event.gateway,
                "expires_at": event.expires_at.isoformat(),
            }
        case PaymentVoided():
            amount, currency = money_values(event.amount)
            return data | {"amount": amount, "currency": currency, "reason": event.reason}
        case PaymentExpiring():
            return data | {"expires_at": event.expires_at.isoformat()}
        case PaymentFailed():
            return data | {"code": event.code}
        case PaymentRefunded():
            amount, currency = money_values(event.amount)
            return data | {
                "refund_id": event.refund_id,
                "charge_id": event.charge_id,
                "amount": amount,
                "currency": currency,
                "reason": event.reason,
            }
        case PaymentRefundFailed():
            amount, currency = money_values(event.amount)
            return data | {
                "refund_id": event.refund_id,
                "charge_id": event.charge_id,
                "amount": amount,
                "currency": currency,
                "code": event.code,
            }
        case PaymentDisputed():
            amount, currency = money_values(event.amount)
            return data | {
                "dispute_id": event.dispute_id,
                "charge_id": event.charge_id,
                "amount": amount,
                "currency": currency,
                "reason": event.reason,
                "status": event.status,
                "due_by": None if event.due_by is None else event.due_by.isoformat(),
            }
