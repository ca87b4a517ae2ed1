"""Any request gets a response other than 500, and only a valid one charges."""

import json
from typing import Any
from urllib.parse import quote

import httpx
from hypothesis import example, given
from hypothesis import strategies as st

from tests.entrypoints.http.world import (
    JWT_KEY,
    OPERATOR,
    HttpWorld,
    in_session,
    sign_hs256,
    signed_in,
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
FIELDS = st.sampled_from(
    ["token", "orderId", "amount", "currency", "reason", "returnUrl", "gateway"]
)
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
        *(b"authorization", b"cookie", b"content-type", b"content-length", b"idempotency-key"),
        *(b"traceparent", b"x-forwarded-for", b"stripe-signature", b"accept"),
        b"x-http-method-override",
    ]
)
LIST = "/api/payments?orderId=order-1"
PATHS = st.one_of(
    st.sampled_from(
        [
            *("/api/payments", "/api/payments/id-1", "/api/payments/id-1/refunds"),
            *("/api/payments/id-1/captures", "/api/payments/id-1/void"),
            *(LIST, "/api/payments/webhooks/stripe", "/schema"),
        ]
    ),
    st.binary(max_size=20).map(lambda rest: f"/api/payments/{quote(rest)}"),
)
METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"])


async def send(
    method: str,
    path: str,
    headers: dict[str, str] | list[tuple[bytes, bytes]],
    content: bytes = b"",
) -> tuple[httpx.Response, int]:
    """Send a request to a new service with one unpaid order; return the number of charges too."""
    world = HttpWorld()
    await world.create_order()
    async with world.client(trusted_proxies=1) as client:
        response = await client.request(method, path, headers=headers, content=content or None)
    assert response.status_code != 500, response.text
    return response, len(world.charges)


@given(
    BODIES, st.sampled_from(["application/json", "application/json; charset=utf-8", "text/plain"])
)
@example(b'{"token": "tok_visa", "orderId": "order-1"}', "application/json")
async def test_any_body_of_a_payment_gets_a_response(content: bytes, content_type: str) -> None:
    headers = {**signed_in(), "content-type": content_type}

    response, charges = await send("POST", "/api/payments", headers, content)

    assert charges == (response.status_code == 201)


@given(BODIES, st.sampled_from(["refunds", "captures", "void"]))
async def test_any_body_of_an_operator_gets_a_response(content: bytes, route: str) -> None:
    headers = {**OPERATOR, "content-type": "application/json"}

    await send("POST", f"/api/payments/id-1/{route}", headers, content)


@given(METHODS, PATHS, st.lists(st.tuples(HEADER_NAMES, HEADER_VALUES), max_size=5), st.booleans())
async def test_any_headers_at_any_path_get_a_response_and_charge_nothing(
    method: str, path: str, headers: list[tuple[bytes, bytes]], is_signed_in: bool
) -> None:
    if is_signed_in:
        headers = [(b"cookie", signed_in()["cookie"].encode()), *headers]

    _, charges = await send(method, path, headers)

    assert charges == 0


@given(JSON)
async def test_any_invalid_session_gets_401(session: Any) -> None:
    response, _ = await send("GET", LIST, {"cookie": f"session={in_session(session)}"})

    assert response.status_code == 401


@given(st.dictionaries(st.sampled_from(["id", "exp", "nbf", "iat", "email"]), JSON))
async def test_any_claims_get_a_response(claims: dict[str, Any]) -> None:
    headers = {"authorization": f"Bearer {sign_hs256(claims, JWT_KEY)}"}

    response, _ = await send("GET", LIST, headers)

    assert response.status_code in (200, 401)
