"""The service as a process: where it listens, what it cuts off, and how it stops."""

import asyncio
import http.client
import json
import re
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import frozen

from tests.entrypoints.http.world import pay, signed_in

ROOT = Path(__file__).parents[3]
# A process starts in a second; two busy cores may be shared.
ENOUGH_SECONDS = 60.0
GOOD = b'{"token": "tok_visa", "orderId": "order-1"}'


@frozen
class Service:
    """A service that listens."""

    process: Process
    address: str

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def client(self) -> httpx.AsyncClient:
        """A client of it."""
        return httpx.AsyncClient(base_url=self.address, timeout=ENOUGH_SECONDS)

    async def hears(self, word: str) -> None:
        """Wait until the service says that."""
        assert self.process.stdout is not None
        async with asyncio.timeout(ENOUGH_SECONDS):
            line = await self.process.stdout.readline()
        assert line.decode().strip() == word

    async def ends(self) -> int:
        """Wait for its end; its exit code."""
        async with asyncio.timeout(ENOUGH_SECONDS):
            return await self.process.wait()

    async def told(self, request: bytes) -> bytes:
        """All that comes back for these bytes until the service hangs up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            async with asyncio.timeout(ENOUGH_SECONDS):
                return await reader.read()
        finally:
            writer.close()


async def begun(**arguments: Any) -> Process:
    """A process of the service."""
    command = (sys.executable, "-m", "tests.entrypoints.http.program", json.dumps(arguments))
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE, stderr=PIPE)


@asynccontextmanager
async def serving(**arguments: Any) -> AsyncIterator[Service]:
    """A service, as soon as it says where it listens."""
    process = await begun(**arguments)
    try:
        yield Service(process, await _address(process))
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _address(process: Process) -> str:
    assert process.stderr is not None
    async with asyncio.timeout(ENOUGH_SECONDS):
        async for line in process.stderr:
            said = json.loads(line)
            if said["event"] == "listening":
                return str(said["address"])
    raise AssertionError("it ended without listening")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_request_under_way_is_answered_before_the_end(number: signal.Signals) -> None:
    async with serving(charge_seconds=1) as service, service.client() as client:
        request = asyncio.create_task(pay(client))
        await service.hears("charging")
        service.process.send_signal(number)

        answer = await request

        assert answer.status_code == 201
        await service.hears("closed succeeded")
        assert await service.ends() == 0


async def test_a_charge_whose_customer_hung_up_is_finished_before_the_end() -> None:
    async with serving(charge_seconds=1) as service:
        async with service.client() as client:
            request = asyncio.create_task(pay(client))
            await service.hears("charging")
            request.cancel()
            await asyncio.gather(request, return_exceptions=True)
        service.process.terminate()

        await service.hears("closed succeeded")
        assert await service.ends() == 0


async def test_connections_that_ask_for_nothing_do_not_hold_up_the_end() -> None:
    async with serving() as service, service.client() as client:
        assert (await client.get("/health/live")).status_code == 200  # and is kept open
        _, silent = await asyncio.open_connection("127.0.0.1", service.port)
        service.process.terminate()

        await service.hears("closed")
        assert await service.ends() == 0
        silent.close()


async def test_what_does_not_end_is_cut_short_and_everything_closed_all_the_same() -> None:
    async with serving(charge_seconds=50, stop_seconds=0.1) as service, service.client() as client:
        request = asyncio.create_task(pay(client))
        await service.hears("charging")
        service.process.terminate()

        await service.hears("closed processing")
        assert await service.ends() == 0
        await asyncio.gather(request, return_exceptions=True)


async def test_nobody_is_accepted_any_more_once_it_stops() -> None:
    async with serving(charge_seconds=1) as service, service.client() as client:
        request = asyncio.create_task(pay(client))
        await service.hears("charging")
        service.process.terminate()
        assert (await request).status_code == 201

        with pytest.raises(httpx.ConnectError):
            async with service.client() as another:
                await another.get("/health/live")


async def test_two_on_any_port_have_a_port_each() -> None:
    async with serving() as one, serving() as another:
        assert one.port != another.port
        for service in (one, another):
            async with service.client() as client:
                assert (await client.get("/health/live")).status_code == 200


@pytest.mark.parametrize("ours", [True, False])
async def test_a_port_that_is_taken_is_said_in_one_line(ours: bool) -> None:
    async with serving() as service:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = service.port if ours else listener.getsockname()[1]
            process = await begun(port=port)
            async with asyncio.timeout(ENOUGH_SECONDS):
                _, said = await process.communicate()

    assert process.returncode == 1
    detail = f"payments: cannot listen at HOST=127.0.0.1 PORT={port}: address already in use"
    assert said.decode().splitlines() == [detail]


async def test_a_host_that_is_not_here_is_said_in_one_line() -> None:
    process = await begun(host="192.0.2.1")
    async with asyncio.timeout(ENOUGH_SECONDS):
        _, said = await process.communicate()

    assert process.returncode == 1
    assert re.fullmatch(r"payments: cannot listen at HOST=192\.0\.2\.1 PORT=0: .+\n", said.decode())


async def test_a_host_may_have_a_name() -> None:
    async with serving(host="localhost") as service, service.client() as client:
        assert (await client.get("/health/live")).status_code == 200


def head(*more: str) -> bytes:
    """The head of a request to pay."""
    named = {**signed_in(), "host": "payments", "content-type": "application/json"}
    lines = ["POST /api/payments HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join([*lines, *more, "", ""]).encode()


@pytest.mark.parametrize("more", ["content-length: 100", "transfer-encoding: chunked"])
async def test_a_body_that_does_not_arrive_is_cut_off(more: str) -> None:
    async with serving(body_seconds=0.2) as service:
        answer = await service.told(head(more) + b"5\r\n{")

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"nosniff" in answer


async def test_a_head_that_does_not_arrive_is_cut_off() -> None:
    async with serving(head_milliseconds=200) as service:
        assert await service.told(head()[:-2]) == b""
        assert await service.told(b"") == b""


async def test_a_body_that_goes_on_and_on_is_cut_off() -> None:
    async with serving() as service:
        chunks = (b"1000\r\n" + b" " * 0x1000 + b"\r\n") * 5
        answer = await service.told(head("transfer-encoding: chunked") + chunks)

    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("status", "more"),
    [
        (401, ["cookie: session=none"]),
        (404, ["content-type: application/json"]),
        (413, ["content-type: application/json"]),
        (415, ["content-type: text/plain"]),
    ],
)
async def test_an_answer_reaches_a_client_that_is_still_sending(
    status: int, more: list[str]
) -> None:
    def ask() -> int:
        # As plain a client as there is: it sends everything before it reads anything.
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=ENOUGH_SECONDS)
        try:
            connection.request("POST", path, b" " * 5_000_000, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    path = "/nope" if status == 404 else "/api/payments"
    headers = dict(line.split(": ", 1) for line in more)
    if status in {413, 415}:
        headers |= signed_in()
    async with serving() as service:
        assert await asyncio.to_thread(ask) == status


async def test_a_body_in_chunks_is_as_good_as_any() -> None:
    async with serving() as service:
        chunks = f"{len(GOOD):x}\r\n".encode() + GOOD + b"\r\n0\r\n\r\n"
        more = ("transfer-encoding: chunked", "connection: close")
        answer = await service.told(head(*more) + chunks)

    assert answer.startswith(b"HTTP/1.1 201 ")


@pytest.mark.parametrize("body", [b"zz\r\n{}\r\n", b"5\r\n{}\r\n0\r\n\r\n"])
async def test_chunks_that_are_none_are_answered_400(body: bytes) -> None:
    async with serving() as service:
        answer = await service.told(head("transfer-encoding: chunked", "connection: close") + body)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"nosniff" in answer


async def test_no_version_is_told() -> None:
    async with serving() as service, service.client() as client:
        answer = await client.get("/nope")

    assert answer.headers["server"] == "granian"
