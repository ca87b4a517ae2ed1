"""Bugs of refunds that others make, that banks return, and that the gateway has lost."""

from collections.abc import Sequence
from datetime import datetime
from itertools import count
from typing import Final

from attrs import evolve

from application.ports.differences import Difference
from application.use_cases import reconcile_refunds, settle_refund
from application.use_cases.reconciliation import Part
from domain import order_refunds, refund_rules
from domain.identifiers import ChargeId
from domain.order import Order
from domain.order_refunds import OrderRefunds
from domain.outcome import Charged
from domain.payment import Payment
from domain.refund import Refund, RefundOutcome, RefundStatus, ReportedRefund
from tests.simulation.bug import Bug

_record_refunds = OrderRefunds.record_refunds
_fail = Refund._fail
_mismatch = Payment.mismatch
_automatic_refund = refund_rules.automatic_refund


def _each_report_is_a_refund(
    self: OrderRefunds, charge_id: ChargeId, reported: Sequence[ReportedRefund], now: datetime
) -> OrderRefunds:
    renamed = [each if each.refund_id else _named_by_its_state(each) for each in reported]
    return _record_refunds(self, charge_id, renamed, now)


def _named_by_its_state(reported: ReportedRefund) -> ReportedRefund:
    name = reported.reference + type(reported.outcome).__name__
    return evolve(reported, reference=name, outcome=evolve(reported.outcome, reference=name))


def _success_is_final(self: Refund, code: str, reference: str | None) -> Refund:
    return self if self.status is RefundStatus.SUCCEEDED else _fail(self, code, reference)


def _nothing_is_missed(_failed: Refund, _before: Order, _after: Order) -> bool:
    return False


def _no_refund_after_a_returned_one(
    self: OrderRefunds, _payment: Payment, _now: datetime
) -> OrderRefunds:
    return self


def _nobody_misses_a_refund(
    _part: Part, _payment: Payment, _refund: Refund, _outcome: RefundOutcome | None
) -> Difference | None:
    return None


def _any_currency(self: Payment, charged: Charged) -> str | None:
    if charged.amount.minor_units == self.amount.minor_units:
        return None
    return _mismatch(self, charged)


def _less_is_fine(self: Payment, charged: Charged) -> str | None:
    same = charged.amount.currency == self.amount.currency
    if same and charged.amount.minor_units <= self.amount.minor_units:
        return None
    return _mismatch(self, charged)


def _under_the_failed_ones_id(
    payment: Payment, refunds: Sequence[Refund], now: datetime
) -> Refund | None:
    following = _automatic_refund(payment, refunds, now)
    if following is None:
        return None
    used = {each.id for each in refunds if each.payment_id == payment.id and each.is_reserved}
    free = (
        refund_rules._automatic_id(payment, following.amount, number) for number in count(len(used))
    )
    return evolve(following, id=next(each for each in free if each not in used))


REFUND_BUGS: Final = (
    Bug(
        "each report of others is another refund",
        *(OrderRefunds, "record_refunds", _each_report_is_a_refund),
    ),
    Bug("a refund that has succeeded never fails", Refund, "_fail", _success_is_final),
    Bug("a returned refund is not told", settle_refund, "_is_missed", _nothing_is_missed),
    Bug(
        "nothing follows a refund that failed",
        *(OrderRefunds, "_refund_if_not_allowed", _no_refund_after_a_returned_one),
    ),
    Bug("nobody misses a refund", reconcile_refunds, "_difference", _nobody_misses_a_refund),
    Bug(
        "a refund takes the id of the failed one",
        *(order_refunds, "automatic_refund", _under_the_failed_ones_id),
    ),
    Bug("the currency is not compared", Payment, "mismatch", _any_currency),
    Bug("less is accepted", Payment, "mismatch", _less_is_fine),
)
