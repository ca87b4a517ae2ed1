"""explain_order: why an order is in its state, what it waits for, and what ends that."""

from collections.abc import Iterator
from datetime import datetime

from attrs import evolve

from domain.explain_payment import is_payable, wait_of_payment
from domain.explanation import Action, Explanation, Fact, Party, Wait, time_text
from domain.order import Order
from domain.replica import OrderStatus


def explain_order(order: Order, now: datetime) -> Explanation:
    """Explain an order; its payments have explanations of their own."""
    return Explanation(
        status=order.status.value,
        evidence=tuple(_facts(order)),
        wait=_wait(order, now),
        actions=tuple(_actions(order, now)),
    )


def _wait(order: Order, now: datetime) -> Wait | None:
    if order.status is OrderStatus.CREATED and order.replica.terms is None:
        return Wait(
            "order:created",
            ends_with=("order:created is received: the order can be paid",),
        )
    if not is_payable(order, now):
        return _wait_of_payments(order, now)
    return Wait(
        "its customer to pay",
        order.replica.expires_at,
        (
            f"a payment succeeds: {OrderStatus.COMPLETE.value}",
            f"order:cancelled is received: {OrderStatus.CANCELLED.value}",
        ),
    )


def _wait_of_payments(order: Order, now: datetime) -> Wait | None:
    """Return what a payment waits for: the one that prevents others, or else the newest."""
    live = order.live_payment
    for payment in (*([live] if live else []), *reversed(order.payments)):
        wait = wait_of_payment(order, payment, now)
        if wait is not None:
            return evolve(wait, what=f"payment {payment.id}: {wait.what}")
    return None


def _facts(order: Order) -> Iterator[Fact]:
    replica, source = order.replica, "orders service"
    if replica.terms is not None:
        terms = replica.terms
        expiry = f", until {time_text(terms.expires_at)}" if terms.expires_at else ""
        yield Fact(
            f"version {terms.version}: {terms.price} is due{expiry}",
            source,
            path="order.terms.version",
        )
    if replica.shipment is not None:
        yield Fact(
            f"version {replica.shipment.version}: shipped", source, path="order.shipment.version"
        )
    if order.is_cancelled:
        yield Fact(
            f"cancelled, at version {replica.version} or before", source, path="order.status"
        )
    for payment in order.payments:
        what = f"payment {payment.id} of {payment.amount} is {payment.status.value}"
        code = f" because of {payment.code}" if payment.code else ""
        yield Fact(what + code, payment.gateway, path=f"payment.{payment.id}.status")


def _actions(order: Order, now: datetime) -> Iterator[Action]:
    if is_payable(order, now):
        yield Action("POST /api/payments", Party.PAYER)
    if not order.is_cancelled:
        yield Action("publish order:cancelled", Party.ORDERS_SERVICE)
