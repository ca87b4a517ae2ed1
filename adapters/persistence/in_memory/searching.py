"""Searching: what is found in the tables, each at one moment, as by one statement in SQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from adapters.persistence.in_memory.tables import InMemoryTables
from application.ports.charge_reading import ChargeQuery
from application.ports.gateway_notifications import ChargeNotification
from domain.identifiers import ChargeId, OrderId, PaymentId
from domain.order import Order
from domain.payment import Payment
from domain.refund import Refund


def orders_with_charge(database: InMemoryTables, charge_id: ChargeId) -> Sequence[OrderId]:
    """Return the orders with a payment that has this charge."""
    return [
        order_id
        for order_id, (_, order) in database.orders.items()
        if any(payment.charge_id == charge_id for payment in order.payments)
    ]


def payments_of(
    database: InMemoryTables, payment_ids: Collection[PaymentId]
) -> Mapping[PaymentId, Payment]:
    """Return those of these payments that exist."""
    return {
        payment_id: database.orders[database.order_of[payment_id]][1].payment(payment_id)
        for payment_id in payment_ids
        if payment_id in database.order_of
    }


def declines_of(database: InMemoryTables, query: ChargeQuery) -> Mapping[str, int]:
    """Return how many declines each source of a charge has had within the window."""
    since = database.now() - query.window
    return {
        source: sum(at > since for at in database.declines.get(source, ()))
        for source in query.sources
    }


def due_orders(database: InMemoryTables, now: datetime) -> Sequence[OrderId]:
    """Return the orders with a payment or refund that is due for a check, the oldest first."""
    first_check = {
        order_id: min(due)
        for order_id, (_, order) in database.orders.items()
        if (due := _due_checks(order, now))
    }
    return sorted(first_check, key=lambda order_id: (first_check[order_id], order_id))


def _due_checks(order: Order, now: datetime) -> list[datetime]:
    entities: tuple[Payment | Refund, ...] = (*order.payments, *order.refunds)
    return [
        check_at
        for each in entities
        if (check_at := each.next_check_at) is not None and check_at <= now
    ]


def deferred_notifications(
    database: InMemoryTables, before: datetime
) -> Sequence[ChargeNotification]:
    """Return those that are due: deferred before this time, or their charge is known by now."""
    if not database.deferred_notifications:
        return []
    charges = {
        payment.charge_id
        for _, order in database.orders.values()
        for payment in order.payments
        if payment.captured_amount is not None
    }
    found = [
        (since, notification_id, notification)
        for notification_id, (since, notification) in database.deferred_notifications.items()
        if since < before or notification.charge_id in charges
    ]
    return [notification for _, _, notification in sorted(found, key=lambda each: each[:2])]
