"""ReconcileCharges: compare a page of a gateway's charges with our books."""

import logging
from collections.abc import Mapping, Sequence

from attrs import evolve, frozen

from application.ports.books import Books, is_issued_by
from application.ports.clock import Clock
from application.ports.differences import Difference, DifferenceKind
from application.ports.gateway_history import ListedCharge, UnreadableCharge
from application.ports.gateway_notifications import PaymentNotification
from application.ports.gateway_records import ChargeRecord, FailedCharge
from application.ports.payment_gateway import GatewayUnavailable
from application.ports.unit_of_work import BeginUnitOfWork, StorageUnavailable
from application.use_cases.check_payment import CheckPayment
from application.use_cases.compare_books import is_recorded
from application.use_cases.keep_notification import KeepNotification
from application.use_cases.reconciliation import IN_PROGRESS, Part, money_kind, shown
from application.use_cases.settle_payment import SettlePayment
from domain.identifiers import OrderId
from domain.order import Order
from domain.outcome import Authorized, Charged
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.refund_rules import is_given_back
from domain.second_charge import second_charge_id

logger = logging.getLogger(__name__)

Orders = Mapping[OrderId, Order]


@frozen
class ReconcileCharges:
    """Find the charges that our books lack or contradict; they are settled as by a notice."""

    begin: BeginUnitOfWork
    books: Books
    settle: SettlePayment
    check: CheckPayment
    keep: KeepNotification
    now: Clock

    async def __call__(self, part: Part, records: Sequence[ChargeRecord]) -> None:
        """Compare these charges.

        Raises:
            TooManyCharges: the part has too many.
            StorageUnavailable: the database cannot be reached; repeating it is harmless.
        """
        await self._unreadable(
            part, [each for each in records if isinstance(each, UnreadableCharge)]
        )
        readable = [each for each in records if not isinstance(each, UnreadableCharge)]
        ours = [each for each in readable if await self._is_ours(part, each)]
        # If a lost payment was charged twice, the charge that was given back is the second one.
        ours.sort(key=_is_given_back)
        orders = await self._orders(ours)
        for record in ours:
            part.note(record.payment)
            found = self._difference(part, record, orders.get(record.payment.order_id))
            if found is not None:
                await part.report([await self._repaired(part, record, found)])

    async def _is_ours(self, part: Part, record: ListedCharge | FailedCharge) -> bool:
        is_ours = part.at.has(record.payment) and await is_issued_by(self.books, record.payment.id)
        part.counts["foreign"] += not is_ours
        return is_ours

    async def _orders(self, ours: Sequence[ListedCharge | FailedCharge]) -> Orders:
        ids = {each.payment.order_id for each in ours}
        return await self.begin().orders.get_many(ids) if ids else {}

    def _difference(
        self, part: Part, record: ListedCharge | FailedCharge, order: Order | None
    ) -> Difference | None:
        payment = _payment_of(order, record)
        if isinstance(record, FailedCharge):
            return self._failure(part, record, payment)
        outcome = record.outcome
        if payment is None:
            return _lost(part, record, "no payment")
        if isinstance(outcome, Charged):
            return self._charged(part, record, outcome, payment) or _in_review(part, payment, order)
        if isinstance(outcome, Authorized) and payment.is_captured:
            kind, ours = DifferenceKind.AMOUNT, shown(payment.captured_amount)
            return part.difference(kind, payment.id, payment, ours, "only authorized")
        if isinstance(outcome, Authorized):
            return None if payment.is_open else _lost(part, record, payment.status.value)
        is_abandoned = payment.status is PaymentStatus.ABANDONED
        return _lost(part, record, payment.status.value) if is_abandoned else None

    def _charged(
        self, part: Part, record: ListedCharge, charged: Charged, payment: Payment
    ) -> Difference | None:
        captured = payment.captured_amount
        if payment.charge_id != charged.charge_id or captured is None:
            if payment.status is not PaymentStatus.AUTHORIZED and self._is_in_progress(payment):
                return None
            return _lost(part, record, payment.status.value)
        if captured != charged.amount:
            kind = money_kind(captured, charged.amount)
            return part.difference(
                kind, payment.id, payment, shown(captured), shown(charged.amount)
            )
        return None

    def _failure(
        self, part: Part, record: FailedCharge, payment: Payment | None
    ) -> Difference | None:
        if payment is None:
            return None
        is_it = payment.is_captured and payment.charge_id == record.charge_id
        is_waiting = payment.status is PaymentStatus.PENDING and not self._is_in_progress(payment)
        if not is_it and not is_waiting:
            return None
        kind, theirs = DifferenceKind.LATE_FAILURE, f"failed: {record.outcome.code}"
        found = part.difference(kind, payment.id, payment, payment.status.value, theirs)
        return evolve(found, charge_id=record.charge_id)

    def _is_in_progress(self, payment: Payment) -> bool:
        return payment.is_open and self.now() - payment.created_at < IN_PROGRESS

    # --- repairs -------------------------------------------------------------------------------

    async def _repaired(
        self, part: Part, record: ListedCharge | FailedCharge, found: Difference
    ) -> Difference:
        if not part.is_repaired:
            return found
        if found.kind not in (DifferenceKind.LOST_CHARGE, DifferenceKind.LATE_FAILURE):
            return evolve(found, reason=found.reason or "for a person: no money is moved")
        try:
            if isinstance(record, ListedCharge):
                await self.settle(record.payment, record.outcome)
            elif found.ours == PaymentStatus.PENDING.value:
                await self.check(record.payment)
        except StorageUnavailable:
            raise
        except Exception as error:  # one that cannot be repaired must not stop the others
            logger.exception("%s of payment %s was not repaired", found.kind.value, found.subject)
            return evolve(found, reason=f"it could not be repaired: {type(error).__name__}")
        order = (await self._orders([record])).get(record.payment.order_id)
        return _after(
            part, found, self._difference(part, record, order), _payment_of(order, record)
        )

    async def _unreadable(self, part: Part, charges: Sequence[UnreadableCharge]) -> None:
        """Handle what cannot be read as a webhook: find its payment, or keep it."""
        reports = [each.notification for each in charges]
        named = [each.payment_id for each in reports if isinstance(each, PaymentNotification)]
        known = await self.begin().orders.find_payments(named) if named else {}
        for charge in charges:
            if is_recorded(charge.notification, known):
                continue
            payment_id = getattr(charge.notification, "payment_id", None)
            is_kept = part.is_repaired and not await self._keep(part, charge)
            reason = "it is kept: payments notifications" if is_kept else None
            found = Difference(
                kind=DifferenceKind.UNREADABLE,
                gateway=part.at.name,
                livemode=part.at.livemode,
                subject=charge.notification.id,
                at=part.time_of(charge.created_at),
                payment_id=payment_id,
                repaired=part.is_repaired and not is_kept,
                reason=reason,
            )
            await part.report([found])

    async def _keep(self, part: Part, charge: UnreadableCharge) -> bool:
        try:
            return await self.keep(part.at.name, charge.notification, charge.body)
        except GatewayUnavailable as unavailable:
            logger.info("%s cannot be applied now: %s", charge.notification.id, unavailable)
            return False


def _payment_of(order: Order | None, record: ListedCharge | FailedCharge) -> Payment | None:
    """Return the payment that a charge was made for, or that records it as a second charge."""
    if order is None:
        return None
    by_id = {each.id: each for each in order.payments}
    if isinstance(record, ListedCharge) and isinstance(record.outcome, Charged):
        second = by_id.get(second_charge_id(record.payment.id, record.outcome.charge_id))
        if second is not None:
            return second
    return by_id.get(record.payment.id)


def _is_given_back(record: ListedCharge | FailedCharge) -> bool:
    if not isinstance(record, ListedCharge) or not isinstance(record.outcome, Charged):
        return False
    return record.refunded == record.outcome.amount


def _lost(part: Part, record: ListedCharge, ours: str) -> Difference:
    outcome, payment = record.outcome, record.payment
    charge_id = getattr(outcome, "charge_id", None)
    subject = str(charge_id or payment.id)
    amount = outcome.amount if isinstance(outcome, Charged | Authorized) else payment.amount
    kind = DifferenceKind.LOST_CHARGE
    return evolve(part.difference(kind, subject, payment, ours, shown(amount)), charge_id=charge_id)


def _in_review(part: Part, payment: Payment, order: Order | None) -> Difference | None:
    """Return what a person has not decided about yet."""
    captured = payment.captured_amount
    if payment.status is not PaymentStatus.REVIEW or captured == payment.amount:
        return None
    if captured is None or order is None or is_given_back(payment, order.refunds):
        return None
    found = part.difference(
        money_kind(payment.amount, captured),
        payment.id,
        payment,
        shown(payment.amount),
        shown(captured),
    )
    return evolve(found, reason=f"in review: {payment.code}")


def _after(
    part: Part, found: Difference, left: Difference | None, payment: Payment | None
) -> Difference:
    """Return a difference after its repair, and what is left of it."""
    if left is None:
        is_reversed = payment is not None and payment.status is PaymentStatus.REVERSED
        reason = f"given back: {payment.code}" if payment and is_reversed else None
        return evolve(found, repaired=True, reason=reason)
    if left.kind is found.kind:
        return evolve(found, reason="the ordinary rules change nothing")
    return left
