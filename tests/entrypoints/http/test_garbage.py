"""A request that has ended is freed at once: the garbage collector looks for cycles rarely."""

import asyncio
import gc
import json
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from entrypoints.http.app import create_app
from tests.builders import ORDER
from tests.entrypoints.http.world import HttpWorld, signed_in


@pytest.fixture
def uncollected() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


class _Receive:
    """The body of a request; everything that keeps the request keeps this."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __call__(self) -> Any:
        return {"type": "http.request", "body": self._body, "more_body": False}


async def pay(app: Any, order_id: str, headers: dict[str, str]) -> tuple[int, bool]:
    """Send `POST /api/payments`; return the status, and whether the request was freed."""
    body = json.dumps({"token": "tok_visa", "orderId": order_id}).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/payments",
        "raw_path": b"/api/payments",
        "query_string": b"",
        "http_version": "1.1",
        "client": ("127.0.0.1", 5000),
        "headers": [(b"host", b"a"), *((k.encode(), v.encode()) for k, v in headers.items())],
    }
    statuses: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    receive = _Receive(body)
    reference = weakref.ref(receive)
    await app(scope, receive, send)
    del receive
    await asyncio.sleep(0)  # the event loop keeps its last callback until the next one
    [status] = statuses
    return status, reference() is None


@pytest.mark.usefixtures("uncollected")
async def test_a_request_is_freed_when_it_has_ended_however_it_ends() -> None:
    world = HttpWorld()
    await world.create_order()
    app = create_app(world.dependencies())

    assert await pay(app, ORDER, signed_in()) == (201, True)
    assert await pay(app, ORDER, signed_in()) == (409, True)
    assert await pay(app, "unknown", signed_in()) == (404, True)
    assert await pay(app, ORDER, {"authorization": "Bearer a.b.c"}) == (401, True)
    assert await pay(app, ORDER, {"cookie": "session=abc"}) == (401, True)
    assert await pay(app, "", signed_in()) == (400, True)
