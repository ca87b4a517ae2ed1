"""The demo's web server, without a payments service or a broker behind it."""

import re
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import aiohttp
import jwt
import pytest

from payments_kit.demo.bank import WalletSession
from payments_kit.demo.orders_service import OrdersService
from payments_kit.demo.payments_client import CUSTOMER, Keys, PaymentsClient
from payments_kit.demo.web import FILES, open_listener, origins_of, port_of, serve_page
from payments_kit.demo.web_replies import STATIC
from payments_kit.servers.processes import free_port

KEYS = Keys(jwt_key="k" * 32, operator_key="o" * 32)


class NoBank:
    """A bank that nobody asks."""

    async def decide(self, payment_id: str, approved: bool, notifies: bool = True) -> None:
        raise AssertionError(f"unexpected decision about {payment_id}")

    async def settle_debit(self, payment_id: str) -> None:
        raise AssertionError(f"unexpected payment of {payment_id}")

    async def find_session(self, token: str) -> WalletSession | None:
        return None

    async def approve(self, token: str) -> bool:
        raise AssertionError(f"unexpected approval of {token}")


def serve(
    payments: PaymentsClient, listener: socket.socket | None = None
) -> AbstractAsyncContextManager[int]:
    orders = OrdersService(f"nats://127.0.0.1:{free_port()}")
    return serve_page(orders, payments, NoBank(), listener or open_listener(0))


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with (
        PaymentsClient(f"http://127.0.0.1:{free_port()}", KEYS) as payments,
        serve(payments) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        yield session


def test_it_uses_another_port_if_the_requested_one_is_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with open_listener(port) as listener:
            assert port_of(listener) != port
            assert f"http://127.0.0.1:{port_of(listener)}" in origins_of(listener)


async def test_it_reports_that_the_service_does_not_respond(browser: aiohttp.ClientSession) -> None:
    async with browser.get("/api/payments?orderId=1") as reply:
        assert reply.status == 502
        assert "does not respond" in (await reply.json())["errors"][0]["message"]


async def test_an_open_page_does_not_delay_its_shutdown() -> None:
    async with aiohttp.ClientSession() as browser:
        async with serve(PaymentsClient("http://127.0.0.1:1", KEYS)) as port:
            stream = await browser.get(f"http://127.0.0.1:{port}/state")
            assert await stream.content.readline() == b'data: {"orders":[],"events":[]}\n'
        assert await stream.content.read() == b"\n"


@pytest.mark.parametrize("path", ["/", *(f"/{name}" for name in FILES)])
async def test_its_files_forbid_content_of_other_origins_and_inline_scripts(
    browser: aiohttp.ClientSession, path: str
) -> None:
    async with browser.get(path) as reply:
        assert reply.status == 200
        text, policy = await reply.text(), reply.headers["Content-Security-Policy"]
    assert {"default-src 'none'", "script-src 'self'"} <= set(policy.split("; "))
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on[a-z]+=", text)


def test_it_serves_all_its_files() -> None:
    assert {"index.html", "bank.html", "approve.html", *FILES} == {
        each.name for each in STATIC.iterdir()
    }


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        *(("Host", f"{host}:8080", 200) for host in ("127.0.0.1", "localhost", "[::1]")),
        ("Host", "elsewhere.example", 403),
        ("Origin", "http://elsewhere.example", 403),
        ("Origin", "{own}", 200),
    ],
)
async def test_only_its_own_page_may_send_requests(
    browser: aiohttp.ClientSession, name: str, value: str, status: int
) -> None:
    async with browser.get("/page.js") as own:
        header = value.format(own=own.url.origin())
    async with browser.get("/", headers={name: header}) as reply:
        assert reply.status == status


async def test_it_rejects_invalid_orders(browser: aiohttp.ClientSession) -> None:
    prices = (0, -1, 0.001, 1e9, "NaN", None)
    for body in ([], *({"price": price, "seconds": 60} for price in prices)):
        async with browser.post("/orders", json=body) as reply:
            assert reply.status == 400, body
    body = {"price": 1, "seconds": 60, "capture": "later"}
    async with browser.post("/orders", json=body) as reply:
        assert reply.status == 400
    for action in ("cancel", "ship"):
        async with browser.post(f"/orders/no-such-order/{action}", json={}) as reply:
            assert reply.status == 404


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?payment=1",
        "?returnUrl={own}",
        "?payment=..%2Foptions&returnUrl={own}",
        "?payment=1&returnUrl=http://elsewhere.example/",
        "?payment=1&returnUrl=//elsewhere.example/",
        "?payment=1&returnUrl=http://elsewhere.example@127.0.0.1/",
        "?payment=1&returnUrl=javascript:alert(1)",
        "?payment=1&returnUrl=http://[",
    ],
)
async def test_the_bank_sends_nobody_to_another_page_than_the_shop(
    browser: aiohttp.ClientSession, query: str
) -> None:
    async with browser.get("/page.js") as own:
        path = "/bank" + query.format(own=own.url.origin())
    for method in ("GET", "POST"):
        async with browser.request(method, path, allow_redirects=False) as reply:
            assert reply.status == 404
            assert "Location" not in reply.headers


async def test_it_rejects_invalid_refunds(browser: aiohttp.ClientSession) -> None:
    bodies: list[object] = [[], *({"amount": amount} for amount in (0, -1, 0.5, "all"))]
    for body in bodies:
        async with browser.post("/payments/1/refunds", json=body) as reply:
            assert reply.status == 400, body
    async with browser.post("/payments/1/refunds", json={"amount": 1}) as reply:
        assert reply.status == 502


async def test_it_shows_what_a_call_from_a_terminal_needs(browser: aiohttp.ClientSession) -> None:
    async with browser.get("/credentials") as reply:
        credentials = await reply.json()
    claims = jwt.decode(credentials["jwt"], KEYS.jwt_key, algorithms=["HS256"])
    assert claims["id"] == CUSTOMER.id
    assert credentials["operatorKey"] == KEYS.operator_key
    assert credentials["address"].startswith("http://127.0.0.1:")


def test_its_keys_are_not_shown() -> None:
    assert "kkk" not in repr(KEYS)
    assert "ooo" not in repr(KEYS)


@pytest.mark.parametrize("query", ["", "?session=", "?session=no-such-session", "?session=..%2F"])
async def test_the_wallet_shows_only_sessions_of_the_gateway(
    browser: aiohttp.ClientSession, query: str
) -> None:
    for method in ("GET", "POST"):
        async with browser.request(method, f"/approve{query}", allow_redirects=False) as reply:
            assert reply.status == 404
