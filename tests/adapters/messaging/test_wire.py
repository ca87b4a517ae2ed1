"""What our events look like to the others."""

import json
import re
from datetime import datetime, timedelta, timezone
from typing import get_args

import pytest
from attrs import evolve

from adapters.messaging.jetstream.streams import PAYMENTS
from adapters.messaging.wire import encode
from application.ports.event_publisher import OutboxEntry
from domain.events import Event, PaymentCreated, PaymentDisputed, PaymentFailed, PaymentRefunded
from domain.identifiers import ChargeId, DisputeId, OrderId, PaymentId, RefundId
from tests.builders import NOW, dollars

CREATED = PaymentCreated(
    PaymentId("p-1"), OrderId("o-1"), ChargeId("ch_1"), dollars("19.99"), "stripe", NOW
)
REFUNDED = PaymentRefunded(
    PaymentId("p-1"), RefundId("r-1"), OrderId("o-1"), ChargeId("ch_1"), dollars("5"), "requested"
)
FAILED = PaymentFailed(PaymentId("p-1"), OrderId("o-1"), "card_declined")
DISPUTED = PaymentDisputed(
    PaymentId("p-1"),
    DisputeId("dp_1"),
    OrderId("o-1"),
    ChargeId("ch_1"),
    dollars("19.99"),
    "fraudulent",
    "open",
)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("event", "body"),
    [
        (
            CREATED,
            {
                "id": "p-1",
                "orderId": "o-1",
                "stripeId": "ch_1",
                "amount": 1999,
                "currency": "usd",
                "gateway": "stripe",
                "createdAt": "2026-11-22T12:00:00Z",
            },
        ),
        (
            REFUNDED,
            {
                "id": "p-1",
                "refundId": "r-1",
                "orderId": "o-1",
                "stripeId": "ch_1",
                "amount": 500,
                "currency": "usd",
                "reason": "requested",
            },
        ),
        (FAILED, {"id": "p-1", "orderId": "o-1", "code": "card_declined"}),
        (
            DISPUTED,
            {
                "id": "p-1",
                "disputeId": "dp_1",
                "orderId": "o-1",
                "stripeId": "ch_1",
                "amount": 1999,
                "currency": "usd",
                "reason": "fraudulent",
                "status": "open",
            },
        ),
    ],
    ids=["created", "refunded", "failed", "disputed"],
)
def test_a_body_has_the_fields_of_the_contract(event: Event, body: dict[str, object]) -> None:
    message = encode(OutboxEntry(event, NOW))
    assert message.subject == event.subject
    assert json.loads(message.data) == body


def test_every_event_of_ours_has_a_place_in_a_stream() -> None:
    assert {event.subject for event in get_args(Event)} == set(PAYMENTS.subjects)


def test_the_headers_are_those_of_a_cloud_event() -> None:
    message = encode(OutboxEntry(CREATED, NOW, TRACE))
    assert message.headers == {
        "Nats-Msg-Id": "payment:created:p-1",
        "ce-id": "payment:created:p-1",
        "ce-type": "payment:created",
        "ce-source": "payments",
        "ce-time": "2026-11-22T12:00:00Z",
        "ce-specversion": "1.0",
        "content-type": "application/json",
        "traceparent": TRACE,
    }


def test_times_are_told_in_utc() -> None:
    elsewhere = datetime(2026, 11, 22, 13, 0, tzinfo=timezone(timedelta(hours=1)))
    message = encode(OutboxEntry(evolve(CREATED, created_at=elsewhere), elsewhere))
    assert json.loads(message.data)["createdAt"] == "2026-11-22T12:00:00Z"
    assert message.headers["ce-time"] == "2026-11-22T12:00:00Z"


def test_an_event_without_a_trace_gets_a_valid_one_of_its_own() -> None:
    ours = encode(OutboxEntry(CREATED, NOW)).headers["traceparent"]
    other = encode(OutboxEntry(FAILED, NOW)).headers["traceparent"]
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-00", ours)
    assert ours != other


def test_a_resend_is_the_same_message() -> None:
    assert encode(OutboxEntry(CREATED, NOW)) == encode(OutboxEntry(CREATED, NOW))
