"""The specification reads order events exactly, and any order of delivery gives one order."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments_kit.simulation.model.amounts import Amount
from payments_kit.simulation.model.orders import expected_orders, read_order_event
from payments_kit.simulation.model.records import OrderEvent
from tests.simulation.histories import CANCELLED, LESS, TERMS

CREATED = (
    b'{"id": "o1", "version": 3, "status": "created", "userId": "u1", "expiresAt": %b,'
    b' "ticket": {"id": "t", "price": %b, "currency": "%b"}, "more": 1}'
)
EXACT = {
    (b"19.99", b"usd"): 1_999,
    (b'"19.99"', b"USD"): 1_999,
    (b"8.20", b"eur"): 820,
    (b"1e2", b"eur"): 10_000,
    (b"500", b"jpy"): 500,
    (b"1.001", b"kwd"): 1_001,
    (b"0", b"usd"): 0,
}
MALFORMED = (
    b"{",
    b"[]",
    b'{"id": "o1", "version": "one"}',
    b'{"id": "", "version": 1, "userId": "u1", "ticket": {"price": 1}}',
    CREATED % (b"null", b"0.001", b"usd"),
    CREATED % (b"null", b"0.5", b"jpy"),
    CREATED % (b"null", b"-1", b"usd"),
    CREATED % (b"null", b"true", b"usd"),
    CREATED % (b"null", b'"much"', b"usd"),
    CREATED % (b"null", b"Infinity", b"usd"),
    CREATED % (b"null", b"NaN", b"usd"),
)
TIMES = {
    b'"2026-01-01T12:00:00Z"': datetime(2026, 1, 1, 12, tzinfo=UTC),
    b'"2026-01-01T13:00:00+01:00"': datetime(2026, 1, 1, 12, tzinfo=UTC),
    b"1767268800000": datetime(2026, 1, 1, 12, tzinfo=UTC),
    b'"soon"': None,
    b"null": None,
    b"1e300": None,
}

events = st.builds(
    OrderEvent,
    st.sampled_from(("o1", "o2")),
    st.integers(0, 3),
    st.booleans(),
    st.just("u1"),
    st.sampled_from((None, Amount(1, "usd"))),
)


@pytest.mark.parametrize(("price", "minor_units"), EXACT.items())
def test_a_price_is_exact(price: tuple[bytes, bytes], minor_units: int) -> None:
    event = read_order_event("order:created", CREATED % (b"null", *price))
    assert event == OrderEvent(
        "o1", 3, user_id="u1", price=Amount(minor_units, price[1].decode().lower())
    )


@given(st.decimals(0, 10**9, places=2))
def test_no_cent_is_lost(price: Decimal) -> None:
    event = read_order_event("order:created", CREATED % (b"null", str(price).encode(), b"usd"))
    assert event is not None
    assert event.price == Amount(int(f"{price:.2f}".replace(".", "")), "usd")


@pytest.mark.parametrize(("text", "time"), TIMES.items())
def test_an_expiry_is_read_or_not_known(text: bytes, time: datetime | None) -> None:
    event = read_order_event("order:created", CREATED % (text, b"1", b"usd"))
    assert event is not None
    assert event.expires_at == time


@pytest.mark.parametrize("data", MALFORMED)
def test_an_event_that_cannot_be_used_is_recognized(data: bytes) -> None:
    assert read_order_event("order:created", data) is None


def test_a_cancellation_needs_only_id_and_version() -> None:
    data = b'{"id": 42, "version": 1, "ticket": {"id": "t"}}'
    assert read_order_event("order:cancelled", data) == OrderEvent("42", 1, is_cancelled=True)


@given(st.lists(events, max_size=6), st.data())
def test_any_order_of_delivery_gives_the_same_orders(
    history: list[OrderEvent], data: st.DataObject
) -> None:
    delivered = data.draw(st.permutations(history))
    one, two = expected_orders(history), expected_orders(delivered)
    assert one.keys() == two.keys()
    for order_id, order in one.items():
        assert order._replace(newest=()) == two[order_id]._replace(newest=())
        assert sorted(map(str, order.newest)) == sorted(map(str, two[order_id].newest))


def test_the_newest_terms_count_and_a_cancellation_is_final() -> None:
    newer = TERMS._replace(version=2, price=LESS)
    [order] = expected_orders([newer, CANCELLED, TERMS]).values()
    assert (order.version, order.is_cancelled, order.newest) == (2, True, (newer,))
