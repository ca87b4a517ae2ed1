"""Refund rules: how much may still be refunded, and what is refunded automatically."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Final

from attrs import evolve, frozen

from domain.errors import DomainError
from domain.identifiers import PaymentId, RefundId
from domain.money import Money
from domain.payment import Payment
from domain.payment_status import ORDER_CANCELLED, PaymentStatus
from domain.refund import (
    CURRENCY_MISMATCH,
    EXCEEDS_PAYMENT,
    REQUESTED,
    SEND_LEASE,
    SETTLEMENT_CHECK_INTERVAL,
    Refund,
    RefundStatus,
    ReportedRefund,
)

MAX_RETRIES: Final = 10
"""How often an automatic refund is sent again after a failure: after 1, 2, 4, … minutes, 17 hours
in all. Then an operator must refund the payment."""

# The id of an ordinary payment has 36 characters; that of a second charge has 64, and with it the
# key of a refund would be longer than gateways accept.
_LONGEST_ID: Final = 36

EXTERNAL_REFUND: Final = "external_refund"
"""The reason of a refund that was started outside this service, such as in Stripe's dashboard."""


@frozen
class NotRefundable(DomainError):
    """The payment has not been captured, so there is nothing to give back."""

    payment_id: PaymentId
    status: PaymentStatus


@frozen
class RefundExceedsPayment(DomainError):
    """The refund is larger than what may still be refunded, which is `left`."""

    payment_id: PaymentId
    left: Money


def refundable(payment: Payment, refunds: Sequence[Refund]) -> Money:
    """Return the captured amount that no refund has reserved yet."""
    captured = payment.captured_amount
    if captured is None:
        return Money(0, payment.amount.currency)
    reserved = sum(
        refund.amount.minor_units
        for refund in refunds
        if refund.payment_id == payment.id and refund.is_reserved
    )
    # An external refund may overlap with an amount that we had already reserved.
    return Money(max(0, captured.minor_units - reserved), captured.currency)


def is_given_back(payment: Payment, refunds: Sequence[Refund]) -> bool:
    """Whether the gateway has given back all that it has captured."""
    done = [each for each in refunds if each.status is RefundStatus.SUCCEEDED]
    return refundable(payment, done).is_zero


def requested_refund(
    refund_id: RefundId,
    payment: Payment,
    left: Money,
    minor_units: int | None,
    reason: str,
    now: datetime,
) -> Refund:
    """Return a refund of this many minor units; of all that is left if None.

    Raises:
        NotRefundable: the payment was never captured.
        RefundExceedsPayment: less than that is left, or nothing.
    """
    if not payment.is_captured:
        raise NotRefundable(payment.id, payment.status)
    requested = left.minor_units if minor_units is None else minor_units
    if not 0 < requested <= left.minor_units:
        raise RefundExceedsPayment(payment.id, left)
    return _refund(refund_id, payment, Money(requested, left.currency), reason, now)


def external_refund(reference: str, payment: Payment, amount: Money, now: datetime) -> Refund:
    """Return a refund that was started outside this service; recovery checks it, never sends it.

    An amount in another currency than the captured one counts as nothing.
    """
    captured = payment.captured_amount or payment.amount
    is_countable = amount.currency == captured.currency
    amount = amount if is_countable else Money(0, captured.currency)
    refund = _refund(RefundId(reference), payment, amount, EXTERNAL_REFUND, now)
    return evolve(
        refund,
        reference=reference,
        code=None if is_countable else CURRENCY_MISMATCH,
        next_check_at=now + SETTLEMENT_CHECK_INTERVAL,
    )


def lost_refund(reported: ReportedRefund, payment: Payment, now: datetime) -> Refund | None:
    """Return a refund of ours that our database has lost, from its labels; None if it is none.

    It keeps its id, so that a repeated request does not give the money back a second time. The
    gateway has a record of it, so it is checked, and never sent again.
    """
    attempt, refund_id = reported.attempt, reported.refund_id
    if attempt is None or refund_id is None:
        return None
    external = external_refund(reported.reference, payment, reported.amount, now)
    automatic = refund_id.startswith(_automatic_prefix(payment))
    reason = reported.reason or (automatic_reason(payment) if automatic else REQUESTED)
    return evolve(external, id=refund_id, reason=reason, automatic=automatic, attempt=attempt)


def automatic_reason(payment: Payment) -> str:
    """Return why a payment is refunded that its order may not keep."""
    if payment.status is PaymentStatus.REVERSED:
        return payment.code or "reversed"
    return ORDER_CANCELLED


def within_captured(refund: Refund, payment: Payment, refunds: Sequence[Refund]) -> Refund:
    """Limit a succeeded refund to what the other ones have left of the captured amount.

    No report makes us record that more was given back than was captured.
    """
    if refund.status is not RefundStatus.SUCCEEDED or payment.captured_amount is None:
        return refund
    captured = payment.captured_amount
    others = sum(
        other.amount.minor_units
        for other in refunds
        if other.payment_id == payment.id
        and other.id != refund.id
        and other.status is RefundStatus.SUCCEEDED
    )
    left = Money(max(0, captured.minor_units - others), captured.currency)
    if refund.amount.currency != captured.currency:
        return evolve(refund, amount=Money(0, captured.currency), code=CURRENCY_MISMATCH)
    if not refund.amount.exceeds(left):
        return refund
    return evolve(refund, amount=left, code=EXCEEDS_PAYMENT)


def automatic_refund(payment: Payment, refunds: Sequence[Refund], now: datetime) -> Refund | None:
    """Return a refund of all that is left; None if nothing is left or the retries are used up.

    A retry is a new refund under a new key, so that late reports about the failed one are not
    mistaken for reports about the retry.
    """
    left = refundable(payment, refunds)
    earlier = [refund for refund in refunds if refund.payment_id == payment.id]
    failed = sum(each.automatic and each.status is RefundStatus.FAILED for each in earlier)
    if left.is_zero or failed > MAX_RETRIES:
        return None
    used = {refund.id for refund in earlier}
    refund_id = next(
        each
        for number in count(len(earlier))
        if (each := _automatic_id(payment, left, number)) not in used
    )
    refund = _refund(refund_id, payment, left, automatic_reason(payment), now)
    delay = timedelta(minutes=(1 << failed) // 2)
    return evolve(refund, automatic=True, attempt=failed, next_check_at=now + delay)


def _automatic_id(payment: Payment, amount: Money, number: int) -> RefundId:
    """Return the id of a refund of this amount of this charge.

    One that the database has lost and reserves again has the same id, so that the money goes back
    once. If the payment is restored with another of its charges, or other refunds are known than
    before, the number may be the same: a gateway would answer with the lost refund, or refuse
    another amount under its key.
    """
    what = f"{payment.charge_id} {amount.minor_units} {amount.currency.code}"
    return RefundId(f"{_automatic_prefix(payment)}{number}-{_short_hash(what)}")


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _automatic_prefix(payment: Payment) -> str:
    return f"{payment.id[:_LONGEST_ID]}-back-"


def _refund(
    refund_id: RefundId, payment: Payment, amount: Money, reason: str, now: datetime
) -> Refund:
    assert payment.charge_id is not None, "only captured payments are refunded"  # noqa: S101
    return Refund(
        id=refund_id,
        payment_id=payment.id,
        order_id=payment.order_id,
        charge_id=payment.charge_id,
        amount=amount,
        reason=reason,
        created_at=now,
        next_check_at=now + SEND_LEASE,
    )
