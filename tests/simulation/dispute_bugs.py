"""Bugs of disputes: not told, told too late, counted twice, or taken for something else."""

from typing import Final

from attrs import evolve

from application.ports.differences import Difference
from application.ports.gateway_notifications import ChargeNotification, DisputeNotification
from application.ports.unit_of_work import UnitOfWork
from application.use_cases import apply_charge_notification, reconcile_reports
from application.use_cases.receive_notification import ReceiveNotification
from application.use_cases.reconciliation import Part
from domain.dispute import Dispute, DisputeStatus
from domain.order import Order
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.refund import Refund
from tests.simulation.bug import Bug

_record_dispute = apply_charge_notification._record_dispute
_apply_or_defer = ReceiveNotification._apply_or_defer


def _only_opened_is_published(
    work: UnitOfWork, order: Order, notification: DisputeNotification
) -> None:
    known = order.dispute(notification.dispute_id)
    if known is None:
        _record_dispute(work, order, notification)
        return
    work.orders.save(order.with_dispute(known.apply(notification.status)))


def _last_report_wins(self: Dispute, status: DisputeStatus) -> Dispute:
    return evolve(self, status=status)


async def _dropped_if_its_charge_is_unknown(
    self: ReceiveNotification, work: UnitOfWork, notification: ChargeNotification
) -> list[Refund]:
    apply = apply_charge_notification.apply_charge_notification
    return list(await apply(work, notification, self.now()) or ())


async def _unknown_status_is_refused(
    _self: ReceiveNotification, notification: ChargeNotification
) -> None:
    if isinstance(notification, DisputeNotification) and notification.unknown_status:
        raise ValueError(notification.unknown_status)


def _no_dispute_is_missed(
    _part: Part, _notification: DisputeNotification, _order: Order, _payment: Payment
) -> Difference | None:
    return None


def _lost_money_is_a_reversal(
    work: UnitOfWork, order: Order, notification: DisputeNotification
) -> None:
    _record_dispute(work, order, notification)
    payment = order.payment_of_charge(notification.charge_id)
    if notification.status is DisputeStatus.LOST and payment is not None:
        lost = order.record_dispute(
            notification.dispute_id,
            notification.charge_id,
            notification.amount,
            notification.reason,
            notification.status,
        )
        reversed_payment = evolve(payment, status=PaymentStatus.REVERSED)
        work.orders.save(lost.with_payment(reversed_payment))


def _no_time_for_evidence(
    work: UnitOfWork, order: Order, notification: DisputeNotification
) -> None:
    _record_dispute(work, order, evolve(notification, due_by=None))


def _taken_back_is_always_told(self: Dispute) -> bool:
    return False


DISPUTE_BUGS: Final = (
    Bug(
        "only the first state of a dispute is told",
        *(apply_charge_notification, "_record_dispute", _only_opened_is_published),
    ),
    Bug("the last report of a dispute wins", Dispute, "apply", _last_report_wins),
    Bug(
        "a dispute of an unknown charge is dropped",
        *(ReceiveNotification, "_apply_or_defer", _dropped_if_its_charge_is_unknown),
        first=601,
    ),
    Bug(
        "a dispute with a new status is refused",
        *(ReceiveNotification, "_report_unknown_status", _unknown_status_is_refused),
    ),
    Bug("no dispute is missed", reconcile_reports, "_dispute", _no_dispute_is_missed),
    Bug(
        "a lost dispute reverses the payment",
        *(apply_charge_notification, "_record_dispute", _lost_money_is_a_reversal),
    ),
    Bug(
        "the time for evidence is forgotten",
        *(apply_charge_notification, "_record_dispute", _no_time_for_evidence),
    ),
    Bug(
        "money that is taken back is told twice",
        *(Dispute, "may_be_lost", property(_taken_back_is_always_told)),
    ),
)
"""Some need a notification that was lost, or one that overtakes another."""
