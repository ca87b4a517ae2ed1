"""Snapshot: what the gateway, the database and the broker contain at the end of a run."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from attrs import evolve, frozen

from adapters.gateways.in_memory import GatewayLedger
from adapters.gateways.simulated.attempts import EXPIRED, Attempt, AttemptState
from adapters.gateways.simulated.refunds import RefundState
from adapters.messaging.wire import Message
from application.ports.alerts import AlertKind
from domain.audit_file import line_of
from domain.order import Order
from payments_kit.simulation.gateway_faults import GatewayFaults
from payments_kit.simulation.model.reports import Hold
from payments_kit.simulation.observations import Delivered, GatewayCharge, GatewayRefund
from payments_kit.simulation.runtime import BEGINNING, SimulatedRuntime

_OPEN: Final = {AttemptState.PENDING: "pending", AttemptState.AUTHORIZED: "held"}


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
    holds: list[Hold]
    capture_alerts: set[str]
    not_listed: dict[str, dict[str, list[datetime]]]
    histories: dict[str, list[str]]
    differences: list[tuple[str, str]]


def take_snapshot(runtime: SimulatedRuntime, forgotten: Iterable[GatewayRefund] = ()) -> Snapshot:
    """Read everything from the in-memory adapters; `forgotten` is only in the world's memory."""
    database, broker, ledgers = runtime.database, runtime.broker, runtime.ledgers.values()
    faults = runtime.gateway_faults
    messages = [each.message for each in broker.log if "ce-id" in each.message.headers]
    outbox = database.outbox
    return Snapshot(
        charges=[
            *(_dated(each, it, runtime) for it in ledgers for each in charges_at(it)),
            *(_dated(each, it, runtime) for it in ledgers for each in _open_at(it)),
        ],
        refunds=[*(each for ledger in ledgers for each in refunds_at(ledger)), *forgotten],
        orders=[order for _, order in database.orders.values()],
        delivered=[delivered_event(message) for message in messages],
        committed=[*outbox],
        dead_letters=[letter.data for letter in broker.letters.values()],
        unpublished=sum(not each.sent for each in outbox.values()),
        texts=[repr(list(outbox.values())), repr(database.idempotency_keys), repr(messages)],
        holds=[hold for ledger in ledgers for hold in holds_at(ledger)],
        capture_alerts={
            subject for kind, subject in runtime.logged_alerts if kind is AlertKind.CAPTURE_FAILED
        },
        not_listed={
            payment_id: {name: _not_listed(each, claimant) for name, each in faults.items()}
            for asked in faults.values()
            for payment_id, claimant in asked.claimants.items()
        },
        histories={
            order_id: [line_of(entry) for entry in entries]
            for order_id, entries in database.histories.items()
        },
        differences=[
            (kind.value, each.difference.refund_id or each.difference.subject)
            for (_, _, kind, _), each in database.differences.items()
            if each.resolved_at is None and not each.difference.repaired
        ],
    )


def _not_listed(faults: GatewayFaults, process: str) -> list[datetime]:
    """Return when a process asked a gateway in vain for its charges."""
    return [BEGINNING + timedelta(seconds=at) for by, at in faults.not_listed if by == process]


def _dated(
    charge: GatewayCharge, ledger: GatewayLedger, runtime: SimulatedRuntime
) -> GatewayCharge:
    """Return a charge with the database's time instead of the gateway's."""
    ahead = ledger.now() - runtime.now()
    if not ahead:
        return charge
    captured, authorized = charge.captured_at, charge.authorized_at
    return evolve(
        charge,
        captured_at=captured and captured - ahead,
        authorized_at=authorized and authorized - ahead,
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
            authorized_at=attempt.authorized_at,
        )
        for payment_id, record in ledger.all()
        for attempt in record.attempts
        if attempt.state is AttemptState.SUCCEEDED
    ]


def _open_at(ledger: GatewayLedger) -> list[GatewayCharge]:
    return [
        GatewayCharge(
            attempt.charge_id,
            payment_id,
            attempt.amount,
            attempt.order_id,
            state=_OPEN[attempt.state],
            authorized_at=attempt.authorized_at,
        )
        for payment_id, record in ledger.all()
        for attempt in record.attempts
        if attempt.state in _OPEN
    ]


def holds_at(ledger: GatewayLedger) -> list[Hold]:
    """Return what the gateway holds or has held, and how that has ended."""
    return [
        Hold(attempt.charge_id, payment_id, _end_of(attempt), attempt.authorized_until)
        for payment_id, record in ledger.all()
        for attempt in record.attempts
        if attempt.authorized_at is not None
    ]


def _end_of(attempt: Attempt) -> str:
    match attempt.state:
        case AttemptState.SUCCEEDED:
            return "captured"
        case AttemptState.DECLINED:
            return "expired" if attempt.code == EXPIRED else "released"
        case _:
            return "held"


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
    at = datetime.fromisoformat(message.headers["ce-time"])
    return Delivered(
        message.headers["ce-id"], message.subject, body["orderId"], body["id"], body, at
    )
