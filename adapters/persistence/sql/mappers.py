"""Entities to rows and back, in the order of the columns in tables.py; events to JSON and back."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from adapters.persistence.sql.tables import orders, payments, refunds
from application.ports.gateway_notifications import (
    ChargeNotification,
    DisputeNotification,
    ExternalRefundNotification,
)
from domain.dispute import Dispute, DisputeStatus
from domain.events import Event, PaymentCreated, PaymentDisputed, PaymentFailed, PaymentRefunded
from domain.identifiers import ChargeId, DisputeId, OrderId, PaymentId, RefundId, UserId
from domain.money import Currency, Money
from domain.order import Order
from domain.payment import Payment, PaymentStatus
from domain.refund import Refund, Refunded, RefundFailed, RefundOutcome, RefundPending, RefundStatus
from domain.replica import OrderReplica, OrderStatus, Terms

Values = tuple[Any, ...]
"""The values of one row."""

# Version 1.0 may write these until its last process has stopped; `payments migrate` renames them.
_OLD_STATUSES: Final = {"unwanted": "reversed"}

# Where in a row of an order joined with its payments, their refunds and disputes each begins.
_PAYMENT: Final = len(orders.columns)
_REFUND: Final = _PAYMENT + len(payments.columns)
_DISPUTE: Final = _REFUND + len(refunds.columns)


def order_row(order: OrderReplica, revision: int) -> Values:
    """An order's row."""
    terms = order.terms
    if terms is None:
        said: Values = (None,) * 5
    else:
        said = (terms.version, terms.user_id, *_money_row(terms.price), terms.expires_at)
    return (order.id, revision, order.version, order.status.value, *said)


def payment_row(payment: Payment) -> Values:
    """A payment's row."""
    captured_amount = (
        (None, None) if payment.captured_amount is None else _money_row(payment.captured_amount)
    )
    return (
        payment.id,
        payment.order_id,
        payment.user_id,
        *_money_row(payment.amount),
        payment.gateway,
        payment.livemode,
        payment.created_at,
        payment.status.value,
        payment.charge_id,
        *captured_amount,
        payment.reference,
        payment.code,
        payment.next_check_at,
    )


def refund_row(refund: Refund) -> Values:
    """A refund's row."""
    return (
        refund.id,
        refund.payment_id,
        refund.order_id,
        refund.charge_id,
        *_money_row(refund.amount),
        refund.reason,
        refund.created_at,
        refund.status.value,
        refund.reference,
        refund.code,
        refund.automatic,
        refund.attempt,
        refund.next_check_at,
    )


def dispute_row(dispute: Dispute) -> Values:
    """A dispute's row."""
    return (
        dispute.id,
        dispute.payment_id,
        dispute.order_id,
        dispute.charge_id,
        *_money_row(dispute.amount),
        dispute.reason,
        dispute.status.value,
    )


def orders_from(rows: Iterable[Values]) -> dict[OrderId, tuple[int, Order]]:
    """The bills, with their revisions, of orders joined with their payments and what these have."""
    found: dict[OrderId, tuple[int, OrderReplica]] = {}
    paid: defaultdict[OrderId, dict[str, Payment]] = defaultdict(dict)
    back: defaultdict[OrderId, dict[str, Refund]] = defaultdict(dict)
    disputed: defaultdict[OrderId, dict[str, Dispute]] = defaultdict(dict)
    for row in rows:
        order_id = OrderId(row[0])
        if order_id not in found:
            found[order_id] = _order(*row[:_PAYMENT])
        payment_id = row[_PAYMENT]
        if payment_id is not None and payment_id not in paid[order_id]:
            paid[order_id][payment_id] = _payment(*row[_PAYMENT:_REFUND])
        refund_id, dispute_id = row[_REFUND], row[_DISPUTE]
        if refund_id is not None and refund_id not in back[order_id]:
            back[order_id][refund_id] = _refund(*row[_REFUND:_DISPUTE])
        if dispute_id is not None and dispute_id not in disputed[order_id]:
            disputed[order_id][dispute_id] = _dispute(*row[_DISPUTE:])
    return {
        order_id: (
            revision,
            Order(
                order,
                tuple(sorted(paid[order_id].values(), key=_age)),
                tuple(sorted(back[order_id].values(), key=_age)),
                tuple(each for _, each in sorted(disputed[order_id].items())),
            ),
        )
        for order_id, (revision, order) in found.items()
    }


def event_row(event: Event) -> Values:
    """An event's id, order, subject and JSON."""
    return (event.id, event.order_id, event.subject, json.dumps(_said(event)))


def event_of(subject: str, data: Mapping[str, Any]) -> Event:
    """The event that some JSON tells of."""
    match subject:
        case PaymentCreated.subject:
            return PaymentCreated(
                payment_id=PaymentId(data["payment_id"]),
                order_id=OrderId(data["order_id"]),
                charge_id=ChargeId(data["charge_id"]),
                amount=_money(data["amount"], data["currency"]),
                gateway=data["gateway"],
                created_at=datetime.fromisoformat(data["created_at"]),
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
                amount=_money(data["amount"], data["currency"]),
                reason=data["reason"],
            )
        case PaymentDisputed.subject:
            return PaymentDisputed(
                payment_id=PaymentId(data["payment_id"]),
                dispute_id=DisputeId(data["dispute_id"]),
                order_id=OrderId(data["order_id"]),
                charge_id=ChargeId(data["charge_id"]),
                amount=_money(data["amount"], data["currency"]),
                reason=data["reason"],
                status=data["status"],
            )
        case _:
            raise ValueError(f"no event of ours: {subject}")


def notification_row(notification: ChargeNotification, since: datetime) -> Values:
    """A kept notice's row."""
    amount, currency = _money_row(notification.amount)
    data: dict[str, Any] = {"amount": amount, "currency": currency}
    if isinstance(notification, DisputeNotification):
        kind = "dispute"
        data |= {
            "dispute_id": notification.dispute_id,
            "reason": notification.reason,
            "status": notification.status.value,
        }
    else:
        kind = "refund"
        data |= {
            "reference": notification.reference,
            "outcome": _outcome_said(notification.outcome),
        }
    return (notification.id, notification.charge_id, kind, json.dumps(data), since)


def notification_from(
    notification_id: str, charge_id: str, kind: str, data: Mapping[str, Any]
) -> ChargeNotification:
    """The notice that a row tells of."""
    amount = _money(data["amount"], data["currency"])
    if kind == "dispute":
        return DisputeNotification(
            id=notification_id,
            charge_id=ChargeId(charge_id),
            dispute_id=DisputeId(data["dispute_id"]),
            amount=amount,
            reason=data["reason"],
            status=DisputeStatus(data["status"]),
        )
    return ExternalRefundNotification(
        id=notification_id,
        charge_id=ChargeId(charge_id),
        reference=data["reference"],
        amount=amount,
        outcome=_outcome_of(**data["outcome"]),
    )


def _outcome_said(outcome: RefundOutcome) -> dict[str, Any]:
    said: dict[str, Any] = {"reference": outcome.reference}
    match outcome:
        case Refunded():
            amount, currency = _money_row(outcome.amount)
            return said | {"status": "succeeded", "amount": amount, "currency": currency}
        case RefundPending():
            return said | {"status": "pending"}
        case RefundFailed():
            return said | {"status": "failed", "code": outcome.code}


def _outcome_of(
    status: str, reference: Any, code: str = "", amount: int = 0, currency: str = ""
) -> RefundOutcome:
    match RefundStatus(status):
        case RefundStatus.SUCCEEDED:
            return Refunded(reference, _money(amount, currency))
        case RefundStatus.PENDING:
            return RefundPending(reference)
        case RefundStatus.FAILED:
            return RefundFailed(code, reference)


def _said(event: Event) -> dict[str, Any]:
    said: dict[str, Any] = {"payment_id": event.payment_id, "order_id": event.order_id}
    match event:
        case PaymentCreated():
            amount, currency = _money_row(event.amount)
            return said | {
                "charge_id": event.charge_id,
                "amount": amount,
                "currency": currency,
                "gateway": event.gateway,
                "created_at": event.created_at.isoformat(),
            }
        case PaymentFailed():
            return said | {"code": event.code}
        case PaymentRefunded():
            amount, currency = _money_row(event.amount)
            return said | {
                "refund_id": event.refund_id,
                "charge_id": event.charge_id,
                "amount": amount,
                "currency": currency,
                "reason": event.reason,
            }
        case PaymentDisputed():
            amount, currency = _money_row(event.amount)
            return said | {
                "dispute_id": event.dispute_id,
                "charge_id": event.charge_id,
                "amount": amount,
                "currency": currency,
                "reason": event.reason,
                "status": event.status,
            }


def _order(
    order_id: str,
    revision: int,
    version: int,
    status: str,
    terms_version: int | None,
    user_id: str,
    price: int,
    currency: str,
    expires_at: datetime | None,
) -> tuple[int, OrderReplica]:
    terms = None
    if terms_version is not None:
        if expires_at is not None:  # the last moment there is comes back without its UTC
            expires_at = expires_at.replace(tzinfo=UTC)
        terms = Terms(terms_version, UserId(user_id), _money(price, currency), expires_at)
    return revision, OrderReplica(OrderId(order_id), version, OrderStatus(status), terms)


def _payment(
    payment_id: str,
    order_id: str,
    user_id: str,
    amount: int,
    currency: str,
    gateway: str,
    livemode: bool,
    created_at: datetime,
    status: str,
    charge_id: str | None,
    captured_amount: int | None,
    taken_currency: str,
    reference: str | None,
    code: str | None,
    next_check_at: datetime | None,
) -> Payment:
    return Payment(
        id=PaymentId(payment_id),
        order_id=OrderId(order_id),
        user_id=UserId(user_id),
        amount=_money(amount, currency),
        gateway=gateway,
        livemode=livemode,
        created_at=created_at,
        status=payment_status(status),
        charge_id=None if charge_id is None else ChargeId(charge_id),
        captured_amount=None
        if captured_amount is None
        else _money(captured_amount, taken_currency),
        reference=reference,
        code=code,
        next_check_at=next_check_at,
    )


def _refund(
    refund_id: str,
    payment_id: str,
    order_id: str,
    charge_id: str,
    amount: int,
    currency: str,
    reason: str,
    created_at: datetime,
    status: str,
    reference: str | None,
    code: str | None,
    automatic: bool,
    attempt: int,
    next_check_at: datetime | None,
) -> Refund:
    return Refund(
        id=RefundId(refund_id),
        payment_id=PaymentId(payment_id),
        order_id=OrderId(order_id),
        charge_id=ChargeId(charge_id),
        amount=_money(amount, currency),
        reason=reason,
        created_at=created_at,
        status=RefundStatus(status),
        reference=reference,
        code=code,
        automatic=automatic,
        attempt=attempt,
        next_check_at=next_check_at,
    )


def _dispute(
    dispute_id: str,
    payment_id: str,
    order_id: str,
    charge_id: str,
    amount: int,
    currency: str,
    reason: str,
    status: str,
) -> Dispute:
    return Dispute(
        id=DisputeId(dispute_id),
        payment_id=PaymentId(payment_id),
        order_id=OrderId(order_id),
        charge_id=ChargeId(charge_id),
        amount=_money(amount, currency),
        reason=reason,
        status=DisputeStatus(status),
    )


def payment_status(stored: str) -> PaymentStatus:
    """Return the status of a payment, also under a name that an older release has stored."""
    return PaymentStatus(_OLD_STATUSES.get(stored, stored))


def _money_row(money: Money) -> tuple[int, str]:
    return money.minor_units, money.currency.code


def _money(minor_units: int, currency: str) -> Money:
    return Money(minor_units, Currency(currency))


def _age(each: Payment | Refund) -> tuple[datetime, str]:
    return each.created_at, each.id
