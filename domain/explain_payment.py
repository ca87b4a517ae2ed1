"""explain_payment: why a payment is in its state, what it waits for, and what ends that."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from domain.check_times import (
    AUTHENTICATION_WINDOW,
    LATE_CAPTURE_WINDOW,
    PENDING_LIMIT,
)
from domain.errors import DomainError
from domain.explain_refund import dispute_facts, refund_facts, refund_of, wait_for_refund
from domain.explanation import Action, Explanation, Fact, Party, Wait, time_text
from domain.identifiers import ChargeId, PaymentId
from domain.order import Order
from domain.order_reviews import ReviewDecision
from domain.outcome import (
    Approved,
    Authorized,
    Charged,
    Declined,
    Evidence,
    NeverArrived,
    Pending,
    RequiresAction,
)
from domain.payment import Payment
from domain.payment_status import ORDER_ALREADY_PAID, PaymentStatus

_DECISIONS: Final = (
    "an operator accepts it: succeeded",
    "an operator refuses it: reversed",
    "all of it is given back: the order can be paid again",
)


def explain_payment(order: Order, payment_id: PaymentId, now: datetime) -> Explanation:
    """Explain one payment of an order.

    Raises:
        PaymentNotFound: the order has no such payment.
    """
    payment = order.payment(payment_id)
    return Explanation(
        status=payment.status.value,
        evidence=tuple(_facts(order, payment)),
        wait=wait_of_payment(order, payment, now),
        actions=tuple(_actions(order, payment, now)),
    )


def wait_of_payment(order: Order, payment: Payment, now: datetime) -> Wait | None:
    """Return what the payment waits for; None if nothing more happens by itself."""
    if payment.is_captured:
        return _wait_of_captured(order, payment)
    what, until = _what_is_awaited(order, payment, now)
    return None if what is None else Wait(what, until, tuple(_ends(order, payment, now)))


def _what_is_awaited(
    order: Order, payment: Payment, now: datetime
) -> tuple[str | None, datetime | None]:
    gateway, check = payment.gateway, payment.next_check_at
    match payment.status:
        case PaymentStatus.PROCESSING:
            return f"{gateway} to say what became of the charge; the next check", check
        case PaymentStatus.ABANDONED if check is not None:
            window = PENDING_LIMIT if payment.is_known_at_gateway else LATE_CAPTURE_WINDOW
            return f"a charge that arrives late at {gateway}", payment.created_at + window
        case PaymentStatus.FAILED | PaymentStatus.CANCELLED if payment.has_stray_hold:
            return f"{gateway} to release what it holds; the next check", check
        case PaymentStatus.AUTHORIZED if payment.is_being_released:
            return f"{gateway} to release {payment.amount}; the next check", check
        case PaymentStatus.AUTHORIZED if payment.requested_capture is not None:
            return f"{gateway} to capture {payment.requested_capture}; the next check", check
        case PaymentStatus.AUTHORIZED:
            return "a capture, or a release", payment.authorized_until
        case PaymentStatus.REQUIRES_ACTION | PaymentStatus.PENDING:
            return _what_can_be_cancelled_awaits(order, payment, now)
        case _:
            return None, None


def _what_can_be_cancelled_awaits(
    order: Order, payment: Payment, now: datetime
) -> tuple[str, datetime | None]:
    if order.should_cancel(payment, now):
        return f"{payment.gateway} to cancel it; the next check", payment.next_check_at
    expires_at = order.replica.expires_at
    if payment.status is PaymentStatus.REQUIRES_ACTION:
        window = payment.created_at + AUTHENTICATION_WINDOW
        return "the customer to act", min(expires_at or window, window)
    limit = payment.created_at + PENDING_LIMIT
    return f"the money to arrive at {payment.gateway}", expires_at or limit


def _wait_of_captured(order: Order, payment: Payment) -> Wait | None:
    refund = next((each for each in refund_of(order, payment) if each.next_check_at), None)
    if refund is not None:
        return wait_for_refund(refund)
    if payment.status is PaymentStatus.REVIEW and order.blocks(payment):
        return Wait("an operator to decide whether the order keeps it", None, _DECISIONS)
    if payment.status is PaymentStatus.REVERSED and not order.refundable(payment).is_zero:
        return Wait("an operator to give it back: the automatic refunds have failed")
    return None


def _ends(order: Order, payment: Payment, now: datetime) -> Iterator[str]:
    """Say what each report of the gateway would lead to, by asking the rules themselves."""
    for what, evidence in _possible_reports(payment, now):
        status = order.settle(payment.id, evidence, now).payment(payment.id).status
        if status is not payment.status:
            yield f"{what}: {status.value}"


def _possible_reports(payment: Payment, now: datetime) -> Iterator[tuple[str, Evidence]]:
    gateway, amount = payment.gateway, payment.requested_capture or payment.amount
    # Any ids do: only the state that would follow is shown.
    charge, reference = ChargeId(payment.id), payment.id
    more = payment.amount + payment.amount
    yield f"{gateway} has captured {amount}", Charged(charge, amount, payment.livemode)
    yield f"{gateway} has captured something else", Charged(charge, more, payment.livemode)
    held = Authorized(charge, payment.amount, payment.livemode, now)
    yield f"{gateway} holds {payment.amount}", held
    yield f"{gateway} has accepted it, and the money comes later", Pending(reference)
    yield "the customer has approved it", Approved(reference)
    yield "the customer must act", RequiresAction(reference)
    yield f"{gateway} has declined it or has nothing to capture", Declined("declined")
    if not payment.may_have_arrived(now):
        yield f"{gateway} has no record of it", NeverArrived()


def _facts(order: Order, payment: Payment) -> Iterator[Fact]:
    gateway, path = payment.gateway, f"payment.{payment.id}"
    yield Fact(f"claimed {payment.amount} of order {order.id}", "customer", payment.created_at)
    if payment.reference is not None:
        yield Fact(f"known as {payment.reference}", gateway, path=f"{path}.reference")
    if payment.authorized_until is not None:
        until = time_text(payment.authorized_until)
        held = f"{payment.amount} held as {payment.charge_id} until {until}"
        yield Fact(held, gateway, path=f"{path}.authorized_until")
    if payment.requested_capture is not None:
        what = f"capture {payment.capture_attempt} of {payment.requested_capture} requested"
        yield Fact(what, "operator or shipment", payment.decided_at)
    if payment.captured_amount is not None:
        captured = f"{payment.captured_amount} captured as {payment.charge_id}"
        yield Fact(captured, gateway, path=f"{path}.captured_amount")
    if payment.code is not None:
        is_theirs = payment.status is PaymentStatus.FAILED and payment.code != ORDER_ALREADY_PAID
        source = gateway if is_theirs else "rules"
        why = f"{payment.status.value} because of {payment.code}"
        yield Fact(why, source, path=f"{path}.code")
    yield from refund_facts(order, payment)
    yield from dispute_facts(order, payment)


def _actions(order: Order, payment: Payment, now: datetime) -> Iterator[Action]:
    if not order.refundable(payment).is_zero:
        yield Action(f"payments refund {payment.id} --reason TEXT", Party.OPERATOR)
    for decision in ReviewDecision:
        if _may_decide(order, payment, decision, now):
            command = f"payments review {decision.value} {payment.id} --reason TEXT"
            yield Action(command, Party.OPERATOR)
    if payment.waits_for_capture:
        yield Action(f"payments capture {payment.id}", Party.OPERATOR)
        yield Action(f"payments void {payment.id}", Party.OPERATOR)
    is_being_cancelled = order.should_cancel(payment, now)  # by the rules, or by its customer
    if payment.request_cancellation(now) != payment and not is_being_cancelled:
        yield Action(f"POST /api/payments/{payment.id}/cancel", Party.PAYER)
    if is_payable(order, now):
        yield Action("POST /api/payments", Party.PAYER)


def _may_decide(order: Order, payment: Payment, decision: ReviewDecision, now: datetime) -> bool:
    try:
        order.decide_review(payment.id, decision, now)
    except DomainError:
        return False
    return True


def is_payable(order: Order, now: datetime) -> bool:
    """Whether the customer of an order may start a payment now."""
    terms = order.replica.terms
    if terms is None or terms.price.is_zero or order.live_payment is not None:
        return False
    return order.status.value == "created" and not order.replica.is_expired(now)
