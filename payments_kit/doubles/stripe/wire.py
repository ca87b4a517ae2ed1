"""What a fault does to a request and its connection."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from aiohttp import web
from attrs import define, evolve, field

from .errors import by_status
from .faults import Fault, Faults
from .idempotency import Answer

Operation = Callable[[], Awaitable[Answer]]
HTML = b"<html><head><title>503</title></head><body>upstream connect error</body></html>"
# How often a held connection is looked at, to notice that its client has left.
CHECK_INTERVAL = 0.05


class Execute(Protocol):
    """Run the call once under its Idempotency-Key, its operation wrapped by `around`."""

    def __call__(
        self, around: Callable[[Operation], Operation] | None = None
    ) -> Coroutine[Any, Any, Answer]: ...


@define
class Wire:
    """Answers requests, with or without a fault."""

    faults: Faults
    encode: Callable[[BaseException], Answer]
    late: set[asyncio.Task[None]] = field(factory=set)

    async def answer(
        self, request: web.Request, fault: Fault | None, execute: Execute
    ) -> web.StreamResponse:
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
                answer = await execute()
                return web.Response(status=200, body=HTML, headers=answer.headers)
            case "slow":
                return _response(await execute(lambda run: _delayed(fault.seconds or 1.0, run)))
            case "late":
                task = asyncio.create_task(self._land_later(fault, execute))
                self.late.add(task)
                task.add_done_callback(self.late.discard)
                return _reset(request) if fault.reply == "reset" else await _hang(request, None)

    def _instead(self, fault: Fault) -> Operation:
        async def run() -> Answer:
            return self.encode(by_status(fault.status))

        return run

    def _after(self, fault: Fault, run: Operation) -> Operation:
        async def made() -> Answer:
            await run()
            return evolve(self.encode(by_status(fault.status)), stored=True)

        return made

    async def _land_later(self, fault: Fault, execute: Execute) -> None:
        seconds = fault.seconds or 1.0
        if fault.holds_key:
            await execute(lambda run: _delayed(seconds, run))
        else:
            await asyncio.sleep(seconds)
            await execute()
        self.faults.happened["late_landed"] += 1

    async def close(self) -> None:
        for task in self.late:
            task.cancel()
        await asyncio.gather(*self.late, return_exceptions=True)


def _delayed(seconds: float, run: Operation) -> Operation:
    async def later() -> Answer:
        await asyncio.sleep(seconds)
        return await run()

    return later


def _response(answer: Answer, html: bool = False) -> web.Response:
    if html:
        return web.Response(
            status=answer.status, body=HTML, content_type="text/html", headers=answer.headers
        )
    return web.Response(
        status=answer.status,
        body=answer.body,
        headers=answer.headers,
        content_type="application/json",
    )


async def _hang(request: web.Request, seconds: float | None) -> web.StreamResponse:
    """Say nothing, until the client leaves or the time is up; then drop the connection."""
    clock = asyncio.get_running_loop().time
    until = None if seconds is None else clock() + seconds
    while request.transport is not None and not request.transport.is_closing():
        if until is not None and clock() >= until:
            break
        await asyncio.sleep(CHECK_INTERVAL)
    return _reset(request)


def _reset(request: web.Request) -> web.StreamResponse:
    """End the connection with an RST, not a polite FIN."""
    if (transport := request.transport) is not None:
        linger_none = struct.pack("ii", 1, 0)
        if (raw := transport.get_extra_info("socket")) is not None and raw.fileno() != -1:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_none)
        transport.abort()
    return web.Response()


async def _truncated(request: web.Request, answer: Answer) -> web.StreamResponse:
    """The head and half of the body that it announces."""
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_type = "application/json"
    response.content_length = len(answer.body)
    response.force_close()
    await response.prepare(request)
    await response.write(answer.body[: len(answer.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
