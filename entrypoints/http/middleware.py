"""RequestMiddleware: headers, metrics and the log line of every request, errors included."""

import asyncio
import contextlib
import time
from http import HTTPStatus
from typing import Any, Final, cast

import structlog
from attrs import define, field, frozen
from litestar.enums import HttpMethod, ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from application.log_context import log_context
from entrypoints.http.connection_parts import ALWAYS, CLOSE, NO_PAGE
from entrypoints.http.direct_routes import DirectRoutes
from entrypoints.http.http_request import (
    HAS_ARRIVED,
    SEND_REPLY,
    HeaderValues,
    HttpRequest,
    SendReply,
)
from entrypoints.http.metrics import METHODS, Metrics
from entrypoints.http.probes import PROBES
from entrypoints.http.replies import Reply, problem_reply
from entrypoints.http.request_head import refusal
from entrypoints.http.request_tracing import NoSpans, RequestTracing
from entrypoints.http.stopping import Stopping
from entrypoints.logs import write_line
from entrypoints.trace_context import new_id

logger = structlog.get_logger(__name__)

NO_ROUTE: Final = "none"
"""The route, in metrics and logs, of a request that matches none."""


# The rest of a body that is still arriving after the response was sent is read and discarded, up to
# these limits: if the connection is closed while the client sends, the response can be lost
# (RFC 9112, section 9.6). One megabyte at 4 Mbit/s takes 2 s.
DISCARD_SECONDS: Final = 2.0
MAX_DISCARDED_BYTES: Final = 16 * 1024 * 1024


@define
class _RequestBody:
    """Receives the messages of a request, and records whether its body has ended."""

    receive: Receive
    ended: bool

    async def __call__(self) -> Any:
        message = await self.receive()
        self.ended = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def discard(self) -> None:
        """Read the rest within the limits."""
        left = MAX_DISCARDED_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DISCARD_SECONDS):
                while not self.ended and left > 0:
                    left -= len((await self()).get("body", b""))


@define
class _Response:
    """Sends the messages of a response, adds our headers, and records the status."""

    send: Send
    request_id: str
    request_body: _RequestBody
    has_body: bool
    closes: bool
    """The process stops: a balancer opens its next connection to another one."""
    send_reply: SendReply | None
    status: int | None = None
    is_open: bool = False
    """Whether it is sent, but is not to end before the body of its request."""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [_complete(name, value) for name, value in message["headers"]]
            self._start(message, headers)
        elif message["type"] == "http.response.body":
            if not self.has_body:
                message["body"] = b""
            if not message.get("more_body", False) and not self.request_body.ended:
                message["more_body"] = self.is_open = True
        await self.send(message)

    async def reply(self, reply: Reply) -> None:
        """Send a reply."""
        ended = self.request_body.ended
        if self.send_reply is not None and ended and not self.closes and not reply.is_problem:
            await self.send_reply(reply, [(b"x-request-id", self.request_id.encode())])
            self.status = reply.status
            return
        headers = [
            (b"content-type", reply.media_type.encode()),
            (b"content-length", str(len(reply.content)).encode()),
        ]
        for name, value in reply.headers.items():
            headers.append((name.lower().encode(), value.encode()))
        start: Any = {"type": "http.response.start", "status": reply.status}
        self._start(start, headers)
        await self.send(start)
        content = reply.content if self.has_body else b""
        self.is_open = not self.request_body.ended
        await self.send({"type": "http.response.body", "body": content, "more_body": self.is_open})

    async def end(self) -> None:
        """End the response, after which the server may close the connection."""
        if self.is_open:
            # After a timeout of the body, there is no further wait for the rest.
            if self.status != HTTPStatus.REQUEST_TIMEOUT:
                await self.request_body.discard()
            await self.send({"type": "http.response.body", "body": b"", "more_body": False})

    def _start(self, message: Any, headers: list[tuple[bytes, bytes]]) -> None:
        self.status = message["status"]
        # A page of the console has a policy of its own.
        if all(name.lower() != NO_PAGE[0][0] for name, _ in headers):
            headers += NO_PAGE
        headers += ALWAYS
        if self.closes:
            headers.append(CLOSE)
        headers.append((b"x-request-id", self.request_id.encode()))
        message["headers"] = headers


@frozen
class RequestMiddleware:
    """Adds headers, trace, metrics and one log line to each request; its content is not logged."""

    app: ASGIApp
    routes: DirectRoutes
    metrics: Metrics
    stopping: Stopping
    tracing: RequestTracing = field(factory=NoSpans)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to the application."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        method = str(scope["method"])
        fields = HeaderValues(scope["headers"])
        has_arrived = HAS_ARRIVED in scope
        body = _RequestBody(receive, ended=has_arrived or not _expects_body(fields))
        response = _Response(
            send,
            new_id(),
            body,
            has_body=method != HttpMethod.HEAD,
            closes=self.stopping.has_begun,
            # Not left in the scope, which the server would keep in a cycle of references.
            send_reply=cast(dict[str, Any], scope).pop(SEND_REPLY, None),
        )
        if method == HttpMethod.HEAD:
            # RFC 9110, section 9.3.2: as GET, but without the body. The server keeps its own scope.
            scope = cast(HTTPScope, {**scope, "method": HttpMethod.GET})
        with (
            log_context(request=response.request_id),
            self.tracing.begin(method, scope, fields),
            self.metrics.requests_in_flight,
        ):
            try:
                await self._handle(scope, fields, receive if has_arrived else body, response)
            except Exception:
                # Litestar handles the errors of routes; this one was raised by Litestar itself.
                logger.exception("unexpected error")
                if response.status is None:
                    await response.reply(problem_reply(500))
            self._record(scope, method, response, time.perf_counter() - started)
        await response.end()

    def refuse(self, status: HTTPStatus) -> Reply:
        """Return the reply to what was no request for the server, with its metrics and log line."""
        request_id = new_id()
        with log_context(request=request_id):
            self._count("", NO_ROUTE, status, 0.0)
        return problem_reply(status, headers={"X-Request-Id": request_id})

    async def _handle(
        self, scope: HTTPScope, fields: HeaderValues, body: Receive, response: _Response
    ) -> None:
        refused = refusal(scope, fields)
        if refused is not None:
            await response.reply(refused)
            return
        route = self.routes.find(scope["method"], scope["path"])
        if route is not None:
            scope["path_template"] = route.template
            await response.reply(await route.reply(HttpRequest(scope, body, response, fields)))
            return
        await self.app(scope, body, response)

    def _record(self, scope: Scope, method: str, response: _Response, seconds: float) -> None:
        route, status = scope.get("path_template"), response.status or 0
        self.tracing.replied(scope["path"], route, status)
        self._count(method, route or NO_ROUTE, status, seconds)

    def _count(self, method: str, route: str, status: int, seconds: float) -> None:
        self.metrics.count_request(method, route, status, seconds, self.tracing.exemplar())
        # Of probes and scrapers, only failures are logged.
        if not route.startswith(PROBES) or status >= HTTPStatus.BAD_REQUEST:
            write_line(
                __name__,
                "request",
                method=method if method in METHODS else "?",
                route=route,
                status=status,
                ms=round(seconds * 1000, 1),
            )


def _complete(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """Add HEAD to the methods that a resource allows, wherever GET is one of them."""
    if name.lower() != b"allow":
        return name, value
    methods = {each.strip() for each in value.split(b",")}
    return name, b", ".join(sorted(methods | ({b"HEAD"} if b"GET" in methods else set())))


def _expects_body(fields: HeaderValues) -> bool:
    """Whether the client sends a body at once; with `Expect`, it waits for 100 (Continue)."""
    has_body = b"content-length" in fields or b"transfer-encoding" in fields
    return has_body and b"expect" not in fields
