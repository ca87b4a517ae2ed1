"""The JSON bodies of our events. Amounts are in minor units."""

from datetime import UTC, datetime
from typing import Any

import msgspec

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
from domain.identifiers import ChargeId
from domain.money import Money


class _Body(msgspec.Struct, rename="camel"):
    id: str
    order_id: str


class _Created(_Body):
    stripe_id: str
    charge_id: str
    amount: int
    currency: str
    gateway: str
    created_at: datetime


class _Pending(_Body):
    amount: int
    currency: str
    gateway: str


class _Authorized(_Body):
    stripe_id: str
    charge_id: str
    amount: int
    currency: str
    gateway: str
    expires_at: datetime


class _Voided(_Body):
    amount: int
    currency: str
    reason: str


class _Expiring(_Body):
    expires_at: datetime


class _Refunded(_Body):
    refund_id: str
    stripe_id: str
    amount: int
    currency: str
    reason: str


class _RefundFailed(_Body):
    refund_id: str
    stripe_id: str
    amount: int
    currency: str
    code: str


class _Failed(_Body):
    code: str


class _Disputed(_Body):
    dispute_id: str
    stripe_id: str
    amount: int
    currency: str
    reason: str
    status: str
    due_by: datetime | msgspec.UnsetType = msgspec.UNSET


def body_of(event: Event) -> msgspec.Struct:
    """Return the body of an event."""
    ids: dict[str, Any] = {"id": event.payment_id, "order_id": event.order_id}
    match event:
        case PaymentCreated():
            return _Created(
                **ids,
                **_charge(event.charge_id),
                **_money(event.amount),
                gateway=event.gateway,
                created_at=event.created_at.astimezone(UTC),
            )
        case PaymentPending():
            return _Pending(**ids, **_money(event.amount), gateway=event.gateway)
        case PaymentAuthorized():
            return _Authorized(
                **ids,
                **_charge(event.charge_id),
                **_money(event.amount),
                gateway=event.gateway,
                expires_at=event.expires_at.astimezone(UTC),
            )
        case PaymentVoided():
            return _Voided(**ids, **_money(event.amount), reason=event.reason)
        case PaymentExpiring():
            return _Expiring(**ids, expires_at=event.expires_at.astimezone(UTC))
        case PaymentFailed():
            return _Failed(**ids, code=event.code)
        case PaymentRefunded():
            return _Refunded(**ids, **_refund(event), reason=event.reason)
        case PaymentRefundFailed():
            return _RefundFailed(**ids, **_refund(event), code=event.code)
        case PaymentDisputed():
            return _Disputed(
                **ids,
                **_money(event.amount),
                dispute_id=event.dispute_id,
                stripe_id=event.charge_id,
                reason=event.reason,
                status=event.status,
                due_by=msgspec.UNSET if event.due_by is None else event.due_by.astimezone(UTC),
            )


def _money(amount: Money) -> dict[str, Any]:
    return {"amount": amount.minor_units, "currency": amount.currency.code}


def _charge(charge_id: ChargeId) -> dict[str, Any]:
    """Return the charge under its own name and the reference service's."""
    return {"stripe_id": charge_id, "charge_id": charge_id}


def _refund(event: PaymentRefunded | PaymentRefundFailed) -> dict[str, Any]:
    ids: dict[str, Any] = {"refund_id": event.refund_id, "stripe_id": event.charge_id}
    return ids | _money(event.amount)
