"""CompareBooks: find the charges that the gateway has and our database has lost, and adopt them."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import frozen

from application.ports.alerts import AlertKind, Alerts
from application.ports.books import Books, Comparison, is_issued_by
from application.ports.clock import Clock
from application.ports.gateway_history import (
    ListCharges,
    ListedCharge,
    TooManyCharges,
    UnreadableCharge,
)
from application.ports.gateway_notifications import Notification, PaymentNotification
from application.ports.gateways import ConfiguredGateway
from application.ports.payment_gateway import GatewayUnavailable, LookupRefused, OutcomeUnknown
from application.ports.unit_of_work import BeginUnitOfWork, StorageUnavailable
from application.use_cases.keep_notification import KeepNotification
from application.use_cases.settle_payment import SettlePayment
from application.use_cases.sync_refunds import SyncRefunds
from domain.identifiers import PaymentId
from domain.outcome import Authorized, Charged
from domain.payment import Payment
from domain.payment_status import PaymentStatus

logger = logging.getLogger(__name__)

MARGIN: Final = timedelta(seconds=90)
"""How far the mark stays behind the present: 60 s because the clocks of database and gateway may
differ, usually by much less; 30 s because a gateway may list a charge late."""

LOOK_BACK: Final = timedelta(hours=24)
"""How far we look back without a mark: in a new database, and in one that was last used by a
version without marks. Backups are made at least daily; older losses need a reconciliation."""

# The shortest part of the time that is listed: Stripe's times are whole seconds.
_SHORTEST: Final = timedelta(seconds=1)


@frozen
class CompareBooks:
    """Compare our books with one gateway's since the mark; it never charges.

    A database that has lost its last transactions has an older mark, so exactly the time of the
    loss is compared, however long it is.
    """

    begin: BeginUnitOfWork
    books: Books
    gateway: ConfiguredGateway
    settle: SettlePayment
    sync: SyncRefunds
    keep: KeepNotification
    alerts: Alerts
    now: Clock

    @property
    def is_possible(self) -> bool:
        """Whether the gateway lists its charges."""
        return self.gateway.history.list_charges is not None

    async def __call__(self) -> int:
        """Adopt what is missing, and advance the mark; return how many payments were adopted.

        Raises:
            OutcomeUnknown, GatewayUnavailable: the gateway could not be asked.
            StorageUnavailable: the database cannot be reached; repeating it changes nothing more.
        """
        list_charges = self.gateway.history.list_charges
        if list_charges is None:
            return 0
        comparison = await self.books.begin(self.gateway.name, self.gateway.livemode)
        try:
            adopted = await self._compare(list_charges, comparison, self.now())
        except (
            LookupRefused
        ) as refused:  # asking again is useless, and the key may charge nevertheless
            text = f"the books cannot be compared with those of {self.gateway.name}: {refused}"
            await self.alerts.report(AlertKind.LOOKUP_IMPOSSIBLE, "books", text)
            return 0
        if adopted:
            await self.alerts.report(
                AlertKind.BOOKS_BEHIND,
                self.gateway.name,
                f"the books were behind: {adopted} charges of {self.gateway.name} were adopted;"
                " was a backup restored, or a standby promoted?",
            )
        return adopted

    async def _compare(
        self, list_charges: ListCharges, comparison: Comparison, now: datetime
    ) -> int:
        """Compare from the mark to now in parts, so that each list is short enough.

        The mark stays before refunds that could not be listed, so that they are compared again; a
        gateway that never lists them keeps it for LOOK_BACK at most.
        """
        since, end, adopted = _start(comparison, now), now + MARGIN, 0
        is_synced, is_too_old = True, since < now - LOOK_BACK
        span = end - since
        while since < end:
            until = min(since + span, end)
            try:
                charges = await list_charges(since, until)
            except TooManyCharges:
                span = (until - since) / 2
                if span < _SHORTEST:
                    raise
                if comparison.mark is None:  # one list is enough for what may never have been lost
                    since = until - span
                continue
            await self._receive([each for each in charges if isinstance(each, UnreadableCharge)])
            ours = await self._ours(charges)
            adopted += await self._adopt_missing(ours)
            is_synced = await self._sync_refunds(ours) and is_synced
            if is_synced or is_too_old:
                await self.books.advance(comparison, min(until, now - MARGIN))
            since, span = until, 2 * span
        return adopted

    async def _ours(
        self, charges: Sequence[ListedCharge | UnreadableCharge]
    ) -> Sequence[ListedCharge]:
        readable = [each for each in charges if isinstance(each, ListedCharge)]
        ours = [each for each in readable if await self._is_ours(each.payment)]
        # If a lost payment was charged twice, the charge that was given back is the second one.
        return sorted(ours, key=_is_given_back)

    async def _adopt_missing(self, ours: Sequence[ListedCharge]) -> int:
        known = await self.begin().orders.find_payments([each.payment.id for each in ours])
        adopted = 0
        for charge in ours:
            payment = known.get(charge.payment.id)
            if payment is None or _lacks(payment, charge):
                await self._settle(charge)
                adopted += payment is None
        return adopted

    async def _receive(self, charges: Sequence[UnreadableCharge]) -> None:
        """Handle what cannot be adopted as a webhook: find its payment, or keep it."""
        reports = [each.notification for each in charges]
        named = [each.payment_id for each in reports if isinstance(each, PaymentNotification)]
        known = await self.begin().orders.find_payments(named) if named else {}
        for charge in charges:
            if not is_recorded(charge.notification, known):
                await self.keep(self.gateway.name, charge.notification, charge.body)

    async def _is_ours(self, payment: Payment) -> bool:
        return self.gateway.has(payment) and await is_issued_by(self.books, payment.id)

    async def _settle(self, charge: ListedCharge) -> None:
        try:
            await self.settle(charge.payment, charge.outcome)
        except StorageUnavailable:
            raise
        except Exception:  # one charge that cannot be adopted must not stop the others
            text = f"the charge of payment {charge.payment.id} could not be adopted"
            logger.exception("%s", text)
            await self.alerts.report(AlertKind.BOOKS_BEHIND, charge.payment.id, text)

    async def _sync_refunds(self, ours: Sequence[ListedCharge]) -> bool:
        """Record what was refunded of these charges; return whether the gateway has told it all."""
        refunded = [each for each in ours if not each.refunded.is_zero]
        return all([await self._is_synced(each) for each in refunded])

    async def _is_synced(self, charge: ListedCharge) -> bool:
        if not isinstance(charge.outcome, Charged):
            return True
        charge_id = charge.outcome.charge_id
        order = await self.begin().orders.find_by_charge(charge_id)
        payment = None if order is None else order.payment_of_charge(charge_id)
        if order is None or payment is None or payment.captured_amount is None:
            return True
        if payment.captured_amount - order.refundable(payment) == charge.refunded:
            return True
        try:
            await self.sync(order.payment_at_gateway(payment.id))
        except LookupRefused as refused:  # asking again is useless
            logger.warning("the refunds of payment %s cannot be listed: %s", payment.id, refused)
        except (OutcomeUnknown, GatewayUnavailable) as error:
            logger.info("the refunds of payment %s are listed again later: %s", payment.id, error)
            return False
        return True


def _start(comparison: Comparison, now: datetime) -> datetime:
    """Return the mark; a mark in the future, by a clock that was wrong, says nothing."""
    if comparison.mark is None or comparison.mark > now:
        return now - LOOK_BACK
    return comparison.mark


def is_recorded(report: Notification, known: Mapping[PaymentId, Payment]) -> bool:
    """Whether a report says nothing that the books lack; recovery checks open payments."""
    if not isinstance(report, PaymentNotification) or report.refunded is not None:
        return False
    payment = known.get(report.payment_id)
    if payment is None or not isinstance(report.outcome, Charged):
        return payment is not None and payment.is_open
    return payment.is_open or payment.charge_id == report.outcome.charge_id


def _is_given_back(charge: ListedCharge) -> bool:
    return isinstance(charge.outcome, Charged) and charge.refunded == charge.outcome.amount


def _lacks(payment: Payment, charge: ListedCharge) -> bool:
    """Whether the books lack this charge.

    What is captured of an open payment is settled here, as by a webhook: the mark passes it, and
    recovery, which asks about the payment, is told of one of its charges only. Recovery checks all
    else that is open, but an authorization rarely.
    """
    if isinstance(charge.outcome, Authorized):
        return not payment.is_open and not payment.is_captured
    if not isinstance(charge.outcome, Charged):
        return payment.status is PaymentStatus.ABANDONED
    return payment.is_open or payment.charge_id != charge.outcome.charge_id
