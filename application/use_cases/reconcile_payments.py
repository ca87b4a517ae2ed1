"""ReconcilePayments: find the payments of our books that a gateway does not know."""

from functools import partial

from attrs import evolve, frozen

from application.ports.clock import Clock
from application.ports.differences import Difference, DifferenceKind
from application.ports.payment_pages import MAX_PAYMENTS, PaymentPages, Position
from application.use_cases.reconcile_lookups import LookUps
from application.use_cases.reconciliation import FOR_A_PERSON, IN_PROGRESS, Part, money_kind, shown
from domain.outcome import Authorized, Charged, Outcome
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.second_charge import CHARGED_TWICE


@frozen
class ReconcilePayments:
    """Compare our payments with what a gateway has listed of the same time.

    One that was not listed may have been charged at another time than it was claimed, so the
    gateway is asked about it. Such a difference is for a person: no money is moved.
    """

    payments: PaymentPages
    now: Clock

    async def __call__(self, part: Part) -> None:
        """Compare the payments that were claimed in the part, after its charges were listed.

        Raises:
            OutcomeUnknown: the gateway could not be asked.
            StorageUnavailable: the database cannot be reached.
        """
        after: Position | None = None
        look_ups = LookUps()
        while True:
            period, at = part.period, part.at
            page = await self.payments.page(at.name, at.livemode, period.since, period.until, after)
            for payment in page:
                if payment.id not in part.seen and self._should_be_listed(part, payment):
                    await _compare(part, look_ups, payment)
            if len(page) < MAX_PAYMENTS:
                return
            after = page[-1].created_at, page[-1].id

    def _should_be_listed(self, part: Part, payment: Payment) -> bool:
        """Whether it has money at the gateway; a second charge has the id of another payment."""
        has_money = payment.is_captured or payment.status is PaymentStatus.AUTHORIZED
        age = self.now() - payment.created_at
        return (
            has_money
            and payment.code != CHARGED_TWICE
            and age > IN_PROGRESS + part.at.records.delay
        )


async def _compare(part: Part, look_ups: LookUps, payment: Payment) -> None:
    """Ask about a payment, and report what differs."""
    unreadable = part.difference(
        DifferenceKind.UNREADABLE, payment.id, payment, _ours(payment), "unknown"
    )
    outcome, found = await look_ups.ask(partial(part.at.gateway.find, payment), unreadable)
    if found is None:
        differing = _difference(part, payment, outcome)
        found = differing and evolve(differing, reason=FOR_A_PERSON)
    if found is not None:
        await part.report([found])


def _ours(payment: Payment) -> str:
    return f"{payment.status.value}: {shown(payment.captured_amount or payment.amount)}"


def _difference(part: Part, payment: Payment, outcome: Outcome | None) -> Difference | None:
    ours = _ours(payment)
    match outcome:
        case None:
            kind, theirs = DifferenceKind.PAYMENT_UNKNOWN, "nothing"
        case Charged(charge_id=charge_id, amount=amount):
            captured = payment.captured_amount
            if captured is None or charge_id != payment.charge_id or captured == amount:
                return None  # another comparison, or recovery, ends it
            kind, theirs = money_kind(captured, amount), shown(amount)
        case Authorized():
            return None
        case _:
            kind, theirs = DifferenceKind.LATE_FAILURE, type(outcome).__name__.lower()
    if payment.status is PaymentStatus.AUTHORIZED and kind is DifferenceKind.LATE_FAILURE:
        return None  # it was released, and recovery learns of it
    return part.difference(kind, payment.id, payment, ours, theirs)
