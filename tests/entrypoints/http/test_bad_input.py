"""Bad bodies: each gets the contract's clear answer, and nothing is charged."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.entrypoints.http.world import World, pay, signed_in

GOOD = b'{"token": "tok_visa", "orderId": "order-1"}'


def fields(answer: httpx.Response) -> set[str]:
    """Which fields an answer complains of."""
    return {error["field"] for error in answer.json()["errors"]}


async def send(
    client: httpx.AsyncClient, content: bytes, content_type: str | None = "application/json"
) -> httpx.Response:
    """Send these bytes as somebody who is signed in."""
    headers = {"content-type": content_type} if content_type is not None else {}
    return await client.post("/api/payments", content=content, headers={**signed_in(), **headers})


@pytest.mark.parametrize(
    "bad",
    ["", None, 0, 1.5, True, [], ["tok_visa"], {}, "x" * 256, "x" * 10_000, "a\0b", "\0"],
    ids=repr,
)
@pytest.mark.parametrize("name", ["token", "orderId"])
async def test_a_field_that_is_no_text_is_named(
    client: httpx.AsyncClient, world: World, name: str, bad: object
) -> None:
    body = {"token": "tok_visa", "orderId": "order-1", name: bad}

    answer = await send(client, json.dumps(body).encode())

    assert answer.status_code == 400
    assert fields(answer) == {name}
    assert world.charges == 0


@pytest.mark.parametrize("body", [{}, {"token": "", "orderId": 7}, {"orderId": None}])
async def test_every_bad_field_is_named_at_once(
    client: httpx.AsyncClient, body: dict[str, object]
) -> None:
    answer = await send(client, json.dumps(body).encode())

    assert answer.status_code == 400
    assert fields(answer) == {"token", "orderId"}


async def test_bad_optional_fields_are_named_with_the_others(client: httpx.AsyncClient) -> None:
    answer = await pay(client, token="", order_id="", amount="1", currency="dollars")

    assert fields(answer) == {"token", "orderId", "amount", "currency"}


@pytest.mark.parametrize(
    "amount", ["10000", "1e4", 1.5, 10000.0, True, -1, 2**53, 10**23, [], {}], ids=repr
)
async def test_an_amount_that_is_no_number_of_minor_units_is_refused(
    client: httpx.AsyncClient, amount: object
) -> None:
    answer = await pay(client, amount=amount)

    assert answer.status_code == 400
    assert fields(answer) == {"amount"}


@pytest.mark.parametrize("currency", ["us", "usdd", "u$d", "ÜSD", 840, [], "us\0"], ids=repr)
async def test_a_currency_that_is_no_code_is_refused(
    client: httpx.AsyncClient, currency: object
) -> None:
    answer = await pay(client, currency=currency)

    assert answer.status_code == 400
    assert fields(answer) == {"currency"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" ",
        b"{",
        b'{"token": tok_visa',
        b"[]",
        b"null",
        b"7",
        b'"tok_visa"',
        GOOD + b"}",
        b"\xff\xfe",
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
async def test_what_is_no_json_object_is_refused_and_names_what_is_missing(
    client: httpx.AsyncClient, world: World, content: bytes
) -> None:
    answer = await send(client, content)

    assert answer.status_code == 400
    assert fields(answer) == {"token", "orderId"}
    assert world.charges == 0


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/msgpack",
        "application/problem+json",
        "application/json; charset=utf-16",
        "application/json, text/plain",
        "application/jsonx",
    ],
)
async def test_what_is_not_declared_as_json_is_answered_415(
    client: httpx.AsyncClient, world: World, content_type: str | None
) -> None:
    answer = await send(client, GOOD, content_type)

    assert answer.status_code == 415
    assert world.charges == 0


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'],
)
async def test_json_may_be_declared_in_any_usual_way(
    client: httpx.AsyncClient, content_type: str
) -> None:
    assert (await send(client, GOOD, content_type)).status_code == 201


async def test_unknown_fields_are_ignored(client: httpx.AsyncClient) -> None:
    assert (await pay(client, unknown={"deeply": ["nested"]})).status_code == 201


@pytest.mark.parametrize("size", [16 * 1024 + 1, 1024 * 1024])
async def test_a_body_that_is_too_large_is_answered_413(
    client: httpx.AsyncClient, world: World, size: int
) -> None:
    answer = await send(client, GOOD + b" " * (size - len(GOOD)))

    assert answer.status_code == 413
    assert world.charges == 0


async def test_a_body_may_be_as_large_as_the_limit(client: httpx.AsyncClient) -> None:
    answer = await send(client, GOOD + b" " * (16 * 1024 - len(GOOD)))

    assert answer.status_code == 201


async def test_a_body_of_unknown_length_is_counted_while_it_arrives(
    client: httpx.AsyncClient, world: World
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield GOOD
        for _ in range(1000):
            yield b" " * 1000

    answer = await client.post(
        "/api/payments",
        content=chunks(),
        headers={**signed_in(), "content-type": "application/json"},
    )

    assert answer.status_code == 413
    assert world.charges == 0


async def test_who_is_not_signed_in_hears_nothing_of_the_body(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/payments", content=b"rubbish")

    assert answer.status_code == 401
