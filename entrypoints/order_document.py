"""The JSON document of an order for operators, with explanations; for the command and for HTTP."""

import json
from datetime import datetime

from msgspec import Struct

from application.use_cases.find_order import FoundOrder
from domain.change_words import words_of
from domain.dispute import Dispute
from domain.explain_order import explain_order
from domain.explain_payment import explain_payment
from domain.explain_refund import explain_dispute, explain_refund
from domain.explanation import Explanation, time_text
from domain.history import HistoryEntry
from domain.money import Money
from domain.payment import Payment
from domain.refund import Refund
from entrypoints.body_fields import (
    CurrencyCode,
    DisputeStatusText,
    GatewayName,
    MinorUnits,
    Moment,
    OrderIdText,
    PaymentIdText,
    PaymentStatusText,
    RefundStatusText,
    UserIdText,
)


class EvidenceBody(Struct):
    """Something that is known; `at` is null if the time is not stored."""

    at: Moment | None
    what: str
    source: str


class ActionBody(Struct):
    """What `who` may do now: a command, or a request."""

    command: str
    who: str


class ExplanationBody(Struct, rename="camel"):
    """Why something is in its state; null and empty where there is nothing to say."""

    status: str
    evidence: list[EvidenceBody]
    waiting_for: str | None
    until: Moment | None
    ends_with: list[str]
    actions: list[ActionBody]


class HistoryBody(Struct):
    """One change of an order; `reason` is null if `who` gave none."""

    at: Moment
    who: str
    what: str
    reason: str | None


class OperatorPaymentBody(Struct, rename="camel"):
    """A payment, as an operator sees it. Amounts are in minor units."""

    id: PaymentIdText
    order_id: OrderIdText
    user_id: UserIdText
    status: PaymentStatusText
    amount: MinorUnits
    currency: CurrencyCode
    gateway: GatewayName
    livemode: bool
    charge_id: str | None
    reference: str | None
    code: str | None
    created_at: Moment
    captured_amount: MinorUnits | None
    captured_currency: CurrencyCode | None
    authorized_until: Moment | None
    requested_capture: MinorUnits | None
    next_check_at: Moment | None
    explanation: ExplanationBody


class OperatorRefundBody(Struct, rename="camel"):
    """A refund, as an operator sees it. Amounts are in minor units."""

    id: str
    payment_id: PaymentIdText
    status: RefundStatusText
    amount: MinorUnits
    currency: CurrencyCode
    reason: str
    reference: str | None
    code: str | None
    automatic: bool
    created_at: Moment
    next_check_at: Moment | None
    explanation: ExplanationBody


class OperatorDisputeBody(Struct, rename="camel"):
    """A dispute, as an operator sees it. Amounts are in minor units."""

    id: str
    payment_id: PaymentIdText
    status: DisputeStatusText
    amount: MinorUnits
    currency: CurrencyCode
    reason: str
    explanation: ExplanationBody


class OrderBody(Struct, rename="camel"):
    """An order with everything that belongs to it. Amounts are in minor units."""

    id: OrderIdText
    status: str
    version: int
    user_id: UserIdText | None
    amount: MinorUnits | None
    currency: CurrencyCode | None
    expires_at: Moment | None
    capture: str | None
    payments: list[OperatorPaymentBody]
    refunds: list[OperatorRefundBody]
    disputes: list[OperatorDisputeBody]
    explanation: ExplanationBody
    history: list[HistoryBody]


def order_body(found: FoundOrder) -> OrderBody:
    """Return the body of an order."""
    order = found.order
    terms = order.replica.terms
    return OrderBody(
        id=order.id,
        status=order.status.value,
        version=order.replica.version,
        user_id=terms.user_id if terms else None,
        amount=terms.price.minor_units if terms else None,
        currency=terms.price.currency.code if terms else None,
        expires_at=_text(order.replica.expires_at),
        capture=terms.capture.value if terms and terms.capture else None,
        payments=[_payment(found, each) for each in order.payments],
        refunds=[_refund(found, each) for each in order.refunds],
        disputes=[_dispute(found, each) for each in order.disputes],
        explanation=explanation_body(found.dated(explain_order(order, found.now))),
        history=[_entry(each) for each in found.history],
    )


def explanation_body(explanation: Explanation) -> ExplanationBody:
    """Return the body of an explanation."""
    wait = explanation.wait
    return ExplanationBody(
        status=explanation.status,
        evidence=[
            EvidenceBody(_text(each.at), each.what, each.source) for each in explanation.evidence
        ],
        waiting_for=wait.what if wait else None,
        until=_text(wait.until) if wait else None,
        ends_with=list(wait.ends_with) if wait else [],
        actions=[ActionBody(each.command, each.who.value) for each in explanation.actions],
    )


def _payment(found: FoundOrder, payment: Payment) -> OperatorPaymentBody:
    captured = payment.captured_amount
    return OperatorPaymentBody(
        id=payment.id,
        order_id=payment.order_id,
        user_id=payment.user_id,
        status=payment.status.value,
        amount=payment.amount.minor_units,
        currency=payment.amount.currency.code,
        gateway=payment.gateway,
        livemode=payment.livemode,
        charge_id=payment.charge_id,
        reference=payment.reference,
        code=payment.code,
        created_at=time_text(payment.created_at),
        captured_amount=_units(captured),
        captured_currency=captured.currency.code if captured else None,
        authorized_until=_text(payment.authorized_until),
        requested_capture=_units(payment.requested_capture),
        next_check_at=_text(payment.next_check_at),
        explanation=explanation_body(
            found.dated(explain_payment(found.order, payment.id, found.now))
        ),
    )


def _refund(found: FoundOrder, refund: Refund) -> OperatorRefundBody:
    return OperatorRefundBody(
        id=refund.id,
        payment_id=refund.payment_id,
        status=refund.status.value,
        amount=refund.amount.minor_units,
        currency=refund.amount.currency.code,
        reason=refund.reason,
        reference=refund.reference,
        code=refund.code,
        automatic=refund.automatic,
        created_at=time_text(refund.created_at),
        next_check_at=_text(refund.next_check_at),
        explanation=explanation_body(found.dated(explain_refund(found.order, refund))),
    )


def _dispute(found: FoundOrder, dispute: Dispute) -> OperatorDisputeBody:
    return OperatorDisputeBody(
        id=dispute.id,
        payment_id=dispute.payment_id,
        status=dispute.status.value,
        amount=dispute.amount.minor_units,
        currency=dispute.amount.currency.code,
        reason=dispute.reason,
        explanation=explanation_body(found.dated(explain_dispute(dispute))),
    )


def _entry(entry: HistoryEntry) -> HistoryBody:
    what = words_of(json.loads(entry.change))
    reason = None if entry.why == what else entry.why
    return HistoryBody(time_text(entry.at), entry.who, what, reason)


def _units(money: Money | None) -> int | None:
    return None if money is None else money.minor_units


def _text(at: datetime | None) -> str | None:
    return None if at is None else time_text(at)
