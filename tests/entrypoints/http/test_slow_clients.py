"""Clients that take their time: what the service waits for, and for how long."""

import asyncio
import socket

import pytest

from entrypoints.http import server
from entrypoints.http.app import create_app
from tests.entrypoints.http.service import TIMEOUT_SECONDS, serving
from tests.entrypoints.http.test_connection import BODY, COOKIE, LENGTH, LIVE, to_pay
from tests.entrypoints.http.world import HttpWorld

DOCUMENT = LIVE.replace(b"/health/live", b"/schema")


async def read_reply(reader: asyncio.StreamReader) -> None:
    """Read one reply, which must be a success."""
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    size = 0
    while (line := await reader.readline()) != b"\r\n":
        name, _, value = line.partition(b":")
        size = int(value) if name == b"content-length" else size
    await reader.readexactly(size)


async def send_for_ever(client: socket.socket, request: bytes) -> None:
    """Send one request after the other, without reading."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            await loop.sock_sendall(client, request)
            await asyncio.sleep(0.01)


async def test_a_client_that_does_not_read_is_cut_off() -> None:
    async with serving(idle_seconds=0.5) as service:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            address = ("127.0.0.1", service.port)
            await asyncio.get_running_loop().sock_connect(client, address)
            with pytest.raises(ConnectionError):
                await send_for_ever(client, DOCUMENT)


async def test_a_client_that_leaves_a_little_unread_is_cut_off_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So little that the service does not wait for it before it sends more."""
    monkeypatch.setattr(server, "IDLE_SECONDS", 0.2)
    service = server._server(create_app(HttpWorld().dependencies()))
    connections, loop = service.server_state.connections, asyncio.get_running_loop()
    with server.bound_socket("127.0.0.1", 0) as listener, socket.socket() as client:
        running = asyncio.create_task(service.serve([listener]))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await loop.sock_connect(client, listener.getsockname())
            while not connections:  # noqa: ASYNC110 - uvicorn has no event
                await asyncio.sleep(0)
            [connection] = connections
            while not connection.transport.get_write_buffer_size():
                replies = service.server_state.total_requests + 10
                await loop.sock_sendall(client, LIVE * 10)
                while service.server_state.total_requests < replies:  # noqa: ASYNC110
                    await asyncio.sleep(0)
            while connections:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            service.should_exit = True
            await running


async def test_a_client_that_reads_late_but_in_time_keeps_its_connection() -> None:
    """Each time that it does not read is one of its own."""
    count = 40
    async with serving(idle_seconds=2) as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port, limit=2**10)
        writer.write(DOCUMENT * count)
        await asyncio.sleep(0.5)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            for number in range(count + 6):
                if number >= count:
                    await asyncio.sleep(0.4)
                    writer.write(LIVE)
                await read_reply(reader)
        writer.close()


async def test_a_body_may_take_longer_than_a_connection_may_be_idle() -> None:
    async with serving(idle_seconds=0.5) as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(to_pay(COOKIE, LENGTH) + BODY[:5])
        await asyncio.sleep(0.8)
        writer.write(BODY[5:])
        async with asyncio.timeout(TIMEOUT_SECONDS):
            assert (await reader.readline()).startswith(b"HTTP/1.1 201 ")
        writer.close()
