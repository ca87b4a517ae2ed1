"""The routes that are called without Litestar's layers: which they are, and that nobody notices."""

from typing import Any

import pytest
from litestar.handlers import HTTPRouteHandler, get, post

from entrypoints.http.connection_parts import encoded
from entrypoints.http.direct_routes import DIRECT, DirectRoutes
from entrypoints.http.replies import json_reply
from entrypoints.http.responses import ReplyResponse, to_response
from tests.entrypoints.http.service import serving
from tests.entrypoints.http.world import Client


async def show(request: Any, thing: str) -> ReplyResponse:
    return to_response(json_reply(200, thing))


async def create(request: Any) -> ReplyResponse:
    return to_response(json_reply(201, None))


HANDLERS: list[HTTPRouteHandler] = [
    get("/things/{thing:str}", opt=DIRECT)(show),
    post("/things", opt=DIRECT)(create),
    get("/things/all")(create),
    get("/others")(create),
    get("/others/{thing:str}")(show),
    post("/things/{thing:str}/parts")(show),
]


@pytest.mark.parametrize(
    ("method", "path", "template"),
    [
        ("GET", "/things/7", "/things/{thing}"),
        ("POST", "/things", "/things"),
        *(("GET", path, None) for path in ("/things", "/things/", "/things/all", "/things/7/")),
        *(
            ("GET", path, None)
            for path in ("/others", "/others/7", "/", "", "*", "/things/7/parts")
        ),
        *(("POST", path, None) for path in ("/things/7", "/things/7/parts")),
        *((method, "/things/7", None) for method in ("HEAD", "OPTIONS", "DELETE", "get")),
    ],
)
def test_only_a_direct_route_is_found_by_its_method_and_path(
    method: str, path: str, template: str | None
) -> None:
    found = DirectRoutes.of(HANDLERS).find(method, path)

    assert (found and found.template) == template
    assert not found or found.parameters == (
        {"thing": "7"} if template == "/things/{thing}" else {}
    )


async def test_a_reply_of_the_server_is_the_one_that_an_asgi_server_would_send(
    client: Client,
) -> None:
    async with serving() as service, service.client() as process:
        for method in ("GET", "HEAD"):
            in_one_write = await process.request(method, "/health/live")
            in_two = await client.request(method, "/health/live")
            assert in_one_write.content == in_two.content
            theirs, ours = dict(in_two.headers), dict(in_one_write.headers)
            assert ours.pop("x-request-id") != theirs.pop("x-request-id")
            assert ours.pop("date")
            assert ours == theirs


def test_a_header_that_would_begin_another_one_is_not_sent() -> None:
    reply = json_reply(201, None, {"Location": "/things/7\r\nset-cookie: a=b"})
    with pytest.raises(ValueError, match="control character"):
        encoded(reply, ())


async def test_other_methods_of_a_direct_path_are_refused_by_litestar(client: Client) -> None:
    reply = await client.delete("/api/payments")

    assert reply.status_code == 405
    assert reply.headers["allow"] == "GET, HEAD, OPTIONS, POST"
