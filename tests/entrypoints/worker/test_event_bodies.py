"""Reading the bodies of inbound events."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from application.use_cases.cancel_order import OrderCancellation
from domain.identifiers import OrderId
from domain.iso4217 import MINOR_UNITS
from domain.money import MAX_MINOR_UNITS, Currency
from domain.replica import OrderReplica, OrderStatus
from entrypoints.worker.event_bodies import MalformedEvent, decode, decode_payment_created
from tests.builders import USD

CREATED = {
    "id": "order-1",
    "version": 0,
    "status": "created",
    "userId": "user-1",
    "expiresAt": "2026-11-22T12:15:00.000Z",
    "ticket": {"id": "ticket-1", "price": 10},
}
CANCELLED = {"id": "order-1", "version": 1, "ticket": {"id": "ticket-1"}}


def text(body: object) -> bytes:
    return json.dumps(body).encode()


def priced(price: str, **others: object) -> bytes:
    """An `order:created` whose price is written just so."""
    return text({**CREATED, **others}).replace(b'"price": 10', f'"price": {price}'.encode())


def read(data: bytes, currency: Currency = USD) -> OrderReplica:
    order = decode("order:created", data, currency)
    assert isinstance(order, OrderReplica)
    return order


def refusal(data: bytes, subject: str = "order:created", currency: Currency = USD) -> str:
    with pytest.raises(MalformedEvent) as caught:
        decode(subject, data, currency)
    return caught.value.reason


def test_an_order_is_read_as_the_seed_writes_it() -> None:
    order = read(text(CREATED))
    assert (order.id, order.version, order.status) == ("order-1", 0, OrderStatus.CREATED)
    assert order.terms is not None
    assert order.terms.user_id == "user-1"
    assert order.terms.price.minor_units == 1000
    assert order.terms.price.currency == USD
    assert order.terms.expires_at == datetime(2026, 11, 22, 12, 15, tzinfo=UTC)


def test_a_cancellation_needs_no_ticket() -> None:
    for body in (CANCELLED, {"id": "order-1", "version": 1}):
        read = decode("order:cancelled", text(body), USD)
        assert read == OrderCancellation(OrderId("order-1"), 1)


def test_unknown_fields_are_ignored() -> None:
    extended = {**CREATED, "seat": {"row": [1, 2, None]}, "ticket": {"price": 10, "colour": 1.5}}
    assert read(text(extended)) == read(text(CREATED))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("created", OrderStatus.CREATED),
        ("awaiting:payment", OrderStatus.CREATED),
        ("complete", OrderStatus.COMPLETE),
        ("cancelled", OrderStatus.CANCELLED),
    ],
)
def test_every_status_of_the_shop_is_known(status: str, expected: OrderStatus) -> None:
    assert read(text({**CREATED, "status": status})).status is expected


@pytest.mark.parametrize(
    "said",
    [
        "alskdfj",
        "",
        5,
        None,
        True,
        [],
        {},
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_an_expiry_that_is_none_is_no_error(said: object) -> None:
    order = read(text({**CREATED, "expiresAt": said}))
    assert order.terms is not None
    assert order.terms.expires_at is None


def test_a_missing_expiry_is_no_error() -> None:
    order = read(text({name: value for name, value in CREATED.items() if name != "expiresAt"}))
    assert order.terms is not None
    assert order.terms.expires_at is None


@pytest.mark.parametrize(
    "said",
    [
        "2026-11-22T12:15:00Z",
        "2026-11-22T13:15:00.000+01:00",
        "2026-11-22T12:15:00",
        "20261122T1215Z",
    ],
)
def test_an_expiry_is_told_in_utc(said: str) -> None:
    order = read(text({**CREATED, "expiresAt": said}))
    assert order.terms is not None
    assert order.terms.expires_at == datetime(2026, 11, 22, 12, 15, tzinfo=UTC)
    assert order.terms.expires_at.tzinfo is UTC


@given(st.integers(0, MAX_MINOR_UNITS), st.sampled_from(sorted(MINOR_UNITS)), st.integers(0, 8))
@example(1999, "usd", 0)
@example(MAX_MINOR_UNITS, "clf", 0)
def test_every_price_that_a_currency_can_express_survives_exactly(
    minor_units: int, code: str, zeros: int
) -> None:
    currency = Currency(code)
    written = f"{Decimal(minor_units).scaleb(-currency.decimals):f}"
    written += ("" if "." in written else ".0") + "0" * zeros
    for data in (priced(written), priced(written, currency=code.upper())):
        order = read(data, currency)
        assert order.terms is not None
        assert order.terms.price.minor_units == minor_units
        assert order.terms.price.currency == currency


@pytest.mark.parametrize(("price", "minor"), [("10", 1000), ("10.0", 1000), ("19.99", 1999)])
@pytest.mark.parametrize("place", ["beside", "in the ticket", "nowhere"])
def test_a_price_is_in_the_currency_it_names(price: str, minor_units: int, place: str) -> None:
    match place:
        case "beside":
            order = read(priced(price, currency="EUR"))
        case "in the ticket":
            order = read(priced(f'{price}, "currency": "eur"'))
        case _:
            order = read(priced(price), Currency("eur"))
    assert order.terms is not None
    assert (order.terms.price.minor_units, order.terms.price.currency.code) == (minor_units, "eur")


@pytest.mark.parametrize(
    "price",
    [
        "19.999", "-1", "-0.01", "1e400", "1e-400", "1e999999999999999999999", "90071992547409.92",
        "true", "null", '"10"', "[10]", "{}", "NaN", "Infinity", "1.", ".5", "0x10", "1_000", "",
        "9" * 5000,
    ],
)  # fmt: skip
def test_a_price_that_money_cannot_express_is_poison(price: str) -> None:
    reason = refusal(priced(price))
    assert "ticket.price" in reason or "JSON" in reason
    assert len(reason) <= 200


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"id": ""}, "id"),
        ({"id": "x" * 256}, "id"),
        ({"id": "x" * 10_000}, "id"),
        ({"id": 5}, "id"),
        ({"id": None}, "id"),
        ({"id": "a\0b"}, "id"),
        ({"userId": ""}, "userId"),
        ({"userId": "\0"}, "userId"),
        ({"userId": "y" * 300}, "userId"),
        ({"version": -1}, "version"),
        ({"version": 2**53}, "version"),
        ({"version": 10**22}, "version"),
        ({"version": 1.0}, "version"),
        ({"version": "1"}, "version"),
        ({"version": True}, "version"),
        ({"version": None}, "version"),
        ({"status": "paid"}, "status"),
        ({"status": "z" * 1000}, "status"),
        ({"status": 1}, "status"),
        ({"ticket": None}, "ticket"),
        ({"ticket": []}, "ticket"),
        ({"ticket": {"id": "1"}}, "price"),
        ({"currency": "xyz"}, "currency"),
        ({"currency": "q" * 1000}, "currency"),
        ({"currency": ""}, "currency"),
        ({"currency": 840}, "currency"),
        ({"currency": "eur", "ticket": {"price": 1, "currency": "usd"}}, "currency"),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_poison_and_the_reason_names_the_field(
    change: dict[str, object], named: str
) -> None:
    reason = refusal(text({**CREATED, **change}))
    assert named in reason
    assert len(reason) <= 200
    assert not any(letter * 20 in reason for letter in "xyzq9")


@pytest.mark.parametrize("field", ["id", "version", "status", "userId", "ticket"])
def test_a_missing_field_is_poison(field: str) -> None:
    assert field in refusal(text({name: value for name, value in CREATED.items() if name != field}))


NO_PLAIN_OBJECT = {
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "a text": b'"text"',
    "a number": b"5",
    "half an object": b'{"id": "order-1"',
    "two objects": b"{}{}",
    "no JSON": b"not JSON",
    "a byte order mark": b"\xef\xbb\xbf" + text(CREATED),
    "UTF-16": text(CREATED).decode().encode("utf-16"),
    "no UTF-8": text(CREATED).replace(b"order-1", b"\xff"),
    "a surrogate in UTF-8": text(CREATED).replace(b"order-1", b"\xed\xa0\x80"),
    "a lone surrogate": text(CREATED).replace(b"order-1", b"\\ud800"),
    "too deep": text({**CREATED, "id": 0}).replace(b"0", b"[" * 20_000 + b"]" * 20_000, 1),
    "too deep in a field that is ignored": text({"seat": 0, **CREATED}).replace(
        b"0", b"[" * 20_000 + b"]" * 20_000, 1
    ),
    "just too large": text({**CREATED, "seat": "x" * 2**16}),
    "1 MiB": text({**CREATED, "seat": "x" * 2**20}),
    "a name twice": text(CREATED).replace(b'"version": 0', b'"version": 0, "version": 1'),
    "a price twice": priced('10, "price": 1'),
}


@pytest.mark.parametrize("subject", ["order:created", "order:cancelled"])
@pytest.mark.parametrize("name", NO_PLAIN_OBJECT)
def test_what_is_no_plain_json_object_is_poison(name: str, subject: str) -> None:
    assert len(refusal(NO_PLAIN_OBJECT[name], subject)) <= 200


def test_another_subject_is_poison() -> None:
    assert "ticket:created" in refusal(text(CREATED), "ticket:created")


def test_a_paid_order_is_read() -> None:
    assert decode_payment_created(b'{"id":"p","orderId":"o","stripeId":"ch"}') == "o"
    for data in (b"{}", b'{"orderId":5}', b'{"orderId":"\\u0000"}', b"\xff"):
        with pytest.raises(MalformedEvent):
            decode_payment_created(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda values: (
        st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=8), values, max_size=3)
    ),
    max_leaves=8,
)
nearly = st.builds(
    lambda change, ticket: text({**CREATED, **change, "ticket": ticket}),
    st.dictionaries(st.sampled_from([*CREATED, "currency"]), json_values),
    json_values | st.fixed_dictionaries({"price": json_values}, optional={"currency": json_values}),
)


@given(
    st.sampled_from(["order:created", "order:cancelled", "order:other"]),
    st.binary() | json_values.map(text) | nearly,
)
def test_any_bytes_are_an_event_or_poison(subject: str, data: bytes) -> None:
    try:
        read: object = decode(subject, data, USD)
    except MalformedEvent as malformed:
        read = malformed
    assert isinstance(read, OrderReplica | OrderCancellation | MalformedEvent)
