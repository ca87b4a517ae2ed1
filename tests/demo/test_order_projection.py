"""The orders that follow from the received events."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments_kit.demo.order_events import ReceivedEvent
from payments_kit.demo.order_projection import Order, OrderProjection

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
EXPIRY = NOW + timedelta(minutes=2)


def event(subject: str, **body: object) -> ReceivedEvent:
    return ReceivedEvent(NOW, subject, msgspec.json.encode(body))


def created(expires_at: str = "2026-11-22T12:02:00.000Z", order_id: str = "order") -> ReceivedEvent:
    fields = {"id": order_id, "version": 0, "status": "created", "userId": "me"}
    ticket = {"id": "ticket", "price": 19.99}
    return event("order:created", **fields, expiresAt=expires_at, ticket=ticket)


CREATED = created()
CANCELLED = event("order:cancelled", id="order", version=1, ticket={"id": "ticket"})
PAID = event("payment:created", id="payment", orderId="order", stripeId="ch_1", amount=1999)
REFUNDED = event("payment:refunded", id="payment", orderId="order", refundId="r1", amount=1999)
PARTLY = event("payment:refunded", id="payment", orderId="order", refundId="r2", amount=500)
FAILED = event("payment:failed", id="payment", orderId="order", code="expired_card")
AUTHORIZED = event("payment:authorized", id="payment", orderId="order", chargeId="ch_1")
VOIDED = event("payment:voided", id="payment", orderId="order", reason="operator")
SHIPPED = event("order:shipped", id="order", version=1)
PENDING = event("payment:pending", id="payment", orderId="order")


def projection_of(*events: ReceivedEvent) -> OrderProjection:
    projection = OrderProjection()
    for each in events:
        projection.record(each)
    return projection


def order_after(*events: ReceivedEvent) -> Order:
    order = projection_of(*events).find("order")
    assert order is not None
    return order


def test_a_new_order_has_the_fields_of_its_event() -> None:
    order = order_after(CREATED)
    assert (order.status, order.version, order.price) == ("created", 0, Decimal("19.99"))
    assert order.expires_at == EXPIRY


@pytest.mark.parametrize(
    ("events", "status", "version"),
    [
        ([PAID], "complete", 0),
        ([CANCELLED, PAID], "cancelled", 1),
        ([PAID, CANCELLED], "cancelled", 1),
        ([FAILED, REFUNDED, PENDING], "created", 0),
        ([AUTHORIZED], "authorized", 0),
        ([AUTHORIZED, SHIPPED], "authorized", 1),
        ([SHIPPED, PAID, AUTHORIZED], "complete", 1),
        ([VOIDED, AUTHORIZED], "created", 0),
        ([AUTHORIZED, CANCELLED], "cancelled", 1),
        ([PAID, PARTLY], "complete", 0),
        ([REFUNDED, PAID], "refunded", 0),
        ([REFUNDED, PAID, CANCELLED], "cancelled", 1),
    ],
)
def test_the_status_follows_from_the_events(
    events: list[ReceivedEvent], status: str, version: int
) -> None:
    order = order_after(CREATED, *events)
    assert (order.status, order.version) == (status, version)


@given(st.permutations([CREATED, CANCELLED, PAID, AUTHORIZED, VOIDED, FAILED, PAID, CANCELLED]))
def test_repetitions_and_any_order_of_arrival_give_the_same_order(
    events: list[ReceivedEvent],
) -> None:
    assert order_after(*events) == order_after(CREATED, PAID, CANCELLED)


def test_an_order_may_be_authorized_again_after_its_authorization_was_voided() -> None:
    again = event("payment:authorized", id="another", orderId="order", chargeId="ch_2")
    assert order_after(CREATED, AUTHORIZED, VOIDED, again).status == "authorized"


def test_a_payment_is_pending_until_it_has_ended() -> None:
    assert projection_of(CREATED, PENDING, PENDING).pending_payments() == {"payment": NOW}
    for end in (PAID, FAILED, VOIDED):
        assert projection_of(end, CREATED, PENDING).pending_payments() == {}


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'"text"', b'{"id": 1}', b"\xff", b'{"id": "\xff"}', b"nonsense"]
)
def test_an_undecodable_event_changes_nothing(data: bytes) -> None:
    subjects = (
        "order:created",
        "order:cancelled",
        "order:shipped",
        "payment:created",
        "payment:failed",
    )
    events = [ReceivedEvent(NOW, subject, data) for subject in subjects]
    assert projection_of(*events) == OrderProjection()


def test_an_order_is_overdue_from_its_expiry_unless_it_is_decided() -> None:
    assert not order_after(CREATED).is_overdue(EXPIRY - timedelta(milliseconds=1))
    assert order_after(CREATED).is_overdue(EXPIRY)
    assert not order_after(CREATED, PAID).is_overdue(EXPIRY)
    assert not order_after(CREATED, CANCELLED).is_overdue(EXPIRY)
    assert not order_after(CREATED, AUTHORIZED).is_overdue(EXPIRY)
    assert order_after(CREATED, AUTHORIZED, VOIDED).is_overdue(EXPIRY)
    assert not order_after(CREATED, PENDING).is_overdue(EXPIRY)
    assert order_after(CREATED, PENDING, FAILED).is_overdue(EXPIRY)
    assert not order_after(created(expires_at="no date")).is_overdue(NOW + timedelta(days=1000))


def test_events_are_kept_once_each_and_found_by_order_and_subject() -> None:
    projection = projection_of(CREATED, PAID, PAID, CANCELLED)
    assert list(projection.events) == [CREATED, PAID, CANCELLED]
    assert projection.events_of("order", "payment:created") == [PAID]
    assert projection.events_of("order", "order:cancelled") == [CANCELLED]
    assert projection.events_of("another", "payment:created") == []


def test_the_newest_order_is_first() -> None:
    newer = ReceivedEvent(EXPIRY, "order:created", CREATED.data)
    projection = projection_of(created(order_id="old"), newer)
    assert [order.id for order in projection.orders()] == ["order", "old"]
