"""What `payments show` and `payments explain` print for people."""

from collections.abc import Iterator, Sequence

from application.use_cases.find_order import FoundOrder
from domain.money import Currency, Money
from entrypoints.order_document import (
    ExplanationBody,
    HistoryBody,
    OperatorDisputeBody,
    OperatorPaymentBody,
    OperatorRefundBody,
    OrderBody,
)


def title_of(found: FoundOrder) -> str:
    """Return what was found, in a few words."""
    if found.payment is None:
        return f"order {found.order.id}"
    return f"payment {found.payment.id} of order {found.order.id}"


def order_text(order: OrderBody) -> str:
    """Return an order with everything that belongs to it."""
    lines = [f"order {order.id}: {order.status}, version {order.version}"]
    lines += _fields(
        user=order.user_id,
        due=_amount(order.amount, order.currency),
        expires=order.expires_at,
        capture=order.capture,
    )
    for payment in order.payments:
        lines += ["", f"payment {payment.id}: {payment.status}", *_payment(payment)]
    for refund in order.refunds:
        lines += ["", f"refund {refund.id}: {refund.status}", *_refund(refund)]
    for dispute in order.disputes:
        lines += ["", f"dispute {dispute.id}: {dispute.status}", *_dispute(dispute)]
    lines += _section("history", [*map(_entry, order.history)])
    waiting = order.explanation.waiting_for
    lines += ["", f"waiting for {waiting}{_until(order.explanation)}" if waiting else "all is done"]
    return "\n".join(lines)


def explanation_text(title: str, explanation: ExplanationBody) -> str:
    """Return an explanation in sections; a section without content is left out."""
    lines = [f"{title}: {explanation.status}"]
    evidence = [
        f"{each.at or '-':24}  {each.what} ({each.source})" for each in explanation.evidence
    ]
    lines += _section("because", evidence)
    if explanation.waiting_for is None:
        lines += ["", "waiting for nothing"]
    else:
        lines += ["", f"waiting for {explanation.waiting_for}{_until(explanation)}"]
    lines += _section("it ends when", explanation.ends_with)
    lines += _section("to do", [f"{each.command}  ({each.who})" for each in explanation.actions])
    return "\n".join(lines)


def _entry(entry: HistoryBody) -> str:
    reason = f": {entry.reason}" if entry.reason else ""
    return f"{entry.at}  {entry.what} ({entry.who}{reason})"


def _until(explanation: ExplanationBody) -> str:
    return "" if explanation.until is None else f", until {explanation.until}"


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", title, *(f"  {each}" for each in lines)] if lines else []


def _payment(payment: OperatorPaymentBody) -> Iterator[str]:
    mode = "" if payment.livemode else ", test mode"
    return _fields(
        user=payment.user_id,
        amount=_amount(payment.amount, payment.currency),
        captured=_amount(payment.captured_amount, payment.captured_currency),
        gateway=f"{payment.gateway}{mode}",
        charge=payment.charge_id,
        reference=payment.reference,
        code=payment.code,
        created=payment.created_at,
        authorized=payment.authorized_until and f"until {payment.authorized_until}",
        check=payment.next_check_at,
    )


def _refund(refund: OperatorRefundBody) -> Iterator[str]:
    return _fields(
        payment=refund.payment_id,
        amount=_amount(refund.amount, refund.currency),
        reason=refund.reason,
        reference=refund.reference,
        code=refund.code,
        created=refund.created_at,
        check=refund.next_check_at,
    )


def _dispute(dispute: OperatorDisputeBody) -> Iterator[str]:
    return _fields(
        payment=dispute.payment_id,
        amount=_amount(dispute.amount, dispute.currency),
        reason=dispute.reason,
    )


def _amount(minor_units: int | None, currency: str | None) -> str | None:
    if minor_units is None or currency is None:
        return None
    return str(Money(minor_units, Currency(currency)))


def _fields(**values: str | None) -> Iterator[str]:
    return (f"  {name:11}{value}" for name, value in values.items() if value)
