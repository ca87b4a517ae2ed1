"""The JSON bodies of our events. Amounts are in minor units."""

from datetime import UTC, datetime

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
    match event:
        case PaymentCreated():
            return _Created(
                id=event.payment_id,
                order_id=event.order_id,
                stripe_id=event.charge_id,
                charge_id=event.charge_id,
                amount=event.amount.minor_units,
                currency=event.amount.currency.code,
                gateway=event.gateway,
                created_at=event.created_at.astimezone(UTC),
            )
        case PaymentPending():
            return _Pending(
                id=event.payment_id,
                order_id=event.order_id,
                amount=event.amount.minor_units,
                currency=event.amount.currency.code,
                gateway=event.gateway,
            )
        case PaymentAuthorized():
            return _Authorized(
                id=event.payment_id,
                order_id=event.order_id,
                stripe_id=event.charge_id,
                charge_id=event.charge_id,
                amount=event.amount.minor_units,
                currency=event.amount.currency.code,
                gateway=event.gateway,
                expires_at=event.expires_at.astimezone(UTC),
            )
        case PaymentVoided():
            return _Voided(
                id=event.payment_id,
                order_id=event.order_id,
                amount=event.amount.minor_units,
                currency=event.amount.currency.code,
                reason=event.reason,
            )
        case PaymentExpiring():
            return _Expiring(
                id=event.payment_id,
                order_id=event.order_id,
                expires_at=event.expires_at.astimezone(UTC),
            )
        case PaymentRefunded():
            return _Refunded(
                id=event.payment_id,
                refund_id=event.refund_id,
                order_id=event.order_id,
                stripe_id=event.charge_id,
                amount=event.amount.minor_units,
                currency=event.amount.currency.code,
                reason=event.reason,
            )
        case PaymentRefundFailed():
            return _RefundFailed(
                id=event.payment_id,
                refund_id=event.refund_id,
                order_id=event.order_id,
                stripe_id=event.charge_id,
                amount=event.amount.minor_units,
                currency=event.amount.currency.code,
                code=event.code,
            )
        case PaymentFailed():
            return _Failed(id=event.payment_id, order_id=event.order_id, code=event.code)
        case PaymentDisputed():
            return _Disputed(
                id=event.payment_id,
                dispute_id=event.dispute_id,
                order_id=event.order_id,
                stripe_id=event.charge_id,
                amount=event.amount.minor_units,
                currency=event.amount.currency.code,
                reason=event.reason,
                status=event.status,
                due_by=msgspec.UNSET if event.due_by is None else event.due_by.astimezone(UTC),
            )
