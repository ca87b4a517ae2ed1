"""Captures as a simulated gateway executes them, with Stripe's rules."""

from datetime import datetime

from attrs import evolve

from adapters.gateways.simulated.attempts import AttemptState
from adapters.gateways.simulated.idempotency import KeyedReply, fingerprint, first_reply, store
from adapters.gateways.simulated.record import GatewayRecord
from application.ports.payment_gateway import OutcomeUnknown
from domain.capture import CaptureFailed
from domain.outcome import Outcome
from domain.payment import Payment

_TOO_LARGE = CaptureFailed("amount_too_large", "The amount is larger than the authorized one.")


def capture(
    record: GatewayRecord, payment: Payment, now: datetime
) -> tuple[GatewayRecord, Outcome | CaptureFailed]:
    """Capture the requested amount once, whatever the key; then, return what was captured.

    Raises:
        OutcomeUnknown: the key's first reply was a 500, or nothing is known of the payment.
    """
    record, amount = record.expire(now), payment.requested_capture
    request = fingerprint(payment.id, "capture", str(amount))
    first = first_reply(record.replies, payment.capture_key, request, now)
    if first is not None and first.is_server_error:
        raise OutcomeUnknown("the gateway repeats a stored error for this capture")
    held = record.authorized
    if held is None or amount is None:
        return _found(record)
    if (first is not None and first.code is not None) or amount.exceeds(held.amount):
        rejected = KeyedReply(payment.capture_key, request, now, code=_TOO_LARGE.code)
        return evolve(record, replies=store(record.replies, rejected)), _TOO_LARGE
    captured = held.capture(amount, now)
    reply = KeyedReply(
        payment.capture_key, request, now, captured.reference, AttemptState.SUCCEEDED.value
    )
    attempts = tuple(captured if each is held else each for each in record.attempts)
    after = evolve(record, attempts=attempts, replies=store(record.replies, reply))
    return after, captured.outcome


def _found(record: GatewayRecord) -> tuple[GatewayRecord, Outcome]:
    outcome = record.find()[1]
    if outcome is None:
        raise OutcomeUnknown("the gateway has no record of the payment")
    return record, outcome
