"""ReconcileRefunds: find the refunds of our books that a gateway does not know."""

from functools import partial

from attrs import evolve, frozen

from application.ports.clock import Clock
from application.ports.differences import Difference, DifferenceKind
from application.ports.payment_pages import MAX_PAYMENTS, PaymentPages, RefundPosition
from application.ports.unit_of_work import BeginUnitOfWork
from application.use_cases.reconcile_lookups import LookUps
from application.use_cases.reconciliation import FOR_A_PERSON, IN_PROGRESS, Part, money_kind, shown
from application.use_cases.settle_refund import SettleRefund
from domain.payment import Payment
from domain.refund import Refund, Refunded, RefundFailed, RefundOutcome, RefundPending, RefundStatus


@frozen
class ReconcileRefunds:
    """Compare our refunds that have succeeded with what a gateway has listed of the same time.

    The gateway is asked about one that was not listed: it may have been sent long after it was
    reserved. That one has failed is its bank's last word and is recorded; anything else is for a
    person.
    """

    pages: PaymentPages
    begin: BeginUnitOfWork
    settle: SettleRefund
    now: Clock

    async def __call__(self, part: Part) -> None:
        """Compare the refunds that were reserved in the part, after the gateway's were listed.

        Raises:
            OutcomeUnknown, GatewayUnavailable: the gateway could not be asked.
            StorageUnavailable: the database cannot be reached; repeating it is harmless.
        """
        after: RefundPosition | None = None
        look_ups = LookUps()
        while True:
            period, at = part.period, part.at
            page = await self.pages.refunds(at.name, at.livemode, period.since, period.until, after)
            for refund in page:
                age = self.now() - refund.created_at
                is_listed = refund.reference in part.seen_refunds
                if not is_listed and age > IN_PROGRESS + at.records.delay:
                    await self._compare(part, look_ups, refund)
            if len(page) < MAX_PAYMENTS:
                return
            after = page[-1].created_at, page[-1].id

    async def _compare(self, part: Part, look_ups: LookUps, refund: Refund) -> None:
        """Ask about a refund, and report what differs."""
        order = await self.begin().orders.find_by_payment(refund.payment_id)
        if order is None:
            return
        payment = order.payment_at_gateway(refund.payment_id)
        unreadable = _about(part, DifferenceKind.UNREADABLE, payment, refund, "unknown")
        look_up = partial(part.at.gateway.find_refund, payment, refund)
        outcome, found = await look_ups.ask(look_up, unreadable)
        if found is None:
            found = await self._repaired(part, payment, refund, outcome)
        if found is not None:
            await part.report([found])

    async def _repaired(
        self, part: Part, payment: Payment, refund: Refund, outcome: RefundOutcome | None
    ) -> Difference | None:
        found = _difference(part, payment, refund, outcome)
        if not isinstance(outcome, RefundFailed):
            return found and evolve(found, reason=FOR_A_PERSON)
        if found is not None and part.is_repaired:
            settled = await self.settle(refund.payment_id, refund, outcome)
            has_failed = settled is not None and settled.status is RefundStatus.FAILED
            return evolve(found, repaired=has_failed)
        return found


def _difference(
    part: Part, payment: Payment, refund: Refund, outcome: RefundOutcome | None
) -> Difference | None:
    match outcome:
        case None:
            return _about(part, DifferenceKind.REFUND_UNKNOWN, payment, refund, "nothing")
        case Refunded(amount=amount):
            if amount == refund.amount or refund.code is not None:
                return None
            return _about(part, money_kind(refund.amount, amount), payment, refund, shown(amount))
        case RefundFailed(code=code):
            return _about(part, DifferenceKind.LATE_FAILURE, payment, refund, f"failed: {code}")
        case RefundPending():
            return None  # its money is on the way


def _about(
    part: Part, kind: DifferenceKind, payment: Payment, refund: Refund, theirs: str
) -> Difference:
    ours = f"{refund.status.value}: {shown(refund.amount)}"
    subject = refund.reference or refund.id
    found = part.difference(kind, subject, payment, ours, theirs)
    return evolve(found, at=refund.created_at, payment_id=refund.payment_id, refund_id=refund.id)
