"""Events of the payments service as an orders service reads them: anything may arrive."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.messaging.wire import encode
from application.ports.event_publisher import OutboxEntry
from domain import events as published
from domain.dispute import DisputeStatus
from domain.events import Event
from domain.identifiers import ChargeId, DisputeId, OrderId, PaymentId, RefundId
from domain.money import Currency, Money
from payments_kit.orders.events import MAX_BYTES, SUBJECTS, UnreadableEvent, read_event

NOW = datetime(2026, 11, 26, tzinfo=UTC)
IDS = (PaymentId("p1"), OrderId("order"))
MONEY = Money(1999, Currency("usd"))
REFUND = (IDS[0], RefundId("r1"), IDS[1], ChargeId("ch_1"), MONEY)
PUBLISHED: list[Event] = [
    published.PaymentCreated(*IDS, ChargeId("ch_1"), MONEY, "fake", NOW),
    published.PaymentPending(*IDS, MONEY, "fake"),
    published.PaymentAuthorized(*IDS, ChargeId("ch_1"), MONEY, "fake", NOW),
    published.PaymentVoided(*IDS, MONEY, "operator"),
    published.PaymentExpiring(*IDS, NOW),
    published.PaymentFailed(*IDS, "expired_card"),
    published.PaymentRefunded(*REFUND, "requested"),
    published.PaymentRefundFailed(*REFUND, "lost"),
    published.PaymentDisputed(
        IDS[0],
        DisputeId("d1"),
        IDS[1],
        ChargeId("ch_1"),
        MONEY,
        "fraud",
        DisputeStatus.OPEN.value,
    ),
]
BODY = {"id": "p1", "orderId": "order", "refundId": "r1", "disputeId": "d1", "status": "open"}


@pytest.mark.parametrize("event", PUBLISHED, ids=lambda event: event.subject)
def test_every_event_that_we_publish_is_read(event: Event) -> None:
    message = encode(OutboxEntry(event, NOW))
    read = read_event(message.subject, message.data)
    assert read is not None
    assert (read.order_id, read.fact.payment_id) == ("order", "p1")
    assert read.fact.subject.value == event.subject
    if event.subject not in ("payment:expiring", "payment:failed"):
        assert (read.fact.amount, read.currency) == (1999, "usd")


def test_there_is_no_other_subject() -> None:
    assert sorted(event.subject for event in PUBLISHED) == sorted(SUBJECTS)
    assert read_event("payment:new", b"nonsense") is None
    assert read_event("order:created", b"{}") is None


def test_a_prefix_and_unknown_fields_are_ignored() -> None:
    body = json.dumps({**BODY, "new": {"field": [1]}}).encode()
    assert read_event("shop1.payment:created", body) == read_event("payment:created", body)


def test_the_event_of_the_reference_service_is_read() -> None:
    body = b'{"id": "p1", "orderId": 42, "stripeId": "ch_1"}'
    read = read_event("payment:created", body)
    assert read is not None
    assert (read.order_id, read.fact.amount) == ("42", None)


@pytest.mark.parametrize(
    ("subject", "change", "field"),
    [
        ("payment:created", {"id": ""}, "id"),
        ("payment:created", {"id": None}, "id"),
        ("payment:created", {"id": True}, "id"),
        ("payment:created", {"id": "\0"}, "id"),
        ("payment:created", {"id": "\ud800"}, "id"),
        ("payment:created", {"orderId": "x" * 256}, "orderId"),
        ("payment:created", {"orderId": 2**70}, "orderId"),
        ("payment:created", {"amount": "1999"}, "amount"),
        ("payment:created", {"amount": -1}, "amount"),
        ("payment:created", {"amount": 2**63}, "amount"),
        ("payment:refunded", {}, "amount"),
        ("payment:refunded", {"refundId": [], "amount": 1}, "refundId"),
        ("payment:disputed", {"disputeId": None}, "disputeId"),
        ("payment:disputed", {"status": 1.5}, "status"),
    ],
)
def test_an_unreadable_field_is_named_and_not_quoted(
    subject: str, change: dict[str, object], field: str
) -> None:
    with pytest.raises(UnreadableEvent, match=f"^{field}: must be "):
        read_event(subject, json.dumps(BODY | change).encode())


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"\xff", b"1" * 5000, b"[" * 60_000, b" " * (MAX_BYTES + 1), b"null"]
)
def test_a_body_that_is_no_object_is_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableEvent):
        read_event("payment:created", data)


@given(st.sampled_from(SUBJECTS), st.binary(max_size=60) | st.text(max_size=20).map(str.encode))
def test_any_bytes_are_an_event_or_unreadable(subject: str, data: bytes) -> None:
    with pytest.raises(UnreadableEvent):
        read_event(subject, data)
