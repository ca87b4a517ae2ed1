"""What the domain's entities say, as the plain rows of the specification."""

import json
from decimal import Decimal
from typing import Final

from domain.capture import CaptureMode
from domain.money import Money
from domain.order import Order
from domain.payment import Payment
from domain.refund import Refund
from domain.replica import OrderReplica, OrderStatus
from payments_kit.simulation.model.amounts import Amount
from payments_kit.simulation.model.records import (
    BookedDispute,
    BookedOrder,
    BookedPayment,
    BookedRefund,
    Charge,
    Event,
    History,
    OrderEvent,
)
from payments_kit.simulation.model.reports import GivenBack, Reply
from payments_kit.simulation.observations import (
    Delivered,
    GatewayCharge,
    Observations,
    RecordedReply,
)

_STATUSES: Final = {"paid": 201, "declined": 402, "not charged": 503, "key reused": 422}


def history_of(found: Observations) -> History:
    """Return what was observed as plain data."""
    events = found.acknowledged
    return History(
        charges=[*map(_charge, found.charges)],
        refunds=[
            GivenBack(each.charge_id, amount_of(each.amount), each.refund_id)
            for each in found.refunds
        ],
        orders=[*map(booked_order, found.orders)],
        events=[*map(_event, found.delivered)],
        committed=found.committed,
        replies=[*map(_reply, found.replies)],
        order_events=None if events is None else [*map(_order_event, events)],
        malformed=found.malformed,
        dead_letters=found.dead_letters,
        replayed=found.replayed,
        rejected=found.rejected,
        hides_external_refunds=found.hides_external_refunds,
        has_lost_transactions=found.has_lost_transactions,
        unpublished=found.unpublished,
        holds=found.holds,
        disputes=found.disputes,
        differences=found.differences if found.was_reconciled else None,
        forgotten_refunds=found.forgotten_refunds,
        attempts=found.attempts,
        decline_limits=found.decline_limits,
        never_wanted=found.never_wanted,
        captures_asked=found.captures_asked,
        capture_alerts=found.capture_alerts,
        not_listed=found.not_listed,
        live=found.live,
        reviewed=found.reviewed,
        healed_at=found.healed_at,
        histories=found.histories,
        secrets=found.secrets,
        texts=found.texts,
    )


def amount_of(money: Money) -> Amount:
    """Return an amount."""
    return Amount(money.minor_units, money.currency.code)


def booked_order(order: Order) -> BookedOrder:
    """Return the rows of an order."""
    replica, terms, shipment = order.replica, order.replica.terms, order.replica.shipment
    return BookedOrder(
        order.id,
        replica.version,
        replica.status.value,
        None if terms is None else terms.user_id,
        None if terms is None else amount_of(terms.price),
        tuple(map(booked_payment, order.payments)),
        tuple(map(booked_refund, order.refunds)),
        tuple(
            BookedDispute(each.id, each.payment_id, each.status.value, each.charge_id, each.reason)
            for each in order.disputes
        ),
        None if shipment is None else (shipment.version, shipment.minor_units),
        None if terms is None else terms.expires_at,
        None if terms is None or terms.capture is None else terms.capture.value,
    )


def booked_payment(payment: Payment) -> BookedPayment:
    """Return the row of a payment."""
    captured = payment.captured_amount
    return BookedPayment(
        payment.id,
        payment.user_id,
        payment.status.value,
        amount_of(payment.amount),
        payment.charge_id,
        None if captured is None else amount_of(captured),
        payment.code,
        payment.created_at,
        payment.gateway,
        payment.capture_mode is CaptureMode.MANUAL,
        payment.authorized_until,
        None if payment.requested_capture is None else amount_of(payment.requested_capture),
        payment.release_reason,
        None if payment.next_capture is None else amount_of(payment.next_capture),
    )


def booked_refund(refund: Refund) -> BookedRefund:
    """Return the row of a refund."""
    return BookedRefund(
        refund.id,
        refund.payment_id,
        refund.charge_id,
        amount_of(refund.amount),
        refund.status.value,
        refund.reason,
        refund.reference,
    )


def _charge(charge: GatewayCharge) -> Charge:
    return Charge(
        charge.id,
        charge.payment_id,
        amount_of(charge.amount),
        charge.order_id or None,
        charge.captured_at,
        charge.claimed_at,
        charge.state,
        charge.authorized_at,
    )


def _event(event: Delivered) -> Event:
    body = event.body
    if isinstance(body, bytes):
        body = json.loads(body, parse_float=Decimal)
    content = body if isinstance(body, dict) else {}
    named = {"id": event.payment_id, "orderId": event.order_id}
    return Event(event.id, event.subject, {**named, **content}, event.at)


def _reply(reply: RecordedReply | Reply) -> Reply:
    if isinstance(reply, Reply):
        return reply
    status, name = _STATUSES.get(reply.kind, 0), reply.payment_id
    if reply.kind == "cancelled":
        return Reply(200, name, reply.user_id, "cancel")
    if reply.kind in ("not charged", "key reused"):
        return Reply(status, None, reply.user_id, started=(name,))
    return Reply(status, name, reply.user_id)


def _order_event(event: OrderReplica | OrderEvent) -> OrderEvent:
    if isinstance(event, OrderEvent):
        return event
    terms, is_cancelled = event.terms, event.status is OrderStatus.CANCELLED
    if terms is None:
        shipped = event.shipment
        return OrderEvent(
            event.id,
            event.version,
            is_cancelled,
            is_shipped=shipped is not None,
            shipped=None if shipped is None else shipped.minor_units,
        )
    return OrderEvent(
        event.id,
        terms.version,
        is_cancelled,
        terms.user_id,
        amount_of(terms.price),
        terms.expires_at,
        capture=None if terms.capture is None else terms.capture.value,
    )
