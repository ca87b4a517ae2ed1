"""The outermost layer: what holds for every request and every answer, errors too."""

import secrets
import time
from http import HTTPStatus
from typing import Final

import structlog
from attrs import define, frozen
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from entrypoints.http.metrics import Metrics
from entrypoints.http.replies import PROBLEM_JSON, problem
from entrypoints.trace import use_traceparent

logger = structlog.get_logger(__name__)

_EVERYWHERE: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
)

# Asked every few seconds by machines: not worth a line.
_QUIET: Final = ("/health/", "/metrics")

NO_ROUTE: Final = "none"
"""The route of a request that fits none, in metrics and logs."""


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
class Edge:
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
        with use_traceparent(_header(scope, b"traceparent")), self.metrics.request():
            try:
                await self.app(scope, receive, answer)
            except Exception:
                # Litestar answers for its handlers; this is for what goes wrong in itself.
                logger.exception("unexpected", request=answer.request_id)
                if answer.status is None:
                    await _fail(answer)
            self._tell(scope, answer, time.perf_counter() - begun)

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


def _header(scope: Scope, name: bytes) -> str | None:
    values = [value for key, value in scope["headers"] if key == name]
    return values[0].decode("latin-1") if len(values) == 1 else None
