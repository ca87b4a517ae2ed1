"""Invalid bodies of `POST /api/payments`: each gets a clear error, and nothing is charged."""

import codecs
import gzip
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrypoints.http.json_fields import JsonFields
from tests.entrypoints.http.world import Client, HttpWorld, error_fields, pay, signed_in

PAIRS = st.lists(st.tuples(st.sampled_from(["a", "b", ":", "c:d"]), st.sampled_from(["", ":", {}])))

VALID = b'{"token": "tok_visa", "orderId": "order-1"}'
LIMIT = 16 * 1024


async def send(
    client: Client,
    content: bytes | AsyncIterator[bytes],
    content_type: str | None = "application/json",
) -> httpx.Response:
    """Send this body as a user who is signed in."""
    headers = {"content-type": content_type} if content_type is not None else {}
    return await client.post("/api/payments", content=content, headers={**signed_in(), **headers})


@given(PAIRS, st.sampled_from(["", ":"]))
def test_every_name_that_is_there_more_than_once_is_found(
    pairs: list[tuple[str, object]], more: str
) -> None:
    pairs = [*pairs, ("nested", {"a": 1, more: [1, {"a:": 2}]})]
    content = "{" + ", ".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in pairs) + "}"

    names = [name for name, _ in pairs]
    doubled = {name for name in names if names.count(name) > 1}
    assert set(JsonFields.of(content.encode()).doubled) == doubled


NOT_TEXT: list[object] = [
    *("", None, 0, 1.5, True, [], ["tok_visa"], {}, "x" * 256, "x" * 10_000, "a\0b", "\0")
]
INVALID_VALUES: dict[str, list[object]] = {
    "token": NOT_TEXT,
    "orderId": NOT_TEXT,
    "amount": [None, "10000", "1e4", 1.5, 10000.0, True, 0, -1, 2**53, 10**23, [], {}],
    "currency": [None, "", "us", "usdd", "u$d", "ÜSD", 840, [], "us\0"],
}


@pytest.mark.parametrize(
    ("name", "invalid"),
    [(name, value) for name, values in INVALID_VALUES.items() for value in values],
    ids=repr,
)
async def test_an_invalid_field_is_named(
    client: Client, world: HttpWorld, name: str, invalid: object
) -> None:
    body = {"token": "tok_visa", "orderId": "order-1", name: invalid}

    response = await send(client, json.dumps(body).encode())

    assert response.status_code == 400
    assert error_fields(response) == {name}
    assert not world.charges


@pytest.mark.parametrize("body", [{}, {"token": "", "orderId": 7}, {"orderId": None}])
async def test_every_invalid_field_is_named_at_once(
    client: Client, body: dict[str, object]
) -> None:
    optional = {"amount": "1", "currency": "dollars"}

    required = await send(client, json.dumps(body).encode())
    every = await send(client, json.dumps({**body, **optional}).encode())

    assert error_fields(required) == {"token", "orderId"}
    assert error_fields(every) == {"token", "orderId", "amount", "currency"}


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b" ", b"{", b"[]", b"null", b"7", b'"tok_visa"', b"\xff\xfe"),
        b'{"token": tok_visa',
        VALID + b"}",
        b'{"token": "\xff", "orderId": "order-1"}',
        b'{"token": "\\ud800", "orderId": "order-1"}',
        b'{"token": "\\udc00\\ud800", "orderId": "order-1"}',
        b'{"token": "tok_visa", "orderId": "order-1", "amount": NaN}',
        b'{"token": "tok_visa", "orderId": "order-1", "amount": 1e999}',
        b"[" * 16_000,
        b'{"a":' * 3_000,
    ],
    ids=lambda content: repr(content[:64]),
)
async def test_a_body_that_is_not_a_json_object_names_the_missing_fields(
    client: Client, world: HttpWorld, content: bytes
) -> None:
    response = await send(client, content)

    assert response.status_code == 400
    assert error_fields(response) == {"token", "orderId"}
    assert not world.charges


@pytest.mark.parametrize("name", ["token", "orderId", "amount", "currency"])
@pytest.mark.parametrize("escaped", [False, True])
async def test_a_field_that_is_there_twice_is_named(
    client: Client, world: HttpWorld, name: str, escaped: bool
) -> None:
    values = {"token": "tok_visa", "orderId": "order-1", "amount": 10000, "currency": "usd"}
    fields = [f"{json.dumps(each)}: {json.dumps(value)}" for each, value in values.items()]
    again = f"\\u{ord(name[0]):04x}{name[1:]}" if escaped else name
    doubled = f'"{again}": {json.dumps(values[name])}'

    response = await send(client, f"{{{', '.join([*fields, doubled])}}}".encode())

    assert response.status_code == 400
    assert error_fields(response) == {name}
    assert not world.charges


async def test_a_byte_order_mark_before_the_body_is_ignored(client: Client) -> None:
    assert (await send(client, codecs.BOM_UTF8 + VALID)).status_code == 201


@pytest.mark.parametrize("coding", ["gzip", "GZip", "br", "identity, deflate", "no token!"])
async def test_a_compressed_body_gets_415_with_the_name_of_its_coding(
    client: Client, world: HttpWorld, coding: str
) -> None:
    headers = {**signed_in(), "content-type": "application/json", "content-encoding": coding}
    content = gzip.compress(VALID)
    response = await client.post("/api/payments", content=content, headers=headers)

    assert response.status_code == 415
    assert response.headers["accept-encoding"] == "identity"
    name = {"identity, deflate": "deflate", "no token!": "unknown"}.get(coding, coding.lower())
    assert f"content coding {name} " in response.json()["errors"][0]["message"]
    assert not world.charges


async def test_the_coding_identity_is_no_coding(client: Client) -> None:
    headers = {**signed_in(), "content-type": "application/json", "content-encoding": "identity"}
    response = await client.post("/api/payments", content=VALID, headers=headers)

    assert response.status_code == 201


IS_JSON = [
    *("application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'),
    *("application/json; profile=x", "application/json;", "application/json; charset = utf8"),
    'application/json; profile="https://schema.example/a"; charset=us-ascii',
]
NOT_JSON = [
    *(None, "", "text/plain", "text/json", "application/x-www-form-urlencoded"),
    *("multipart/form-data; boundary=x", "application/msgpack", "application/problem+json"),
    *("application/json; charset=utf-16", "application/json, text/plain", "application/jsonx"),
    *("application/json; charset=utf-8; charset=latin1", "application/json; charset="),
]


@pytest.mark.parametrize(
    ("content_type", "status"),
    [*((each, 415) for each in NOT_JSON), *((each, 201) for each in IS_JSON)],
)
async def test_the_body_must_be_declared_as_json(
    client: Client, world: HttpWorld, content_type: str | None, status: int
) -> None:
    response = await send(client, VALID, content_type)

    assert response.status_code == status
    assert len(world.charges) == (status == 201)


async def test_unknown_fields_are_ignored(client: Client) -> None:
    assert (await pay(client, unknown={"deeply": ["nested"]})).status_code == 201


@pytest.mark.parametrize(("size", "status"), [(LIMIT, 201), (LIMIT + 1, 413), (1024 * 1024, 413)])
@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_above_the_limit_gets_413_whether_its_length_is_announced_or_not(
    client: Client, world: HttpWorld, size: int, status: int, announced: bool
) -> None:
    content = VALID + b" " * (size - len(VALID))

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, size, 1000):
            yield content[start : start + 1000]

    response = await send(client, content if announced else chunks())

    assert response.status_code == status
    assert len(world.charges) == (status == 201)


async def test_without_sign_in_the_body_is_not_read(client: Client) -> None:
    assert (await client.post("/api/payments", content=b"invalid")).status_code == 401
