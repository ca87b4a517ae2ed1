"""The wire format of our events."""

import json
import re
from datetime import datetime, timedelta, timezone
from typing import get_args

import pytest
from attrs import evolve

from adapters.messaging.jetstream.plans import PAYMENTS
from adapters.messaging.wire import encode
from application.ports.event_publisher import OutboxEntry
from domain.events import (
    Event,
    PaymentAuthorized,
    PaymentCreated,
    PaymentDisputed,
    PaymentExpiring,
    PaymentFailed,
    PaymentPending,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentVoided,
)
from domain.identifiers import ChargeId, DisputeId, OrderId, PaymentId, RefundId
from tests.builders import NOW, dollars
from tests.contracts.storages import TRACEPARENT

ID, ORDER, CHARGE = PaymentId("p-1"), OrderId("o-1"), ChargeId("ch_1")
PRICE = dollars("19.99")
CREATED = PaymentCreated(ID, ORDER, CHARGE, PRICE, "stripe", NOW)
REFUNDED = PaymentRefunded(ID, RefundId("r-1"), ORDER, CHARGE, dollars("5"), "requested")
PENDING = PaymentPending(ID, ORDER, PRICE, "stripe")
AUTHORIZED = PaymentAuthorized(ID, ORDER, CHARGE, PRICE, "stripe", NOW)
EXPIRING = PaymentExpiring(ID, ORDER, NOW)
VOIDED = PaymentVoided(ID, ORDER, PRICE, "order_cancelled")
REFUND_FAILED = PaymentRefundFailed(ID, RefundId("r-1"), ORDER, CHARGE, dollars("5"), "lost_card")
FAILED = PaymentFailed(ID, ORDER, "card_declined")
DISPUTED = PaymentDisputed(ID, DisputeId("dp_1"), ORDER, CHARGE, PRICE, "fraudulent", "open")

TIME = "2026-11-22T12:00:00Z"
OF_CHARGE = {"stripeId": "ch_1", "currency": "usd"}
PAYMENT = {**OF_CHARGE, "chargeId": "ch_1", "amount": 1999, "gateway": "stripe"}
DISPUTE = {"disputeId": "dp_1", "reason": "fraudulent", "status": "open"}


@pytest.mark.parametrize(
    ("event", "body"),
    [
        (CREATED, {**PAYMENT, "createdAt": TIME}),
        (AUTHORIZED, {**PAYMENT, "expiresAt": TIME}),
        (EXPIRING, {"expiresAt": TIME}),
        (VOIDED, {"amount": 1999, "currency": "usd", "reason": "order_cancelled"}),
        (REFUNDED, {**OF_CHARGE, "amount": 500, "refundId": "r-1", "reason": "requested"}),
        (REFUND_FAILED, {**OF_CHARGE, "amount": 500, "refundId": "r-1", "code": "lost_card"}),
        (PENDING, {"amount": 1999, "currency": "usd", "gateway": "stripe"}),
        (FAILED, {"code": "card_declined"}),
        (DISPUTED, {**OF_CHARGE, "amount": 1999, **DISPUTE}),
        (
            evolve(DISPUTED, due_by=NOW),
            {**OF_CHARGE, "amount": 1999, **DISPUTE, "dueBy": TIME},
        ),
    ],
    ids=[
        *("created", "authorized", "expiring", "voided"),
        *("refunded", "refund failed", "pending", "failed", "disputed", "evidence due"),
    ],
)
def test_a_body_has_the_fields_of_the_contract(event: Event, body: dict[str, object]) -> None:
    message = encode(OutboxEntry(event, NOW))
    assert message.subject == event.subject
    assert json.loads(message.data) == {"id": "p-1", "orderId": "o-1", **body}
    assert encode(OutboxEntry(event, NOW)) == message, "a resend is the same message"


def test_every_event_has_a_subject_of_our_stream() -> None:
    assert {event.subject for event in get_args(Event)} == set(PAYMENTS.subjects)


def test_the_headers_are_those_of_cloudevents() -> None:
    assert encode(OutboxEntry(CREATED, NOW, TRACEPARENT)).headers == {
        "Nats-Msg-Id": "payment:created:p-1",
        "ce-id": "payment:created:p-1",
        "ce-type": "payment:created",
        "ce-source": "payments",
        "ce-time": TIME,
        "ce-specversion": "1.0",
        "content-type": "application/json",
        "traceparent": TRACEPARENT,
    }


def test_times_are_in_utc() -> None:
    local_time = datetime(2026, 11, 22, 13, 0, tzinfo=timezone(timedelta(hours=1)))
    message = encode(OutboxEntry(evolve(CREATED, created_at=local_time), local_time))
    assert json.loads(message.data)["createdAt"] == TIME
    assert message.headers["ce-time"] == TIME
    for event in (AUTHORIZED, EXPIRING):
        message = encode(OutboxEntry(evolve(event, expires_at=local_time), local_time))
        assert json.loads(message.data)["expiresAt"] == TIME


def test_an_event_without_a_trace_context_gets_a_valid_one() -> None:
    messages = [encode(OutboxEntry(each, NOW)) for each in (CREATED, FAILED)]
    one, other = (message.headers["traceparent"] for message in messages)
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-00", one)
    assert one != other
