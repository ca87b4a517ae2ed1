"""Connections of the service as a process: heads, trailers, and several requests on one."""

import asyncio
import json
import re

import pytest

from entrypoints.http.connection import MAX_HEAD_BYTES, MAX_WAITING
from tests.entrypoints.http.service import TIMEOUT_SECONDS, Service, serving
from tests.entrypoints.http.world import signed_in

BODY = b'{"token": "tok_visa", "orderId": "order-1"}'
CHUNK = b"%x\r\n%s\r\n" % (len(BODY), BODY)
LONG = b"x" * 1024

LIVE = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def to_pay(*lines: str) -> bytes:
    """Return the head of a request to pay, with these header lines at its end."""
    first = ("POST /api/payments HTTP/1.1", "Host: a", "Content-Type: application/json")
    return "\r\n".join([*first, *lines, "", ""]).encode()


COOKIE = f"Cookie: {signed_in()['cookie']}"
CHUNKED = "Transfer-Encoding: chunked"
LENGTH = f"Content-Length: {len(BODY)}"


async def statuses(service: Service, request: bytes) -> list[int]:
    """Return the statuses of all replies until the service ends the connection."""
    replies = await service.send(request)
    assert replies.count(b"nosniff") == replies.count(b"HTTP/1.1 ")
    return [int(each) for each in re.findall(rb"HTTP/1\.1 (\d{3}) ", replies)]


async def first_reply(service: Service, request: bytes) -> int:
    """Return the status of the reply to a request that the service does not read to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(request)
    async with asyncio.timeout(TIMEOUT_SECONDS):
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        assert length is not None
        problem = json.loads(await reader.readexactly(int(length[1])))
    writer.close()
    assert b"nosniff" in head
    assert head.startswith(b"HTTP/1.1 %d " % problem["status"])
    return int(problem["status"])


async def test_a_head_above_the_limit_is_refused_however_it_is_divided() -> None:
    size = 4 * MAX_HEAD_BYTES // len(LONG)
    async with serving() as service:
        for head in (
            b"GET /" + LONG * size,
            LIVE[:-2] + b"X: " + LONG * size,
            LIVE[:-2] + (b"X: " + LONG + b"\r\n") * size,
        ):
            assert await first_reply(service, head) == 431


async def test_a_head_with_a_long_token_is_accepted() -> None:
    async with serving() as service:
        lines = (f"X-Token: {'x' * (MAX_HEAD_BYTES // 2)}", "Connection: close")
        request = to_pay(COOKIE, LENGTH, *lines) + BODY

        assert await statuses(service, request) == [201]


async def test_trailers_are_no_headers_and_have_the_same_limit() -> None:
    async with serving() as service:
        trailers = f"{COOKIE}\r\n\r\n".encode()
        assert await statuses(service, to_pay(CHUNKED) + CHUNK + b"0\r\n" + trailers + LAST) == [
            *(401, 200)
        ]
        endless = b"X: " + LONG * (4 * MAX_HEAD_BYTES // len(LONG))
        request = to_pay(COOKIE, CHUNKED) + CHUNK + b"0\r\n" + endless
        assert await first_reply(service, request) == 431
        assert await statuses(service, to_pay(COOKIE, LENGTH) + BODY + LAST) == [201, 200]


@pytest.mark.parametrize("rest", [b"\0", b"what is this?\r\n\r\n", BODY])
async def test_a_complete_request_gets_its_own_reply_if_something_else_follows(
    rest: bytes,
) -> None:
    async with serving() as service:
        assert await statuses(service, to_pay(COOKIE, LENGTH) + BODY + rest) == [201]
        assert await statuses(service, LIVE + LIVE + rest) == [200, 200]


async def test_what_is_not_http_gets_400_as_a_problem() -> None:
    async with serving() as service:
        for request in (
            b"\0",
            b"what is this?\r\n\r\n",
            b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ):
            assert await first_reply(service, request) == 400


async def test_requests_that_are_sent_at_once_get_their_replies_in_order() -> None:
    missing = LIVE.replace(b"/health/live", b"/nope")
    async with serving() as service:
        request = LIVE + to_pay(COOKIE, LENGTH) + BODY + missing + LAST

        assert await statuses(service, request) == [200, 201, 404, 200]


async def test_lengths_that_contradict_each_other_are_refused() -> None:
    async with serving() as service:
        for lines in ((LENGTH, "Content-Length: 1"), (LENGTH, CHUNKED), ("Content-Length: +3",)):
            assert await statuses(service, to_pay(COOKIE, *lines) + BODY) == [400]


@pytest.mark.parametrize("framing", [LENGTH, CHUNKED])
async def test_a_request_to_upgrade_is_handled_as_http_1_with_its_body_and_nothing_else(
    framing: str,
) -> None:
    """As the clients of the JDK send it; what follows it does not reach the service."""
    body = BODY if framing == LENGTH else CHUNK + b"0\r\n\r\n"
    lines = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAA")
    paid = to_pay(COOKIE, framing, *lines) + body
    async with serving() as service:
        assert await statuses(service, LIVE + paid + LAST + paid) == [200, 201]
        assert await statuses(service, paid) == [409]
        assert await statuses(service, to_pay(COOKIE, CHUNKED, *lines) + b"zz\r\n") == [400]
        websocket = b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        assert await statuses(service, LIVE[:-2] + websocket) == [200]


async def test_a_request_to_upgrade_is_cut_off_if_its_body_does_not_arrive() -> None:
    request = to_pay(COOKIE, LENGTH, "Connection: Upgrade", "Upgrade: h2c") + BODY[:5]
    async with serving(body_seconds=0.2) as service:
        assert await statuses(service, request) == [408]


async def test_a_request_to_upgrade_may_arrive_in_pieces() -> None:
    lines = ("Connection: Upgrade", "Upgrade: h2c")
    request = to_pay(COOKIE, LENGTH, *lines) + BODY
    async with serving() as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        for at in range(0, len(request), 40):
            writer.write(request[at : at + 40])
            await asyncio.sleep(0.01)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            assert (await reader.read()).startswith(b"HTTP/1.1 201 ")
        writer.close()


async def test_a_client_that_waits_for_100_continue_gets_it() -> None:
    lines = (LENGTH, "Expect: 100-continue", "Connection: close")
    async with serving() as service:
        reply = await service.send(to_pay(COOKIE, *lines) + BODY)

    assert reply.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 ")


async def test_a_client_of_http_1_0_is_not_told_to_continue() -> None:
    """It would take that for the response (RFC 9110, section 10.1.1)."""
    async with serving() as service:
        request = to_pay(COOKIE, LENGTH, "Expect: 100-continue").replace(b"HTTP/1.1", b"HTTP/1.0")
        assert await statuses(service, request + BODY) == [201]


async def test_white_space_after_a_value_is_no_part_of_it() -> None:
    lines = (f"{LENGTH} \t", "Expect: 100-continue ", "Connection: close ")
    async with serving() as service:
        reply = await service.send(to_pay(COOKIE, *lines) + BODY)

    assert reply.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 ")


async def test_the_limit_of_a_head_is_the_same_however_its_bytes_arrive() -> None:
    start = LAST[:-2] + b"X: "
    at_limit = start + b"x" * (MAX_HEAD_BYTES - len(start) - 4) + b"\r\n\r\n"
    async with serving() as service:
        assert await statuses(service, at_limit) == [200]
        for pause in (0.0, 0.01):
            reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
            writer.write(start + b"x" * 1000)
            await asyncio.sleep(pause)
            writer.write(b"x" * 2 * MAX_HEAD_BYTES + b"\r\n\r\n")
            async with asyncio.timeout(TIMEOUT_SECONDS):
                assert (await reader.read()).startswith(b"HTTP/1.1 431 ")
            writer.close()


async def test_what_is_refused_has_an_id_and_is_counted() -> None:
    async with serving() as service:
        reply = await service.send(b"\0")
        metrics = (await service.send(LAST.replace(b"/health/live", b"/metrics"))).decode()

    assert re.search(rb"\r\nx-request-id: [0-9a-f]+\r\n", reply)
    assert 'payments_http_requests_total{method="other",route="none",status="400"} 1.0\n' in metrics


@pytest.mark.parametrize("rest", [b"", LIVE[:9], to_pay(COOKIE, LENGTH) + BODY[:5]])
async def test_a_client_that_has_ended_its_side_gets_the_replies_to_complete_requests(
    rest: bytes,
) -> None:
    async with serving(charge_seconds=0.5) as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(LIVE + to_pay(COOKIE, LENGTH) + BODY + rest)
        writer.write_eof()
        async with asyncio.timeout(TIMEOUT_SECONDS):
            replies = await reader.read()
        writer.close()

        assert re.findall(rb"HTTP/1\.1 (\d{3}) ", replies) == [b"200", b"201"]
        assert await statuses(service, to_pay(COOKIE, LENGTH) + BODY + LAST) == [409, 200]


async def test_an_invalid_body_does_not_cost_the_requests_before_it_their_replies() -> None:
    async with serving(charge_seconds=0.5) as service:
        invalid = to_pay(COOKIE, CHUNKED) + b"zz\r\n"
        paid = to_pay(COOKIE, LENGTH) + BODY
        assert await statuses(service, paid + LIVE + invalid) == [201, 200]


async def test_requests_that_wait_on_one_connection_are_limited() -> None:
    async with serving() as service:
        replies = await statuses(service, LIVE * 4 * MAX_WAITING)

    assert MAX_WAITING < len(replies) < 4 * MAX_WAITING
    assert set(replies) == {200}
