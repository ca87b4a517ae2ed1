"""The service as a process: where it listens, what it cuts off, and how it stops."""

import asyncio
import http.client
import re
import signal
import socket

import httpx
import pytest

from entrypoints.http import server
from tests.entrypoints.http.service import TIMEOUT_SECONDS, serving, started
from tests.entrypoints.http.world import pay, signed_in

VALID = b'{"token": "tok_visa", "orderId": "order-1"}'


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_request_in_progress_gets_its_reply_but_no_new_connection_is_accepted(
    number: signal.Signals,
) -> None:
    async with serving(charge_seconds=1) as service, service.client() as client:
        request = asyncio.create_task(pay(client))
        await service.wait_for("charging")
        service.process.send_signal(number)

        assert (await request).status_code == 201
        with pytest.raises(httpx.ConnectError):
            async with service.client() as another:
                await another.get("/health/live")
        await service.wait_for_end("closed succeeded")


async def test_after_sigterm_the_service_is_not_ready_but_serves_until_balancers_have_noticed() -> (
    None
):
    async with serving(drain_seconds=60) as service, service.client() as client:
        assert (await client.get("/health/ready")).status_code == 200
        service.process.terminate()
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while (await client.get("/health/ready")).status_code != 503:
                pass

        async with service.client() as another:
            paid = await pay(another)
            assert (await another.get("/health/live")).status_code == 200
        assert paid.status_code == 201
        assert paid.headers["connection"] == "close"  # the next one goes to another process
        await service.wait_for("charging")
        service.process.terminate()  # again: stop now
        await service.wait_for_end("closed succeeded")


async def test_the_drain_ends_by_itself_and_ctrl_c_does_not_wait_for_it() -> None:
    async with serving(drain_seconds=1) as service:
        service.process.terminate()
        await service.wait_for_end("closed")
    async with serving(drain_seconds=60) as service:
        service.process.send_signal(signal.SIGINT)
        await service.wait_for_end("closed")


def test_an_idle_connection_lives_longer_than_balancers_keep_one() -> None:
    """The 60 s of nginx and of AWS: who closes first must not be the one who receives requests."""
    assert server.IDLE_SECONDS > 60


@pytest.mark.parametrize(
    ("charge_seconds", "drain_seconds", "stop_seconds"),
    [(1, 0, server.STOP_SECONDS), (2, 1, 1.5)],
    ids=["without a drain", "the time to finish begins after the drain"],
)
async def test_a_charge_is_finished_before_the_stop_when_the_customer_has_disconnected(
    charge_seconds: float, drain_seconds: int, stop_seconds: float
) -> None:
    async with serving(
        charge_seconds=charge_seconds, drain_seconds=drain_seconds, stop_seconds=stop_seconds
    ) as service:
        async with service.client() as client:
            request = asyncio.create_task(pay(client))
            await service.wait_for("charging")
            request.cancel()
            await asyncio.gather(request, return_exceptions=True)
        service.process.terminate()

        await service.wait_for_end("closed succeeded")


async def test_idle_connections_do_not_delay_the_stop() -> None:
    async with serving() as service, service.client() as client:
        assert (await client.get("/health/live")).status_code == 200  # then kept alive
        _, silent = await asyncio.open_connection("127.0.0.1", service.port)
        service.process.terminate()

        await service.wait_for_end("closed")
        silent.close()


@pytest.mark.parametrize(
    ("charge_seconds", "stop_seconds"),
    [(50, 0.1), (4, 2.5)],
    ids=["long", "shorter than twice the time to stop"],
)
async def test_a_request_that_takes_too_long_is_abandoned_and_everything_is_closed(
    charge_seconds: float, stop_seconds: float
) -> None:
    async with (
        serving(charge_seconds=charge_seconds, stop_seconds=stop_seconds) as service,
        service.client() as client,
    ):
        request = asyncio.create_task(pay(client))
        await service.wait_for("charging")
        service.process.terminate()

        await service.wait_for_end("closed processing")
        await asyncio.gather(request, return_exceptions=True)


async def test_a_service_that_fails_by_itself_closes_everything_and_exits_with_1() -> None:
    async with started(fails_to_serve=True) as process:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            assert (await process.stdout.readline()).strip() == b"closed"
            code, stderr = await process.end()

    assert code == 1
    assert "the HTTP service failed" in stderr
    assert "ZeroDivisionError" in stderr


async def test_port_0_is_any_free_port_and_the_host_may_be_a_name() -> None:
    async with serving() as one, serving(host="localhost") as another:
        assert one.port != another.port
        for service in (one, another):
            async with service.client() as client:
                response = await client.get("/nope")
            assert response.status_code == 404
            assert "server" not in response.headers


async def test_an_address_that_cannot_be_used_is_reported_in_one_line() -> None:
    async with serving() as service:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            for host, port, reason in (
                ("127.0.0.1", service.port, "address already in use"),
                ("127.0.0.1", listener.getsockname()[1], "address already in use"),
                ("192.0.2.1", 0, ".+"),
            ):
                async with started(host=host, port=port) as process:
                    async with asyncio.timeout(TIMEOUT_SECONDS):
                        code, stderr = await process.end()

                assert code == 1
                message = f"payments: cannot listen on HOST={host} PORT={port}: {reason}\n"
                assert re.fullmatch(message, stderr)


def head(*lines: str) -> bytes:
    """Return the head of a request to pay, with these header lines at its end."""
    headers = {**signed_in(), "host": "payments", "content-type": "application/json"}
    first = ["POST /api/payments HTTP/1.1", *(f"{name}: {headers[name]}" for name in headers)]
    return "\r\n".join([*first, *lines, "", ""]).encode()


CHUNKED, CLOSE = "transfer-encoding: chunked", "connection: close"
ENDLESS = (b"1000\r\n" + b" " * 0x1000 + b"\r\n") * 5


@pytest.mark.parametrize(
    ("lines", "body", "status"),
    [
        (["content-length: 100"], b"5\r\n{", 408),
        ([CHUNKED], b"5\r\n{", 408),
        ([CHUNKED], ENDLESS, 413),
        ([CHUNKED, CLOSE], f"{len(VALID):x}\r\n".encode() + VALID + b"\r\n0\r\n\r\n", 201),
        ([CHUNKED, CLOSE], b"zz\r\n{}\r\n", 400),
        ([CHUNKED, CLOSE], b"5\r\n{}\r\n0\r\n\r\n", 400),
    ],
    ids=["incomplete", "incomplete-chunk", "endless", "valid", "invalid-size", "wrong-size"],
)
async def test_an_incomplete_or_endless_body_is_cut_off_and_a_chunked_one_accepted_if_valid(
    lines: list[str], body: bytes, status: int
) -> None:
    async with serving(body_seconds=0.2 if status == 408 else 20) as service:
        response = await service.send(head(*lines) + body)

    assert response.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"nosniff" in response


async def test_an_idle_connection_and_a_head_that_does_not_arrive_are_cut_off() -> None:
    async with serving(idle_seconds=0.2) as service:
        assert await service.send(head()[:-2]) == b""
        assert await service.send(b"") == b""


@pytest.mark.parametrize(
    ("status", "path", "headers"),
    [
        (401, "/api/payments", {"cookie": "session=none"}),
        (404, "/nope", {"content-type": "application/json"}),
        (413, "/api/payments", {"content-type": "application/json", **signed_in()}),
        (415, "/api/payments", {"content-type": "text/plain", **signed_in()}),
    ],
)
async def test_a_client_that_sends_everything_before_it_reads_gets_the_response(
    status: int, path: str, headers: dict[str, str]
) -> None:
    def request() -> int:
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("POST", path, b" " * 5_000_000, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    async with serving() as service:
        assert await asyncio.to_thread(request) == status
