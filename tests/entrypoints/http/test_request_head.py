"""The head of a request: one spelling of a path, one host, HEAD, and the allowed methods."""

import re

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrypoints.http.request_head import is_canonical
from tests.entrypoints.http.service import serving
from tests.entrypoints.http.world import OPERATOR, Client, HttpWorld, pay, signed_in

PATHS = ("/metrics", "/health/ready", "/health/live", "/api/payments", "/schema", "/api/payments/x")

OTHER_SPELLINGS = [
    *(
        "//metrics",
        "/metrics/",
        "/%6Detrics",
        "/%6detrics",
        "/METRICS",
        "/metrics;a=b",
        "/metrics%20",
    ),
    *("/%2e/metrics", "/x/%2E%2E/metrics"),
    *("/health%2Fready", "/health%2fready", "/health//ready", "/health/ready//", "/health%5Cready"),
    *("/health/;/ready", "/api//payments", "/api/payments/", "/API/payments", "/%61pi/payments"),
    *(
        "/schema/",
        "/metrics%00",
        "/metrics%252F",
        "/%c0%afmetrics",
        "/metrics%",
        "/metrics%zz",
        "/",
    ),
]


def raw(path: str) -> httpx.URL:
    """Return a URL with exactly this path, which httpx would otherwise normalize."""
    return httpx.URL("http://payments.test").copy_with(raw_path=path.encode())


@pytest.mark.parametrize("path", OTHER_SPELLINGS)
async def test_another_spelling_of_a_path_gets_404(client: Client, path: str) -> None:
    for method in ("GET", "HEAD", "POST", "OPTIONS"):
        response = await client.request(method, raw(path), headers=signed_in())

        assert response.status_code == 404


@pytest.mark.parametrize(
    "path", ["/./metrics", "/x/../metrics", "/metrics/.", "/..", "/.", "", "*"]
)
def test_a_path_has_no_dots_that_httpx_would_remove(path: str) -> None:
    assert not is_canonical(path.encode())


async def test_every_path_has_its_one_spelling(client: Client) -> None:
    for path in PATHS:
        assert is_canonical(path.encode())
    for path in ("/metrics", "/metrics?name=%6D", "/health/ready", "/schema"):
        assert (await client.get(raw(path))).status_code == 200


@given(st.lists(st.sampled_from(["a", "%61", "%2F", "%2f", "%3A", "%", ".", "..", "/", ";", "é"])))
def test_no_two_spellings_of_one_path_are_both_accepted(parts: list[str]) -> None:
    path = ("/" + "".join(parts)).encode()
    unescaped = re.sub(rb"%([0-9A-Fa-f]{2})", lambda each: bytes([int(each[1], 16)]), path)
    simple = re.fullmatch(rb"(/[a-z]+)+", unescaped)
    if simple and path != unescaped:
        assert not is_canonical(path)
    if is_canonical(path) and path != b"/":
        assert b"//" not in path
        assert not path.endswith(b"/")
        assert not re.search(rb"/\.\.?(/|$)|%2[fF]", path)


async def test_head_gets_the_headers_of_get_and_no_body(client: Client) -> None:
    payment_id = (await pay(client)).json()["id"]
    for path in (f"/api/payments/{payment_id}", "/health/live", "/health/ready", "/metrics"):
        get = await client.get(path, headers=signed_in())
        head = await client.head(path, headers=signed_in())

        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == get.headers["content-type"]
        if path != "/metrics":  # which change with each request
            assert head.headers["content-length"] == str(len(get.content))

    metrics = (await client.get("/metrics")).text
    assert 'method="HEAD",route="/api/payments/{payment_id}",status="200"' in metrics


async def test_head_gets_the_status_of_get_for_errors_too(client: Client) -> None:
    for path, status in (("/nope", 404), ("/api/payments/x", 401), ("/api/payments", 401)):
        assert (await client.head(path)).status_code == status


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/payments", "GET, HEAD, OPTIONS, POST"),
        ("/api/payments/x", "GET, HEAD, OPTIONS"),
        ("/api/payments/x/refunds", "OPTIONS, POST"),
        ("/health/live", "GET, HEAD, OPTIONS"),
        ("/metrics", "GET, HEAD, OPTIONS"),
        ("/schema", "GET, HEAD, OPTIONS"),
    ],
)
async def test_options_and_405_name_every_method(client: Client, path: str, methods: str) -> None:
    options = await client.options(path)
    refused = await client.put(path, headers=OPERATOR)

    assert (options.status_code, refused.status_code) == (204, 405)
    assert options.headers["allow"] == refused.headers["allow"] == methods


async def test_trace_is_no_method(client: Client) -> None:
    for path in ("/api/payments", "/health/live", "/nothing"):
        assert (await client.request("TRACE", path)).status_code in (404, 405)


HEADS: list[tuple[int, list[str]]] = [
    (200, ["GET /health/live HTTP/1.1", "Host: a"]),
    (200, ["GET http://a/health/live HTTP/1.1", "Host: a"]),
    (200, ["GET /health/live HTTP/1.0"]),
    (400, ["GET /health/live HTTP/1.0", "Host: a", "Host: a"]),
    (400, ["GET /health/live HTTP/1.1"]),
    (400, ["GET /health/live HTTP/1.1", "Host:"]),
    (400, ["GET /health/live HTTP/1.1", "Host: a", "Host: b"]),
    (400, ["GET /health/live HTTP/1.1", "Host: a", "Host: a"]),
    (400, ["GET /health/live HTTP/1.1", "Host: a b"]),
    (400, ["GET /health/live HTTP/1.1", "Host: a/b"]),
    (400, ["GET /api/payments HTTP/1.1", "Host: a b"]),
    (400, ["GET /metrics HTTP/1.1", "Host: a/b"]),
    (200, ["GET /health/live HTTP/1.1", "Host: [::1]:3000"]),
    (404, ["GET //health/live HTTP/1.1", "Host: a"]),
    (404, ["GET http://a//health/live HTTP/1.1", "Host: a"]),
    (404, ["OPTIONS * HTTP/1.1", "Host: a"]),
    (400, ["GET /health/live# HTTP/1.1", "Host: a"]),
    (400, ["GET /metrics?a#b HTTP/1.1", "Host: a"]),
    (505, ["GET /health/live HTTP/0.9"]),
    (505, ["GET /health/live"]),
    (505, ["GET /health/live HTTP/2.0", "Host: a"]),
    (501, ["POST /api/payments HTTP/1.1", "Host: a", "Transfer-Encoding: gzip, chunked"]),
]


async def test_a_request_has_one_path_one_host_one_transfer_coding_and_a_version_of_http_1() -> (
    None
):
    async with serving() as service:
        for status, lines in HEADS:
            request = "\r\n".join([*lines, "Connection: close", "", ""])
            response = await service.send(request.encode())

            assert response.startswith(f"HTTP/1.1 {status} ".encode()), lines
            assert b"nosniff" in response


async def test_a_query_that_names_the_order_twice_is_refused(world: HttpWorld) -> None:
    async with world.client() as client:
        response = await client.get("/api/payments?orderId=order-1&orderId=2", headers=signed_in())

    assert response.status_code == 400
