"""Serve `/health/live`, `/health/ready` and `/metrics` of a worker over HTTP."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from typing import Final

from aiohttp import hdrs, web
from attrs import frozen
from prometheus_client import CollectorRegistry

from entrypoints.http.probes import (
    Check,
    live_reply,
    metrics_text,
    ready_reply,
    stopping_reply,
)
from entrypoints.http.replies import JSON, PROBLEM_JSON, Reply, problem_reply
from entrypoints.worker.loop_health import LIVE_SECONDS, READY_SECONDS, LoopHealth
from entrypoints.worker.metrics import WorkerMetrics

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "",
}

# A scrape takes milliseconds; a worker that stops does not wait for a slow client.
SHUTDOWN_SECONDS: Final = 1.0


class CannotListen(Exception):
    """The probes cannot be served on this address; the text is one line."""


class _NotReady(Exception):
    """A reason not to be ready."""


@frozen
class Probes:
    """What a worker tells about itself."""

    host: str
    port: int
    """0: nowhere."""
    checks: Mapping[str, Check]
    registry: CollectorRegistry
    metrics: WorkerMetrics

    @contextlib.asynccontextmanager
    async def serving(self, health: LoopHealth, stop: asyncio.Event) -> AsyncIterator[None]:
        """Serve until the block ends.

        Raises:
            CannotListen: the address is in use, or not an address of this machine.
        """
        if not self.port:
            yield
            return
        server = web.Server(_Handler(self, health, stop))
        runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            try:
                await web.TCPSite(runner, self.host, self.port).start()
            except OSError as error:
                reason = os.strerror(error.errno).lower() if error.errno else "not an address"
                raise CannotListen(
                    f"cannot listen on HOST={self.host} WORKER_PORT={self.port}: {reason}"
                ) from None
            yield
        finally:
            await runner.cleanup()


@frozen
class _Handler:
    probes: Probes
    health: LoopHealth
    stop: asyncio.Event

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        # The path as it was sent: a proxy that hides one spelling hides them all.
        path = request.raw_path.partition("?")[0]
        if path not in ("/health/live", "/health/ready", "/metrics"):
            return _response(problem_reply(404))
        if request.method not in (hdrs.METH_GET, hdrs.METH_HEAD):
            return _response(problem_reply(405, headers={"Allow": "GET, HEAD"}))
        if path == "/metrics":
            accept = ",".join(request.headers.getall("accept", ()))
            content, media_type = metrics_text(self.probes.registry, accept)
            return web.Response(body=content, headers={**_HEADERS, "Content-Type": media_type})
        return _response(self._live() if path == "/health/live" else await self._ready())

    def _live(self) -> Reply:
        hanging = self.health.late(LIVE_SECONDS)
        return (
            problem_reply(503, checks=dict.fromkeys(hanging, "hangs"))
            if hanging
            else (live_reply())
        )

    async def _ready(self) -> Reply:
        if self.stop.is_set():
            return stopping_reply()
        return await ready_reply({**self.probes.checks, "loops": self._loops_run})

    async def _loops_run(self) -> None:
        if late := self.health.late(READY_SECONDS):
            raise _NotReady(f"no run has ended for long: {', '.join(late)}")


def _response(reply: Reply) -> web.Response:
    media_type = PROBLEM_JSON if reply.is_problem else JSON
    headers = {**_HEADERS, **reply.headers, "Content-Type": media_type}
    return web.Response(body=reply.content, status=reply.status, headers=headers)
