"""The outermost layer: what holds for every request and every answer, errors too."""

import asyncio
import contextlib
import secrets
import time
from http import HTTPStatus
from typing import Any, Final

import structlog
from attrs import define, frozen
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from entrypoints.http.metrics import Metrics
from entrypoints.http.replies import PROBLEM_JSON, problem
from entrypoints.trace_context import use_traceparent

logger = structlog.get_logger(__name__)

_EVERYWHERE: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
)

# Asked every few seconds by machines: not worth a line.
_QUIET: Final = ("/health/", "/metrics")

NO_ROUTE: Final = "none"
"""The route of a request that fits none, in metrics and logs."""


# What is left of a body when its request has been answered is read and thrown away, for so long and
# so much: hanging up on a client that still sends takes the answer from it (RFC 9112, section 9.6).
# A megabyte over 4 Mbit/s takes as long.
LINGER_SECONDS: Final = 2.0
MAX_LEFT_BYTES: Final = 16 * 1024 * 1024


@define
class _Body:
    """What has been received so far."""

    receive: Receive
    ended: bool

    async def __call__(self) -> Any:
        message = await self.receive()
        self.ended = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def throw_away(self) -> None:
        """Read the rest, within bounds."""
        left = MAX_LEFT_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while not self.ended and left > 0:
                    left -= len((await self()).get("body", b""))


@define
class _Answer:
    """What has been sent so far."""

    send: Send
    request_id: str
    status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            named = (b"x-request-id", self.request_id.encode())
            message["headers"] = [*message["headers"], *_EVERYWHERE, named]
        await self.send(message)


@frozen
class RequestMiddleware:
    """Headers, trace, metrics and one line in the log for each request; never what is in it."""

    app: ASGIApp
    metrics: Metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()
        answer = _Answer(send, secrets.token_hex(8))
        body = _Body(receive, ended=not _announces_body(scope))
        with use_traceparent(_header(scope, b"traceparent")), self.metrics.request():
            try:
                await self.app(scope, body, answer)
            except Exception:
                # Litestar answers for its handlers; this is for what goes wrong in itself.
                logger.exception("unexpected", request=answer.request_id)
                if answer.status is None:
                    await _fail(answer)
            self._tell(scope, answer, time.perf_counter() - begun)
        # A body that did not arrive in time has had its time.
        if answer.status != HTTPStatus.REQUEST_TIMEOUT:
            await body.throw_away()

    def _tell(self, scope: Scope, answer: _Answer, seconds: float) -> None:
        route = scope.get("path_template") or NO_ROUTE
        status = answer.status or 0
        method = str(scope.get("method"))
        self.metrics.answered(method, route, status, seconds)
        if not route.startswith(_QUIET) or status >= HTTPStatus.BAD_REQUEST:
            logger.info(
                "request",
                method=method if method.isalpha() else "?",
                route=route,
                status=status,
                ms=round(seconds * 1000, 1),
                request=answer.request_id,
            )


async def _fail(send: Send) -> None:
    content = problem(500).content
    headers = [
        (b"content-type", PROBLEM_JSON.encode()),
        (b"content-length", str(len(content)).encode()),
    ]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": content, "more_body": False})


def _announces_body(scope: Scope) -> bool:
    """Whether a body is on its way: none is where the client waits to be asked for it (`Expect`)."""
    names = {name for name, _ in scope["headers"]}
    return b"expect" not in names and not names.isdisjoint(
        (b"content-length", b"transfer-encoding")
    )


def _header(scope: Scope, name: bytes) -> str | None:
    values = [value for key, value in scope["headers"] if key == name]
    return values[0].decode("latin-1") if len(values) == 1 else None
