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
from domain.money import Money


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
                **_ids(data),
                **_charge_from(data),
                gateway=data["gateway"],
                created_at=datetime.fromisoformat(data["created_at"]),
            )
        case PaymentPending.subject:
            return PaymentPending(**_ids(data), amount=_amount_from(data), gateway=data["gateway"])
        case PaymentAuthorized.subject:
            return PaymentAuthorized(
                **_ids(data),
                **_charge_from(data),
                gateway=data["gateway"],
                expires_at=datetime.fromisoformat(data["expires_at"]),
            )
        case PaymentVoided.subject:
            return PaymentVoided(**_ids(data), amount=_amount_from(data), reason=data["reason"])
        case PaymentExpiring.subject:
            return PaymentExpiring(
                **_ids(data), expires_at=datetime.fromisoformat(data["expires_at"])
            )
        case PaymentFailed.subject:
            return PaymentFailed(**_ids(data), code=data["code"])
        case PaymentRefunded.subject:
            refund_id = RefundId(data["refund_id"])
            charge = _charge_from(data)
            return PaymentRefunded(
                **_ids(data), **charge, refund_id=refund_id, reason=data["reason"]
            )
        case PaymentRefundFailed.subject:
            refund_id = RefundId(data["refund_id"])
            charge = _charge_from(data)
            return PaymentRefundFailed(
                **_ids(data), **charge, refund_id=refund_id, code=data["code"]
            )
        case PaymentDisputed.subject:
            due_by = data.get("due_by")  # earlier versions stored none
            return PaymentDisputed(
                **_ids(data),
                **_charge_from(data),
                dispute_id=DisputeId(data["dispute_id"]),
                reason=data["reason"],
                status=data["status"],
                due_by=None if due_by is None else datetime.fromisoformat(due_by),
            )
        case _:
            raise ValueError(f"unknown event: {subject}")


def _ids(data: Mapping[str, Any]) -> dict[str, Any]:
    payment_id, order_id = PaymentId(data["payment_id"]), OrderId(data["order_id"])
    return {"payment_id": payment_id, "order_id": order_id}


def _amount_from(data: Mapping[str, Any]) -> Money:
    return money_from(data["amount"], data["currency"])


def _charge_from(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"charge_id": ChargeId(data["charge_id"]), "amount": _amount_from(data)}


def _data(event: Event) -> dict[str, Any]:
    return {
        "payment_id": event.payment_id,
        "order_id": event.order_id,
        **_own_data(event),
    }


def _own_data(event: Event) -> dict[str, Any]:
    match event:
        case PaymentCreated():
            return {
                **_charge_data(event),
                "gateway": event.gateway,
                "created_at": event.created_at.isoformat(),
            }
        case PaymentPending():
            return {**_amount_data(event.amount), "gateway": event.gateway}
        case PaymentAuthorized():
            return {
                **_charge_data(event),
                "gateway": event.gateway,
                "expires_at": event.expires_at.isoformat(),
            }
        case PaymentVoided():
            return {**_amount_data(event.amount), "reason": event.reason}
        case PaymentExpiring():
            return {"expires_at": event.expires_at.isoformat()}
        case PaymentFailed():
            return {"code": event.code}
        case PaymentRefunded():
            return {"refund_id": event.refund_id, **_charge_data(event), "reason": event.reason}
        case PaymentRefundFailed():
            return {"refund_id": event.refund_id, **_charge_data(event), "code": event.code}
        case PaymentDisputed():
            return {
                "dispute_id": event.dispute_id,
                **_charge_data(event),
                "reason": event.reason,
                "status": event.status,
                "due_by": None if event.due_by is None else event.due_by.isoformat(),
            }


def _amount_data(money: Money) -> dict[str, Any]:
    amount, currency = money_values(money)
    return {"amount": amount, "currency": currency}


def _charge_data(
    event: PaymentCreated
    | PaymentAuthorized
    | PaymentRefunded
    | PaymentRefundFailed
    | PaymentDisputed,
) -> dict[str, Any]:
    return {"charge_id": event.charge_id, **_amount_data(event.amount)}
