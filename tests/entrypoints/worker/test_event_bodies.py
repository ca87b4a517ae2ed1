"""Decoding the bodies of inbound events."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from application.use_cases.cancel_order import OrderCancellation
from domain.capture import CaptureMode
from domain.identifiers import OrderId
from domain.iso4217 import MINOR_UNITS
from domain.money import MAX_MINOR_UNITS, Currency
from domain.replica import OrderReplica, OrderStatus, Shipment, Terms
from entrypoints.worker.event_bodies import (
    MalformedEvent,
    decode,
    decode_payment_created,
)
from tests.builders import USD

CREATED = {
    "id": "order-1",
    "version": 0,
    "status": "created",
    "userId": "user-1",
    "expiresAt": "2026-11-22T12:15:00.000Z",
    "ticket": {"id": "ticket-1", "price": 10},
}
EXPIRY = datetime(2026, 11, 22, 12, 15, tzinfo=UTC)


def text(body: object) -> bytes:
    return json.dumps(body).encode()


def priced(price: str, **others: object) -> bytes:
    """An `order:created` whose price is written exactly like this."""
    return text({**CREATED, **others}).replace(b'"price": 10', f'"price": {price}'.encode())


def without(field: str) -> bytes:
    return text({name: value for name, value in CREATED.items() if name != field})


def read(data: bytes, currency: Currency = USD) -> OrderReplica:
    order = decode("order:created", data, currency)
    assert isinstance(order, OrderReplica)
    return order


def terms(data: bytes, currency: Currency = USD) -> Terms:
    order = read(data, currency)
    assert order.terms is not None
    return order.terms


def reason(data: bytes, subject: str = "order:created") -> str:
    """Why an event is malformed."""
    with pytest.raises(MalformedEvent) as caught:
        decode(subject, data, USD)
    assert len(caught.value.reason) <= 200
    return caught.value.reason


def test_an_order_is_decoded_as_the_reference_service_writes_it() -> None:
    order, its_terms = read(text(CREATED)), terms(text(CREATED))
    assert (order.id, order.version, order.status) == ("order-1", 0, OrderStatus.CREATED)
    assert (its_terms.user_id, its_terms.expires_at) == ("user-1", EXPIRY)
    assert (its_terms.price.minor_units, its_terms.price.currency) == (1000, USD)


def test_a_cancellation_needs_no_ticket_and_an_order_no_expiry() -> None:
    assert terms(without("expiresAt")).expires_at is None
    for others in ({}, {"ticket": {"id": "ticket-1"}}):
        body = text({"id": "order-1", "version": 1, **others})
        assert decode("order:cancelled", body, USD) == OrderCancellation(OrderId("order-1"), 1)


@pytest.mark.parametrize("number", [1042, 0, -7, 2**63, 2**64 - 1])
def test_an_id_that_is_a_whole_number_is_its_decimal_text(number: int) -> None:
    order = read(text({**CREATED, "id": number, "userId": number, "version": "3"}))
    assert order.terms is not None
    assert [order.id, order.terms.user_id] == [str(number)] * 2
    assert order.version == 3
    cancelled = decode("order:cancelled", text({"id": number, "version": 1}), USD)
    assert cancelled == OrderCancellation(order.id, 1)
    assert decode_payment_created(text({"orderId": number})) == order.id


@pytest.mark.parametrize("mode", [None, *CaptureMode])
def test_an_order_may_say_when_its_money_is_captured(mode: CaptureMode | None) -> None:
    body = {**CREATED, "capture": None if mode is None else mode.value}
    assert terms(text(body)).capture is mode
    assert terms(text(CREATED)).capture is None


@pytest.mark.parametrize("amount", [1, "1", MAX_MINOR_UNITS, str(MAX_MINOR_UNITS), None], ids=repr)
def test_a_shipment_names_an_amount_or_is_of_everything(amount: int | str | None) -> None:
    units = None if amount is None else int(amount)
    shipped = OrderReplica.shipped(OrderId("order-1"), Shipment(3, units))
    body = {"id": "order-1", "version": 3, "amount": amount, "carrier": {"name": "x"}}
    assert decode("order:shipped", text(body), USD) == shipped
    assert decode("parcel.sent", text(body), USD, "parcel.sent") == shipped
    if amount is None:
        del body["amount"]
        assert decode("order:shipped", text(body), USD) == shipped


@pytest.mark.parametrize(
    "amount",
    [0, -1, 1.5, 1.0, 1e3, True, MAX_MINOR_UNITS + 1, 10**30, "", "0", "-1", "1.5", "all", [], {}],
    ids=repr,
)
def test_a_shipment_with_another_amount_is_malformed(amount: object) -> None:
    body = {"id": "order-1", "version": 3, "amount": amount}
    why = "amount: must be a whole number of minor units from 1 to 9007199254740991"
    assert reason(text(body), "order:shipped") == why


def test_a_shipment_with_two_amounts_is_malformed() -> None:
    body = b'{"id": "order-1", "version": 3, "amount": 1, "amount": 2}'
    assert reason(body, "order:shipped") == "amount: occurs twice with different values"
    assert "order:shipped" in reason(text(CREATED), "order:shipped2")


@pytest.mark.parametrize("field", ["id", "version"])
def test_a_shipment_without_a_required_field_is_malformed(field: str) -> None:
    body = {name: each for name, each in (("id", "order-1"), ("version", 3)) if name != field}
    assert field in reason(text(body), "order:shipped")


def test_a_byte_order_mark_is_ignored() -> None:
    assert read(b"\xef\xbb\xbf" + text(CREATED)) == read(text(CREATED))


@pytest.mark.parametrize(
    ("field", "twice"),
    [
        ("ticket.price", priced('10, "price": 1')),
        ("ticket.currency", priced('10, "currency": "usd", "currency": "jpy"')),
        ("userId", text(CREATED).replace(b'"userId"', b'"userId": "user-2", "userId"')),
        ("expiresAt", text(CREATED).replace(b'"expiresAt"', b'"expiresAt": null, "expiresAt"')),
        ("ticket", text(CREATED).replace(b'"ticket"', b'"ticket": {"price": 1}, "ticket"')),
    ],
)
def test_a_field_with_two_values_is_malformed(field: str, twice: bytes) -> None:
    assert reason(twice) == f"{field}: occurs twice with different values"


def test_a_field_that_is_repeated_or_ignored_may_be_doubled() -> None:
    for twice in (
        priced('10, "price": 10'),
        priced('10, "price": "10"'),
        text(CREATED).replace(b'"version": 0', b'"version": 0, "version": 0'),
        text({"seat": 0, **CREATED}).replace(b"0", b'0, "seat": {"id": 1, "id": 2}', 1),
        priced('10, "id": "ticket-2"'),
    ):
        assert read(twice) == read(text(CREATED))


def test_null_is_absent_where_a_field_may_be() -> None:
    nulls = {"expiresAt": None, "currency": None, "capture": None}
    body = text({**CREATED, **nulls, "ticket": {"price": 10, "currency": None, "id": None}})
    assert read(body) == read(without("expiresAt"))


def test_unknown_fields_are_ignored() -> None:
    extended = {**CREATED, "seat": {"row": [1, 2, None]}, "ticket": {"price": 10, "colour": 1.5}}
    assert read(text(extended)) == read(text(CREATED))


def test_every_status_of_the_shop_is_known() -> None:
    statuses = ["created", "awaiting:payment", "complete", "cancelled"]
    decoded = [read(text({**CREATED, "status": status})).status.value for status in statuses]
    assert decoded == ["created", "created", "complete", "cancelled"]


@given(st.integers(0, MAX_MINOR_UNITS), st.sampled_from(sorted(MINOR_UNITS)), st.integers(0, 8))
@example(1999, "usd", 0)
@example(MAX_MINOR_UNITS, "clf", 0)
def test_every_price_that_a_currency_can_express_is_decoded_exactly(
    minor_units: int, code: str, zeros: int
) -> None:
    currency, other = Currency(code), Currency("eur" if code == "usd" else "usd")
    written = f"{Decimal(minor_units).scaleb(-currency.decimals):f}"
    written += ("" if "." in written else ".0") + "0" * zeros
    beside, inside = {"currency": code.upper()}, f'{written}, "currency": "{code}"'
    for price in (
        terms(priced(written), currency).price,
        terms(priced(f'"{written}"'), currency).price,
        terms(priced(written, **beside), other).price,
        terms(priced(inside), other).price,
    ):
        assert (price.minor_units, price.currency) == (minor_units, currency)


@pytest.mark.parametrize(
    "price",
    [
        "19.999", "-1", "-0.01", "1e400", "1e-400", "1e999999999999999999999", "90071992547409.92",
        "true", "null", "[10]", "{}", "NaN", "Infinity", "1.", ".5", "0x10", "1_000", "", "+1",
        '""', '" "', '"NaN"', '"Infinity"', '"1_000"', '"19,99"', '"$19.99"', '"19.99 "', '"1."',
        '".5"', '"+1"', '"\\ud800"', '"\\u0000"', '"0x10"', '"١٠"', '"-1"', '"19.999"',
        '"1e400"', '"true"',
        "9" * 5000, '"' + "9" * 5000 + '"',
    ],
)  # fmt: skip
def test_a_price_that_money_cannot_express_is_malformed(price: str) -> None:
    why = reason(priced(price))
    assert "ticket.price" in why or "JSON" in why


MALFORMED_VALUES: dict[str, tuple[object, ...]] = {
    "id": ("", "x" * 256, "x" * 10_000, None, "a\0b", True, 1042.0, 2**64, 10**22, [], {}),
    "userId": ("", "\0", "y" * 300, None, False, 7.5, [7]),
    "version": (-1, 2**53, 10**22, 1.0, "", "-1", "1.0", " 1", "9" * 16, "٣", True, None, [1]),
    "status": ("paid", "z" * 1000, 1),
    "ticket": (None, [], {}, {"id": "1"}, {"price": None}),
    "currency": ("xyz", "q" * 1000, "", 840),
    "capture": ("later", "Manual", "z" * 1000, "", True, 1, ["manual"], {}),
}


@pytest.mark.parametrize(
    "change",
    [
        *({field: value} for field, values in MALFORMED_VALUES.items() for value in values),
        {"currency": "eur", "ticket": {"price": 1, "currency": "usd"}},
    ],
    ids=str,
)
def test_the_reason_of_a_malformed_event_names_the_field_and_quotes_no_long_value(
    change: dict[str, object],
) -> None:
    why = reason(text({**CREATED, **change}))
    assert next(iter(change)) in why
    assert not any(letter * 20 in why for letter in "xyzq9")


@pytest.mark.parametrize("field", ["id", "version", "status", "userId", "ticket"])
def test_an_event_without_a_required_field_is_malformed(field: str) -> None:
    assert field in reason(without(field))


DEEP = b"[" * 20_000 + b"]" * 20_000
NOT_ONE_OBJECT = {
    "empty": b"",
    "null": b"null",
    "a list": b"[]",
    "a string": b'"text"',
    "a number": b"5",
    "half an object": b'{"id": "order-1"',
    "two objects": b"{}{}",
    "no JSON": b"not JSON",
    "UTF-16": text(CREATED).decode().encode("utf-16"),
    "no UTF-8": text(CREATED).replace(b"order-1", b"\xff"),
    "a surrogate in UTF-8": text(CREATED).replace(b"order-1", b"\xed\xa0\x80"),
    "a lone surrogate": text(CREATED).replace(b"order-1", b"\\ud800"),
    "too deep": text({**CREATED, "id": 0}).replace(b"0", DEEP, 1),
    "just too large": text({**CREATED, "seat": "x" * 2**16}),
    "1 MiB": text({**CREATED, "seat": "x" * 2**20}),
    "two byte order marks": b"\xef\xbb\xbf" * 2 + text(CREATED),
    "two versions": text(CREATED).replace(b'"version": 0', b'"version": 0, "version": 1'),
}


@pytest.mark.parametrize("subject", ["order:created", "order:cancelled", "order:shipped"])
@pytest.mark.parametrize("name", NOT_ONE_OBJECT)
def test_a_body_that_is_not_one_plain_json_object_is_malformed(name: str, subject: str) -> None:
    assert reason(NOT_ONE_OBJECT[name], subject)


def test_a_deep_ignored_field_is_malformed_or_ignored() -> None:
    result: OrderReplica | str
    try:
        result = read(text({"seat": 0, **CREATED}).replace(b"0", DEEP, 1))
    except MalformedEvent as malformed:
        result = malformed.reason
    # Python 3.14 limits the depth by the size of the stack only.
    assert result in ("not JSON: RecursionError", read(text(CREATED)))


def test_an_event_on_another_subject_is_malformed() -> None:
    assert "ticket:created" in reason(text(CREATED), "ticket:created")


REFERENCE_BODY = {"id": "p", "orderId": "o", "stripeId": "ch"}
AMOUNT = {"amount": 1999, "currency": "usd", "gateway": "stripe", "createdAt": "2026-11-22T12:00Z"}


@pytest.mark.parametrize("others", [{}, AMOUNT, {**AMOUNT, "chargeId": "ch", "unknown": [None]}])
def test_a_payment_created_event_of_every_version_is_decoded(others: dict[str, object]) -> None:
    assert decode_payment_created(text({**REFERENCE_BODY, **others})) == "o"


@pytest.mark.parametrize("data", [b"{}", b'{"orderId":5.5}', b'{"orderId":"\\u0000"}', b"\xff"])
def test_a_payment_created_event_without_a_usable_order_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedEvent):
        decode_payment_created(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda values: (
        st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=8), values, max_size=3)
    ),
    max_leaves=8,
)
almost_valid = st.builds(
    lambda change, ticket: text({**CREATED, **change, "ticket": ticket}),
    st.dictionaries(st.sampled_from([*CREATED, "currency", "capture", "amount"]), json_values),
    json_values | st.fixed_dictionaries({"price": json_values}, optional={"currency": json_values}),
)


@given(
    st.sampled_from(["order:created", "order:cancelled", "order:shipped", "order:other"]),
    st.binary() | json_values.map(text) | almost_valid,
)
def test_any_bytes_are_decoded_or_malformed(subject: str, data: bytes) -> None:
    try:
        decoded: object = decode(subject, data, USD)
    except MalformedEvent as malformed:
        decoded = malformed
    assert isinstance(decoded, OrderReplica | OrderCancellation | MalformedEvent)
