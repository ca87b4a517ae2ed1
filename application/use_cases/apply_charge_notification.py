"""Apply a notification that names a charge: an external refund or a dispute."""

from collections.abc import Sequence
from datetime import datetime

from application.log_context import note_order, note_payment
from application.ports.gateway_notifications import (
    ChargeNotification,
    DisputeNotification,
    ExternalRefundNotification,
)
from application.ports.unit_of_work import UnitOfWork
from application.use_cases.settle_refund import save_refunds
from domain.events import PaymentDisputed
from domain.order import Order
from domain.refund import Refund


async def apply_charge_notification(
    work: UnitOfWork, notification: ChargeNotification, now: datetime
) -> Sequence[Refund] | None:
    """Record and publish what happened to a charge; return None if no capture of it is known.

    Returns the refunds to report with `report_doubtful` after the commit.
    """
    order = await work.orders.find_by_charge(notification.charge_id)
    if order is None:
        return None
    payment = order.payment_of_charge(notification.charge_id)
    if payment is None:
        note_order(order)
    else:
        note_payment(payment)
        is_other = notification.gateway not in (None, payment.gateway)
        if is_other or not payment.is_captured:
            return None
    match notification:
        case ExternalRefundNotification():
            return _record_refund(work, order, notification, now)
        case DisputeNotification():
            _record_dispute(work, order, notification)
            return ()


def _record_refund(
    work: UnitOfWork, order: Order, notification: ExternalRefundNotification, now: datetime
) -> Sequence[Refund]:
    recorded = order.record_refunds(notification.charge_id, [notification.reported], now)
    return save_refunds(work, order, recorded)


def _record_dispute(work: UnitOfWork, order: Order, notification: DisputeNotification) -> None:
    recorded = order.record_dispute(
        notification.dispute_id,
        notification.charge_id,
        notification.amount,
        notification.reason,
        notification.status,
    )
    dispute = recorded.dispute(notification.dispute_id)
    if recorded != order and dispute is not None:
        work.orders.save(recorded)
        work.outbox.add(PaymentDisputed.of(dispute, notification.due_by))
