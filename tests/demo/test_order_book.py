"""What the orders side makes of the events it hears."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments_kit.demo.order_projection import Heard, Order, OrderBook

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SOON = "2026-11-22T12:02:00.000Z"


def heard(subject: str, **body: object) -> Heard:
    return Heard(NOW, subject, msgspec.json.encode(body))


def created(price: float = 19.99, expires_at: str = SOON) -> Heard:
    ticket = {"id": "ticket", "price": price}
    return heard(
        "order:created",
        id="order",
        version=0,
        status="created",
        userId="me",
        expiresAt=expires_at,
        ticket=ticket,
    )


CANCELLED = heard("order:cancelled", id="order", version=1, ticket={"id": "ticket"})
PAID = heard("payment:created", id="payment", orderId="order", stripeId="ch_1")
REFUNDED = heard("payment:refunded", id="payment", orderId="order", refundId="refund")
FAILED = heard("payment:failed", id="payment", orderId="order", code="expired_card")


def order_after(*events: Heard) -> Order:
    book = OrderBook()
    for event in events:
        book.hear(event)
    order = book.find("order")
    assert order is not None
    return order


def test_a_new_order_waits_to_be_paid() -> None:
    order = order_after(created())
    assert (order.status, order.version, order.price) == ("created", 0, Decimal("19.99"))
    assert order.expires_at == NOW + timedelta(minutes=2)


def test_a_paid_order_is_complete_and_hearing_it_twice_changes_nothing() -> None:
    assert order_after(created(), PAID).status == "complete"
    assert order_after(created(), PAID, PAID) == order_after(created(), PAID)


def test_a_cancelled_order_never_becomes_complete() -> None:
    assert order_after(created(), CANCELLED, PAID).status == "cancelled"


def test_a_paid_order_can_be_cancelled() -> None:
    order = order_after(created(), PAID, CANCELLED)
    assert (order.status, order.version) == ("cancelled", 1)


def test_refunds_and_failures_leave_an_order_as_it_is() -> None:
    assert order_after(created(), FAILED, REFUNDED) == order_after(created())


@given(st.permutations([created(), CANCELLED, PAID, REFUNDED, FAILED, PAID, CANCELLED]))
def test_any_order_of_arrival_ends_alike(events: list[Heard]) -> None:
    assert order_after(*events) == order_after(created(), PAID, CANCELLED)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'"text"', b'{"id": 1}', b"\xff", b'{"id": "\xff"}', b"nonsense"]
)
def test_an_unreadable_event_changes_nothing(data: bytes) -> None:
    book = OrderBook()
    for subject in ("order:created", "order:cancelled", "payment:created", "payment:failed"):
        book.hear(Heard(NOW, subject, data))
    assert book == OrderBook()


def test_an_order_is_overdue_from_its_expiry_on_unless_paid_or_cancelled() -> None:
    expiry = NOW + timedelta(minutes=2)
    assert not order_after(created()).is_overdue(expiry - timedelta(milliseconds=1))
    assert order_after(created()).is_overdue(expiry)
    assert not order_after(created(), PAID).is_overdue(expiry)
    assert not order_after(created(), CANCELLED).is_overdue(expiry)


def test_an_order_whose_expiry_is_no_date_is_never_overdue() -> None:
    order = order_after(created(expires_at="alskdfj"))
    assert not order.is_overdue(NOW + timedelta(days=1000))


def test_events_are_shown_once_each_and_found_by_order_and_subject() -> None:
    book = OrderBook()
    for event in (created(), PAID, PAID, CANCELLED):
        book.hear(event)
    assert list(book.events) == [created(), PAID, CANCELLED]
    assert book.about("order", "payment:created") == [PAID]
    assert book.about("order", "order:cancelled") == [CANCELLED]
    assert book.about("another", "payment:created") == []


def test_the_newest_order_comes_first() -> None:
    book = OrderBook()
    for number, order_id in enumerate(("old", "new")):
        body = {"id": order_id, "version": 0, "status": "created", "userId": "me"}
        data = {**body, "expiresAt": SOON, "ticket": {"id": "ticket", "price": 1}}
        at = NOW + timedelta(seconds=number)
        book.hear(Heard(at, "order:created", msgspec.json.encode(data)))
    assert [order.id for order in book.orders()] == ["new", "old"]
