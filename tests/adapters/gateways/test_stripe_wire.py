"""Stripe over HTTP: the same requests as the official SDK sends, and replies within limits."""

import gzip
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import stripe
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st
from stripe._encode import _api_encode

from adapters.gateways.stripe import wire
from adapters.gateways.stripe.client import StripeApi
from adapters.gateways.stripe.wire import API_ADDRESS, API_VERSION, authorities, encoded
from application.ports.payment_gateway import OutcomeUnknown

KEY = "sk_test_wire"
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.none() | st.booleans() | st.integers() | TEXT
PARAMS = st.dictionaries(
    st.text("ab_é[] ", min_size=1),
    st.recursive(
        # The SDK does not convert what stands in a list; nothing but text does with us.
        SCALARS | st.lists(TEXT, max_size=3),
        lambda each: st.dictionaries(st.text("xy&="), each, max_size=3),
    ),
)

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(respond: Respond) -> AsyncIterator[tuple[StripeApi, str]]:
    """Start a server in Stripe's place; yield a client of it, and its address."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", respond)
    async with TestServer(application) as server:
        address = str(server.make_url("/"))
        api = StripeApi(KEY, address)
        try:
            yield api, address
        finally:
            await api.close()


def test_version_and_address_are_those_of_the_sdk() -> None:
    assert stripe.api_version == API_VERSION
    assert API_ADDRESS == stripe.DEFAULT_API_BASE


def test_most_authorities_of_the_sdk_are_trusted() -> None:
    ours, theirs = (certificates_in(file) for file in (authorities(), stripe.ca_bundle_path))
    # One that ours has removed may still be in the SDK's list.
    assert len(ours & theirs) > 0.8 * len(theirs) > 0


def certificates_in(file: str) -> set[str]:
    return set(
        re.findall(r"-----BEGIN CERTIFICATE-----(.*?)-----END", Path(file).read_text(), re.S)
    )


@given(PARAMS)
def test_parameters_are_encoded_as_by_the_sdk(params: dict[str, Any]) -> None:
    by_sdk = urlencode(list(_api_encode(params))).replace("%5B", "[").replace("%5D", "]")

    assert encoded(params) == by_sdk


async def test_a_request_is_the_one_that_the_sdk_sends() -> None:
    seen: list[tuple[str, str, str, Mapping[str, str]]] = []

    async def record(request: web.Request) -> web.Response:
        names = ("Authorization", "Stripe-Version", "Idempotency-Key", "Content-Type")
        headers = {name: request.headers[name] for name in names if name in request.headers}
        body = (await request.read()).decode()
        seen.append((request.method, str(request.rel_url), body, headers))
        return web.json_response({})

    charge = {"amount": 1999, "metadata": {"order_id": "ü &=["}, "expand": ["latest_charge"]}
    search = {"query": 'metadata["payment_id"]:"p 1"', "created": {"gte": 1}, "confirm": True}
    async with serving(record) as (api, address):
        await api.post("/v1/payment_intents", 10, "key-1", **charge)
        await api.get("/v1/charges/search", 10, **search)
        await api.get("/v1/refunds", 10)
        http = stripe.AIOHTTPClient()
        client = stripe.StripeClient(
            KEY, base_addresses={"api": address.rstrip("/")}, http_client=http
        )
        options: Any = {"idempotency_key": "key-1"}
        await client.raw_request_async("post", "/v1/payment_intents", **charge, **options)
        await client.raw_request_async("get", "/v1/charges/search", **search)
        await client.raw_request_async("get", "/v1/refunds")
        await http.close_async()  # type: ignore[no-untyped-call]

    assert seen[:3] == seen[3:]


async def test_every_post_has_a_key_and_nothing_is_told_about_this_host() -> None:
    seen: list[web.Request] = []

    async def record(request: web.Request) -> web.Response:
        seen.append(request)
        response = web.json_response({})
        response.set_cookie("tracked", "yes")
        return response

    async with serving(record) as (api, _):
        await api.post("/v1/payment_intents/pi_1/cancel", 10)
        await api.post("/v1/payment_intents/pi_1/cancel", 10)

    first, second = (each.headers["Idempotency-Key"] for each in seen)
    assert first != second
    assert {"Cookie", "X-Stripe-Client-User-Agent"}.isdisjoint(seen[1].headers)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_and_leaves_the_outcome_unknown(status: int) -> None:
    paths: list[str] = []

    async def redirect(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=status, headers={"Location": "/v1/elsewhere"})

    async with serving(redirect) as (api, _):
        with pytest.raises(OutcomeUnknown, match=str(status)):
            await api.post("/v1/charges", 10, "key", amount=1)
        with pytest.raises(OutcomeUnknown, match=str(status)):
            await api.get("/v1/charges", 10)

    assert paths == ["/v1/charges"] * 2


@pytest.mark.parametrize("compressed", [False, True])
async def test_a_reply_is_read_up_to_a_limit_compressed_or_not(
    monkeypatch: pytest.MonkeyPatch, compressed: bool
) -> None:
    monkeypatch.setattr(wire, "MAX_REPLY_BYTES", 100_000)

    async def respond(request: web.Request) -> web.Response:
        content = json.dumps({"text": "x" * int(request.query["size"])}).encode()
        if not compressed:
            return web.Response(body=content)
        assert "gzip" in request.headers["Accept-Encoding"]
        return web.Response(body=gzip.compress(content), headers={"Content-Encoding": "gzip"})

    async with serving(respond) as (api, _):
        assert len((await api.get("/v1/charges", 10, size=90_000))["text"]) == 90_000
        with pytest.raises(OutcomeUnknown, match="no readable reply"):
            await api.get("/v1/charges", 10, size=10_000_000)


@pytest.mark.parametrize(
    "content",
    [b"", b"null", b"[]", b'"text"', b"<html>", b"{", b"\xff", b"[" * 100_000, b'{"a": NaN'],
)
async def test_a_reply_that_is_no_object_leaves_the_outcome_unknown(content: bytes) -> None:
    async def respond(_request: web.Request) -> web.Response:
        return web.Response(body=content, headers={"Request-Id": "req_1"})

    async with serving(respond) as (api, _):
        with pytest.raises(OutcomeUnknown, match=r"Stripe replied 200 \(req_1\)"):
            await api.get("/v1/charges", 10)


async def test_an_object_that_is_not_unicode_does_not_hide_the_others_of_a_list() -> None:
    async def respond(_request: web.Request) -> web.Response:
        return web.Response(body=b'{"data": [{"id": "\\ud800"}, {"id": "ch_1"}]}')

    async with serving(respond) as (api, _):
        _, second = [each async for each in api.list("/v1/charges")]

    assert second == {"id": "ch_1"}
