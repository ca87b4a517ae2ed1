"""What a fault does to a request and its connection; the faults are listed in faults.py."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from aiohttp import web
from attrs import define, evolve, field

from payments_kit.doubles.faults import Fault, Faults
from payments_kit.doubles.replies import Operation, Reply

HTML: Final = b"<html><head><title>503</title></head><body>upstream connect error</body></html>"

# How often an unanswered connection is checked for a client that has disconnected.
_CHECK_INTERVAL: Final = 0.05


class Execute(Protocol):
    """A request that is ready to be executed."""

    def __call__(self, around: Callable[[Operation], Operation] | None = None) -> Awaitable[Reply]:
        """Execute it once for its idempotency key; `around` wraps its operation."""


@define
class Wire:
    """Replies to requests, with or without a fault.

    `error_of` makes the gateway's error reply of a fault; `late` are requests not yet executed.
    """

    faults: Faults
    error_of: Callable[[Fault], Reply]
    late: set[asyncio.Task[None]] = field(factory=set)

    async def reply(
        self, request: web.Request, fault: Fault | None, execute: Execute
    ) -> web.StreamResponse:
        """Execute a request and reply to it, as its fault requires."""
        if fault is None:
            return _response(await execute())
        match fault.kind:
            case "timeout_before":
                return await _hang(request, fault.seconds)
            case "timeout_after":
                await execute()
                return await _hang(request, fault.seconds)
            case "reset_before":
                return _reset(request)
            case "reset_after":
                await execute()
                return _reset(request)
            case "status_before":
                return _response(await execute(lambda run: self._instead(fault)), fault.html)
            case "status_after":
                return _response(await execute(lambda run: self._after(fault, run)), fault.html)
            case "truncate":
                return await _truncated(request, await execute())
            case "garbage":
                reply = await execute()
                return web.Response(status=200, body=HTML, headers=reply.headers)
            case "slow":
                return _response(await execute(lambda run: self._delayed(fault, run)))
            case "late":
                task = asyncio.create_task(self._execute_later(fault, execute))
                self.late.add(task)
                task.add_done_callback(self.late.discard)
                return _reset(request) if fault.reply == "reset" else await _hang(request, None)

    async def _execute_later(self, fault: Fault, execute: Execute) -> None:
        if fault.holds_key:
            await execute(lambda run: self._delayed(fault, run))
        else:
            await self.faults.delay(fault)
            await execute()
        self.faults.happened["late_executed"] += 1

    def _delayed(self, fault: Fault, run: Operation) -> Operation:
        async def run_later() -> Reply:
            await self.faults.delay(fault)
            return await run()

        return run_later

    def _instead(self, fault: Fault) -> Operation:
        async def fail() -> Reply:
            return self.error_of(fault)

        return fail

    def _after(self, fault: Fault, run: Operation) -> Operation:
        async def run_and_fail() -> Reply:
            await run()
            return evolve(self.error_of(fault), stored=True)

        return run_and_fail

    async def close(self) -> None:
        """Cancel the late requests."""
        for task in self.late:
            task.cancel()
        await asyncio.gather(*self.late, return_exceptions=True)


def _response(reply: Reply, html: bool = False) -> web.Response:
    if html:
        return web.Response(
            status=reply.status, body=HTML, content_type="text/html", headers=reply.headers
        )
    return web.Response(
        status=reply.status,
        body=reply.body,
        headers=reply.headers,
        content_type=reply.content_type,
    )


async def _hang(request: web.Request, seconds: float | None) -> web.StreamResponse:
    """Send nothing until the client disconnects or the time is over; then reset the connection."""
    clock = asyncio.get_running_loop().time
    until = None if seconds is None else clock() + seconds
    while request.transport is not None and not request.transport.is_closing():
        if until is not None and clock() >= until:
            break
        await asyncio.sleep(_CHECK_INTERVAL)
    return _reset(request)


def _reset(request: web.Request) -> web.StreamResponse:
    """End the connection with an RST instead of a FIN."""
    if (transport := request.transport) is not None:
        no_linger = struct.pack("ii", 1, 0)
        if (raw := transport.get_extra_info("socket")) is not None and raw.fileno() != -1:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        transport.abort()
    return web.Response()


async def _truncated(request: web.Request, reply: Reply) -> web.StreamResponse:
    """Send the headers, and half of the announced body."""
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    response.content_type = reply.content_type
    response.content_length = len(reply.body)
    response.force_close()
    await response.prepare(request)
    await response.write(reply.body[: len(reply.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
