"""Forgetting: a pseudonym stands for a user; amounts and dates are kept for the books."""

from collections.abc import Sequence

from attrs import evolve

from domain.dispute import DisputeStatus
from domain.identifiers import UserId
from domain.order import Order
from domain.payment_status import PaymentStatus
from domain.refund import RefundStatus


def concerns(order: Order, user_id: UserId) -> bool:
    """Whether an order or one of its payments has this user's id."""
    terms = order.replica.terms
    owner = None if terms is None else terms.user_id
    return user_id in (owner, *(payment.user_id for payment in order.payments))


def unfinished(order: Order) -> Sequence[str]:
    """Return what of an order is not finished, so that its user may still be needed."""
    return [
        *(
            f"payment {each.id} is {each.status.value}"
            for each in order.payments
            if each.is_open
            or each.has_stray_hold
            or (each.status is PaymentStatus.REVIEW and order.blocks(each))
        ),
        *(
            f"refund {each.id} is pending"
            for each in order.refunds
            if each.status is RefundStatus.PENDING
        ),
        *(
            f"dispute {each.id} is open"
            for each in order.disputes
            if each.status is DisputeStatus.OPEN
        ),
    ]


def forget(order: Order, user_id: UserId, stand_in: UserId) -> Order:
    """Return the order with a pseudonym where it has the user's id; the rest is unchanged."""
    terms = order.replica.terms
    if terms is not None and terms.user_id == user_id:
        terms = evolve(terms, user_id=stand_in)
    return evolve(
        order,
        replica=evolve(order.replica, terms=terms),
        payments=tuple(
            evolve(each, user_id=stand_in) if each.user_id == user_id else each
            for each in order.payments
        ),
    )
