"""ReconcileReports: compare a page of a gateway's refunds or disputes with our books."""

import logging
from collections.abc import Sequence

from attrs import evolve, frozen

from application.ports.books import Books, is_issued_by
from application.ports.clock import Clock
from application.ports.differences import Difference, DifferenceKind
from application.ports.gateway_notifications import (
    DisputeNotification,
    ExternalRefundNotification,
    RefundNotification,
    UnusableNotification,
)
from application.ports.gateway_records import ListedDispute, ListedRefund
from application.ports.payment_gateway import GatewayUnavailable
from application.ports.unit_of_work import BeginUnitOfWork
from application.use_cases.keep_notification import KeepNotification
from application.use_cases.reconciliation import FOR_A_PERSON, IN_PROGRESS, Part, money_kind, shown
from application.use_cases.sync_refunds import SyncRefunds
from domain.identifiers import ChargeId
from domain.money import Money
from domain.order import Order
from domain.payment import Payment
from domain.refund import (
    Refund,
    Refunded,
    RefundFailed,
    RefundPending,
    RefundStatus,
    ReportedRefund,
)
from domain.refund_rules import lost_refund

logger = logging.getLogger(__name__)

Listed = ListedRefund | ListedDispute


@frozen
class ReconcileReports:
    """Find refunds and disputes that our books lack; they are applied as a notice of each.

    Those of charges that are not ours are left alone.
    """

    begin: BeginUnitOfWork
    books: Books
    keep: KeepNotification
    sync: SyncRefunds
    now: Clock

    async def __call__(self, part: Part, records: Sequence[Listed]) -> None:
        """Compare these refunds or disputes.

        Raises:
            StorageUnavailable: the database cannot be reached; repeating it is harmless.
        """
        for record in records:
            found = await self._difference(part, record)
            if found is not None:
                await part.report([await self._repaired(part, record, found)])

    async def _difference(self, part: Part, record: Listed) -> Difference | None:
        notification = record.notification
        if isinstance(notification, UnusableNotification):
            return await self._unreadable(part, record, notification)
        order = await self.begin().orders.find_by_charge(notification.charge_id)
        payment = None if order is None else order.payment_of_charge(notification.charge_id)
        if order is None or payment is None or not part.at.has(payment):
            return await self._without_charge(part, record)
        if not payment.is_captured:
            return None  # its charge is compared, and then this is applied
        if isinstance(notification, DisputeNotification):
            found = _dispute(part, notification, order, payment)
        else:
            part.note_refund(notification.reported.reference)
            found = self._refund(part, notification.reported, order, payment)
        return found and evolve(found, at=part.time_of(record.created_at))

    async def _unreadable(
        self, part: Part, record: Listed, notification: UnusableNotification
    ) -> Difference | None:
        """Return what cannot be read, if it names a payment of ours."""
        payment_id = notification.payment_id
        if payment_id is None or not await is_issued_by(self.books, payment_id):
            return None
        return Difference(
            kind=DifferenceKind.UNREADABLE,
            gateway=part.at.name,
            livemode=part.at.livemode,
            subject=notification.id,
            at=part.time_of(record.created_at),
            payment_id=payment_id,
            reason=notification.reason,
        )

    async def _without_charge(self, part: Part, record: Listed) -> Difference | None:
        """Return a refund that our books should know by its labels, and whose charge they lack."""
        notification = record.notification
        if not isinstance(notification, RefundNotification):
            return None
        if not await is_issued_by(self.books, notification.payment_id):
            return None
        return Difference(
            kind=DifferenceKind.LOST_REFUND,
            gateway=part.at.name,
            livemode=part.at.livemode,
            subject=notification.reported.reference,
            at=part.time_of(record.created_at),
            payment_id=notification.payment_id,
            charge_id=notification.charge_id,
            refund_id=notification.reported.refund_id,
            theirs=_said(notification.reported),
            reason="its charge is not in our books: reconcile since an earlier time",
        )

    def _refund(
        self, part: Part, reported: ReportedRefund, order: Order, payment: Payment
    ) -> Difference | None:
        recorded = order.sent_refund(reported)
        if recorded is None:
            is_ours = lost_refund(reported, payment, self.now()) is not None
            if isinstance(reported.outcome, RefundFailed) and not is_ours:
                return None  # nothing was given back
            kind = DifferenceKind.LOST_REFUND if is_ours else DifferenceKind.EXTERNAL_REFUND
            ours = "no refund"
        else:
            ours = _recorded(recorded)
            differs = self._kind(reported, recorded)
            if differs is None:
                return None
            kind = differs
        found = part.difference(kind, reported.reference, payment, ours, _said(reported))
        return evolve(found, refund_id=reported.refund_id or reported.reference)

    def _kind(self, reported: ReportedRefund, recorded: Refund) -> DifferenceKind | None:
        match reported.outcome:
            case RefundFailed():
                has_failed = recorded.status is RefundStatus.FAILED
                return None if has_failed else DifferenceKind.LATE_FAILURE
            case Refunded(amount=amount) if recorded.status is RefundStatus.SUCCEEDED:
                is_same = amount == recorded.amount or recorded.code is not None
                return None if is_same else money_kind(recorded.amount, amount)
            case Refunded():
                is_new = self.now() - recorded.created_at < IN_PROGRESS
                is_in_progress = recorded.status is RefundStatus.PENDING and is_new
                return None if is_in_progress else DifferenceKind.LOST_REFUND
            case RefundPending():
                return None

    # --- repairs -------------------------------------------------------------------------------

    async def _repaired(self, part: Part, record: Listed, found: Difference) -> Difference:
        if not part.is_repaired:
            return found
        if found.kind in (DifferenceKind.AMOUNT, DifferenceKind.CURRENCY):
            return evolve(found, reason=FOR_A_PERSON)
        notification = record.notification
        try:
            await self.keep(part.at.name, notification, record.body)
        except GatewayUnavailable as unavailable:
            return evolve(found, reason=f"it cannot be applied now: {unavailable}")
        left = await self._difference(part, record)
        if left is not None and isinstance(
            notification, RefundNotification | ExternalRefundNotification
        ):
            left = await self._synced(part, record, notification.charge_id)
        if left is None:
            return evolve(found, repaired=True, reason=None)
        return evolve(left, reason=left.reason or "the ordinary rules change nothing")

    async def _synced(self, part: Part, record: Listed, charge_id: ChargeId) -> Difference | None:
        """List all refunds of the charge: the notice alone was applied before, or not enough."""
        order = await self.begin().orders.find_by_charge(charge_id)
        payment = None if order is None else order.payment_of_charge(charge_id)
        if order is not None and payment is not None:
            await self.sync.if_possible(order.payment_at_gateway(payment.id))
        return await self._difference(part, record)


def _dispute(
    part: Part, notification: DisputeNotification, order: Order, payment: Payment
) -> Difference | None:
    recorded = order.record_dispute(
        notification.dispute_id,
        notification.charge_id,
        notification.amount,
        notification.reason,
        notification.status,
    )
    if recorded == order:
        return None
    before = order.dispute(notification.dispute_id)
    ours = "no dispute" if before is None else before.status.value
    theirs = f"{notification.status.value}: {shown(notification.amount)}"
    kind = DifferenceKind.DISPUTE
    return part.difference(kind, notification.dispute_id, payment, ours, theirs)


def _said(reported: ReportedRefund) -> str:
    return f"{_word(reported)}: {shown(reported.amount)}"


def _word(reported: ReportedRefund) -> str:
    match reported.outcome:
        case Refunded():
            return "succeeded"
        case RefundPending():
            return "pending"
        case RefundFailed():
            return "failed"


def _recorded(refund: Refund) -> str:
    amount: Money = refund.amount
    return f"{refund.status.value}: {shown(amount)}"
