"""Whatever is sent, the answer is never a 500, and nobody is charged who did not ask for it."""

import json
from typing import Any
from urllib.parse import quote

import httpx
from hypothesis import example, given
from hypothesis import strategies as st

from tests.entrypoints.http.world import (
    JWT_KEY,
    OPERATOR,
    World,
    in_session,
    signed_in,
    unsafe_hs256,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["order-1", "tok_visa", "tok_chargeDeclined", "usd", 10000]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.sampled_from(["token", "orderId", "amount", "currency", "reason"])
BODIES = st.one_of(
    st.binary(max_size=200),
    JSON.map(lambda body: json.dumps(body).encode()),
    st.dictionaries(FIELDS, JSON).map(lambda body: json.dumps(body).encode()),
)
HEADER_VALUES = st.binary(max_size=100).map(
    lambda value: bytes(each for each in value if each not in b"\r\n\0")
)
HEADER_NAMES = st.sampled_from(
    [
        *("authorization", "cookie", "content-type", "content-length", "idempotency-key"),
        *("traceparent", "x-forwarded-for", "stripe-signature", "accept", "x-http-method-override"),
    ]
)
PATHS = st.one_of(
    st.sampled_from(
        [
            *("/api/payments", "/api/payments/id-1", "/api/payments/id-1/refunds"),
            *("/api/payments?orderId=order-1", "/api/payments/webhooks/stripe", "/schema"),
        ]
    ),
    st.binary(max_size=20).map(lambda rest: f"/api/payments/{quote(rest)}"),
)
METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"])


async def ask(
    method: str, path: str, headers: list[tuple[bytes, bytes]], content: bytes | None
) -> tuple[World, httpx.Response]:
    """Ask a fresh service, one of whose orders can be paid."""
    world = World()
    await world.apply()
    async with world.client(trusted_proxies=1) as client:
        answer = await client.request(method, path, headers=headers, content=content)
    assert answer.status_code != 500, answer.text
    if answer.status_code >= 400 and method != "HEAD":
        assert answer.json()["errors"]
        assert answer.json()["status"] == answer.status_code
    return world, answer


def raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers as bytes."""
    return [(name.encode(), value.encode()) for name, value in headers.items()]


@given(
    BODIES, st.sampled_from(["application/json", "application/json; charset=utf-8", "text/plain"])
)
@example(b'{"token": "tok_visa", "orderId": "order-1"}', "application/json")
async def test_any_body_is_answered(content: bytes, content_type: str) -> None:
    headers = raw({**signed_in(), "content-type": content_type})

    world, answer = await ask("POST", "/api/payments", headers, content)

    assert world.charges == (answer.status_code == 201)


@given(BODIES)
async def test_any_refund_is_answered(content: bytes) -> None:
    headers = raw({**OPERATOR, "content-type": "application/json"})

    await ask("POST", "/api/payments/id-1/refunds", headers, content)


@given(
    METHODS,
    PATHS,
    st.lists(st.tuples(HEADER_NAMES.map(str.encode), HEADER_VALUES), max_size=5),
    st.booleans(),
)
async def test_any_header_at_any_path_is_answered(
    method: str, path: str, headers: list[tuple[bytes, bytes]], known: bool
) -> None:
    more = raw(signed_in()) if known else []

    world, _ = await ask(method, path, [*more, *headers], None)

    assert world.charges == 0


@given(JSON)
async def test_any_session_is_answered_and_pays_nothing(session: Any) -> None:
    headers = [(b"cookie", b"session=" + in_session(session).encode())]

    world, answer = await ask("GET", "/api/payments?orderId=order-1", headers, None)

    assert answer.status_code == 401
    assert world.charges == 0


@given(st.dictionaries(st.sampled_from(["id", "exp", "nbf", "iat", "email"]), JSON))
async def test_any_claims_are_answered(claims: dict[str, Any]) -> None:
    token = unsafe_hs256(claims, JWT_KEY)

    _, answer = await ask(
        "GET",
        "/api/payments?orderId=order-1",
        [(b"authorization", f"Bearer {token}".encode())],
        None,
    )

    assert answer.status_code in (200, 401)
