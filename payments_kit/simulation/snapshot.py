"""Snapshot: what the gateway, the database and the broker contain at the end of a run."""

import json
from decimal import Decimal

from attrs import frozen

from adapters.gateways.in_memory import GatewayLedger
from adapters.gateways.simulated.attempts import AttemptState
from adapters.gateways.simulated.refunds import RefundState
from adapters.messaging.wire import Message
from domain.order import Order
from payments_kit.simulation.observations import Delivered, GatewayCharge, GatewayRefund
from payments_kit.simulation.runtime import SimulatedRuntime


@frozen
class Snapshot:
    """The part of the observations that the in-memory adapters hold; same names."""

    charges: list[GatewayCharge]
    refunds: list[GatewayRefund]
    orders: list[Order]
    delivered: list[Delivered]
    committed: list[str]
    dead_letters: list[bytes]
    unpublished: int
    texts: list[str]


def take_snapshot(runtime: SimulatedRuntime) -> Snapshot:
    """Read everything from the in-memory adapters."""
    database, broker = runtime.database, runtime.broker
    messages = [each.message for each in broker.log if "ce-id" in each.message.headers]
    outbox = database.outbox
    return Snapshot(
        charges=[*charges_at(runtime.ledger), *_pending_at(runtime.ledger)],
        refunds=refunds_at(runtime.ledger),
        orders=[order for _, order in database.orders.values()],
        delivered=[delivered_event(message) for message in messages],
        committed=[*outbox],
        dead_letters=[letter.data for letter in broker.letters.values()],
        unpublished=sum(not each.sent for each in outbox.values()),
        texts=[repr(list(outbox.values())), repr(database.idempotency_keys), repr(messages)],
    )


def charges_at(ledger: GatewayLedger) -> list[GatewayCharge]:
    """Return the charges that the gateway captured."""
    return [
        GatewayCharge(
            attempt.charge_id,
            payment_id,
            attempt.amount,
            attempt.order_id,
            attempt.captured_at,
            None if attempt.claimed is None else attempt.claimed.created_at,
        )
        for payment_id, record in ledger.all()
        for attempt in record.attempts
        if attempt.state is AttemptState.SUCCEEDED
    ]


def _pending_at(ledger: GatewayLedger) -> list[GatewayCharge]:
    return [
        GatewayCharge(
            attempt.charge_id,
            payment_id,
            attempt.amount,
            attempt.order_id,
            state="pending",
        )
        for payment_id, record in ledger.all()
        for attempt in record.attempts
        if attempt.state is AttemptState.PENDING
    ]


def refunds_at(ledger: GatewayLedger) -> list[GatewayRefund]:
    """Return the refunds that the gateway completed."""
    return [
        GatewayRefund(
            refund.charge_id, refund.amount, None if refund.key is None else refund.refund_id
        )
        for _, record in ledger.all()
        for refund in record.refunds
        if refund.state is RefundState.SUCCEEDED
    ]


def delivered_event(message: Message) -> Delivered:
    """Read one of our events as a consumer does."""
    body = json.loads(message.data, parse_float=Decimal)
    return Delivered(message.headers["ce-id"], message.subject, body["orderId"], body["id"], body)
