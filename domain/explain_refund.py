"""explain_refund: why a refund is in its state; and what refunds and disputes tell of a payment."""

from collections.abc import Iterator

from domain.dispute import Dispute, DisputeStatus
from domain.explanation import Action, Explanation, Fact, Party, Wait
from domain.order import Order
from domain.payment import Payment
from domain.refund import Refund, RefundStatus


def explain_refund(order: Order, refund: Refund) -> Explanation:
    """Explain one refund of an order."""
    failed = refund.status is RefundStatus.FAILED
    left = order.refundable(order.payment(refund.payment_id))
    again = Action(f"payments refund {refund.payment_id} --reason TEXT", Party.OPERATOR)
    return Explanation(
        status=refund.status.value,
        evidence=tuple(_facts_of_refund(refund)),
        wait=wait_for_refund(refund) if refund.next_check_at is not None else None,
        actions=(again,) if failed and not left.is_zero else (),
    )


def explain_dispute(dispute: Dispute) -> Explanation:
    """Explain one dispute of an order; the shop answers it at the gateway."""
    is_open = dispute.status is DisputeStatus.OPEN
    ends = tuple(f"{status.value}: {what}" for status, what in _DECISIONS.items())
    return Explanation(
        status=dispute.status.value,
        evidence=(_dispute_fact(dispute),),
        wait=Wait("the bank to decide", ends_with=ends) if is_open else None,
    )


_DECISIONS = {
    DisputeStatus.WON: "the shop keeps the money",
    DisputeStatus.LOST: "the bank has taken the money back",
    DisputeStatus.PREVENTED: "it ended before the bank decided",
}


def wait_for_refund(refund: Refund) -> Wait:
    """Return what a refund waits for that is still checked."""
    what = "the bank to complete" if refund.reference else "the gateway to accept"
    return Wait(
        f"{what} refund {refund.id} of {refund.amount}; the next check",
        refund.next_check_at,
        (
            "the gateway has given it back: succeeded",
            "the gateway or the bank refuses it: failed",
        ),
    )


def refund_of(order: Order, payment: Payment) -> Iterator[Refund]:
    """Return the refunds of one payment, oldest first."""
    return (each for each in order.refunds if each.payment_id == payment.id)


def refund_facts(order: Order, payment: Payment) -> Iterator[Fact]:
    """Return what the refunds of a payment tell."""
    for refund in refund_of(order, payment):
        yield from _facts_of_refund(refund)


def dispute_facts(order: Order, payment: Payment) -> Iterator[Fact]:
    """Return what the disputes of a payment tell."""
    return (_dispute_fact(each) for each in order.disputes if each.payment_id == payment.id)


def _facts_of_refund(refund: Refund) -> Iterator[Fact]:
    if refund.is_external:
        source = "outside this service"
    else:
        source = "rules" if refund.automatic else "operator"
    what = f"refund {refund.id} of {refund.amount} because of {refund.reason}"
    yield Fact(what, source, refund.created_at)
    if refund.status is not RefundStatus.PENDING or refund.reference is not None:
        known = f" as {refund.reference}" if refund.reference else ""
        code = f" because of {refund.code}" if refund.code else ""
        what = f"refund {refund.id} is {refund.status.value}{known}{code}"
        yield Fact(what, "gateway", path=f"refund.{refund.id}.status")


def _dispute_fact(dispute: Dispute) -> Fact:
    what = f"dispute {dispute.id} about {dispute.amount} is {dispute.status.value}"
    path = f"dispute.{dispute.id}.status"
    return Fact(f"{what}; its reason is {dispute.reason}", "bank", path=path)
