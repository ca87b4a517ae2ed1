"""The front itself, without a service behind it."""

import base64
import json
import socket

import aiohttp
import jwt
import pytest

from payments_kit.demo.orders import OrdersSide
from payments_kit.demo.service import CUSTOMER, Keys, PaymentsService
from payments_kit.demo.web import serving
from payments_kit.servers.processes import free_port

KEYS = Keys(jwt_key="k" * 32, operator_key="o" * 32)


async def authenticate(_payment_id: str, _succeeded: bool) -> None:
    raise AssertionError("nobody asked")


def orders() -> OrdersSide:
    return OrdersSide(f"nats://127.0.0.1:{free_port()}")


async def test_it_takes_another_port_where_the_wanted_one_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        service = PaymentsService("http://127.0.0.1:1", KEYS)
        async with serving(orders(), service, authenticate, port) as served:
            assert served != port


async def test_it_says_that_the_service_does_not_answer() -> None:
    async with (
        PaymentsService(f"http://127.0.0.1:{free_port()}", KEYS) as service,
        serving(orders(), service, authenticate, 0) as port,
        aiohttp.ClientSession() as browser,
        browser.get(f"http://127.0.0.1:{port}/api/payments?orderId=1") as answer,
    ):
        assert answer.status == 502
        assert "does not answer" in (await answer.json())["errors"][0]["message"]


async def test_an_open_page_does_not_hold_up_its_end() -> None:
    service = PaymentsService("http://127.0.0.1:1", KEYS)
    async with aiohttp.ClientSession() as browser:
        async with serving(orders(), service, authenticate, 0) as port:
            stream = await browser.get(f"http://127.0.0.1:{port}/state")
            assert await stream.content.readline() == b'data: {"orders":[],"events":[]}\n'
        assert await stream.content.read() == b"\n"


def test_a_session_is_the_seeds_and_the_keys_are_not_shown() -> None:
    name, _, value = KEYS.session(CUSTOMER).partition("=")
    session = json.loads(base64.b64decode(value))
    claims = jwt.decode(session.pop("jwt"), KEYS.jwt_key, algorithms=["HS256"])
    assert (name, session) == ("session", {})
    assert isinstance(claims.pop("iat"), int)
    assert claims == {"id": CUSTOMER.id, "email": CUSTOMER.email}
    assert "kkk" not in repr(KEYS)
    assert "ooo" not in repr(KEYS)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_every_name_of_this_machine_will_do(host: str) -> None:
    service = PaymentsService("http://127.0.0.1:1", KEYS)
    async with (
        serving(orders(), service, authenticate, 0) as port,
        aiohttp.ClientSession() as browser,
        browser.get(f"http://127.0.0.1:{port}/", headers={"Host": f"{host}:{port}"}) as answer,
    ):
        assert answer.status == 200
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
