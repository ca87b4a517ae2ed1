"""Deferred notifications to rows and back."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from adapters.persistence.sql.mappers.values import Values, money_from, money_values
from application.ports.gateway_notifications import (
    ChargeNotification,
    DisputeNotification,
    ExternalRefundNotification,
)
from domain.dispute import DisputeStatus
from domain.identifiers import ChargeId, DisputeId
from domain.money import Money
from domain.refund import (
    Refunded,
    RefundFailed,
    RefundOutcome,
    RefundPending,
    RefundStatus,
    ReportedRefund,
)

# Of a refund, as ReportedRefund has them.
_LABELS: Final = ("refund_id", "key", "reason")


def notification_row(notification: ChargeNotification, since: datetime) -> Values:
    """Return the row of a deferred notification."""
    if isinstance(notification, DisputeNotification):
        kind = "dispute"
        data = _amount_data(notification.amount) | {
            "dispute_id": notification.dispute_id,
            "reason": notification.reason,
            "status": notification.status.value,
            "due_by": None if notification.due_by is None else notification.due_by.isoformat(),
        }
    else:
        kind = "refund"
        data = _refund_data(notification.reported)
    data["gateway"] = notification.gateway
    return (notification.id, notification.charge_id, kind, json.dumps(data), since)


def notification_from(
    notification_id: str, charge_id: str, kind: str, data: Mapping[str, Any]
) -> ChargeNotification:
    """Return the notification of a row."""
    amount = money_from(data["amount"], data["currency"])
    if kind == "dispute":
        return DisputeNotification(
            id=notification_id,
            charge_id=ChargeId(charge_id),
            dispute_id=DisputeId(data["dispute_id"]),
            amount=amount,
            reason=data["reason"],
            status=DisputeStatus(data["status"]),
            due_by=_moment(data.get("due_by")),
            gateway=data.get("gateway"),
        )
    # Older versions stored no labels, and no gateway.
    reported = ReportedRefund(
        reference=data["reference"],
        amount=amount,
        outcome=_outcome_from(**data["outcome"]),
        **{name: data.get(name) for name in _LABELS},
    )
    gateway = data.get("gateway")
    return ExternalRefundNotification(notification_id, ChargeId(charge_id), reported, gateway)


def _moment(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _amount_data(money: Money) -> dict[str, Any]:
    amount, currency = money_values(money)
    return {"amount": amount, "currency": currency}


def _refund_data(reported: ReportedRefund) -> dict[str, Any]:
    data = {"reference": reported.reference, "outcome": _outcome_data(reported.outcome)}
    return (
        _amount_data(reported.amount) | data | {name: getattr(reported, name) for name in _LABELS}
    )


def _outcome_data(outcome: RefundOutcome) -> dict[str, Any]:
    data: dict[str, Any] = {"reference": outcome.reference}
    match outcome:
        case Refunded():
            amount, currency = money_values(outcome.amount)
            return data | {"status": "succeeded", "amount": amount, "currency": currency}
        case RefundPending():
            return data | {"status": "pending"}
        case RefundFailed():
            return data | {"status": "failed", "code": outcome.code}


def _outcome_from(
    status: str, reference: Any, code: str = "", amount: int = 0, currency: str = ""
) -> RefundOutcome:
    match RefundStatus(status):
        case RefundStatus.SUCCEEDED:
            return Refunded(reference, money_from(amount, currency))
        case RefundStatus.PENDING:
            return RefundPending(reference)
        case RefundStatus.FAILED:
            return RefundFailed(code, reference)
