"""The aiohttp application: PayPal's API, its approve page, and the control API."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from aiohttp import web
from attrs import frozen

from payments_kit.doubles.control import PREFIX
from payments_kit.doubles.paypal import approve_page, routes_control, routes_paypal, views
from payments_kit.doubles.paypal.double import Double
from payments_kit.doubles.paypal.errors import Json, PayPalFailure, by_status, failed
from payments_kit.doubles.paypal.idempotency import Call
from payments_kit.doubles.paypal.replies import Request, Result, failure, identified, with_failures
from payments_kit.doubles.paypal.webhooks import CERTIFICATES_PATH, certificate
from payments_kit.doubles.replies import Operation, Reply

_MAX_BODY: Final = 1024**2
_TOKEN_PATH: Final = "/v1/oauth2/token"  # noqa: S105 - a path
_PREFER: Final = re.compile(r"return=(minimal|representation)")


def application(double: Double) -> web.Application:
    """Return an aiohttp application that serves the double."""
    handlers = _Handlers(double)
    app = web.Application(client_max_size=_MAX_BODY)
    app.router.add_route("*", f"{PREFIX}{{rest:.*}}", handlers.control)
    app.router.add_route("GET", views.APPROVE_PATH, handlers.approve)
    app.router.add_route("*", "/{rest:.*}", handlers.paypal)
    app.on_startup.append(handlers.start)
    app.on_cleanup.append(handlers.stop)
    return app


@frozen
class _Handlers:
    double: Double

    async def start(self, _: web.Application) -> None:
        await self.double.webhooks.start()

    async def stop(self, _: web.Application) -> None:
        await self.double.wire.close()
        await self.double.webhooks.close()

    async def control(self, request: web.Request) -> web.StreamResponse:
        try:
            return web.json_response(await routes_control.handle(self.double, request))
        except PayPalFailure as error:
            return web.json_response(error.body, status=error.status)
        except (ValueError, KeyError, ArithmeticError) as error:
            message = f"{type(error).__name__}: {error}"
            return web.json_response({"error": {"message": message}}, status=400)

    async def approve(self, request: web.Request) -> web.StreamResponse:
        return approve_page.reply(self.double.ledger, request)

    async def paypal(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        record = self._record(request, body)
        fault = self.double.faults.take(request.method, request.path)
        record["fault"] = fault and fault.kind
        operation = self._operation(request, body)

        def execute(around: Callable[[Operation], Operation] | None = None) -> Awaitable[Reply]:
            return self._recorded(record, operation, around or _unchanged)

        return await self.double.wire.reply(request, fault, execute)

    def _record(self, request: web.Request, body: bytes) -> Json:
        record: Json = {
            "id": self.double.ledger.new_id(13).lower(),
            "method": request.method,
            "path": request.path,
            "query": dict(request.query),
            "key": request.headers.get("PayPal-Request-Id"),
            "body": None if request.path == _TOKEN_PATH else body.decode(errors="replace"),
            "fault": None,
            "status": None,
        }
        self.double.recent.append(record)
        return record

    async def _recorded(
        self,
        record: Json,
        operation: Callable[[Callable[[Operation], Operation]], Awaitable[Reply]],
        around: Callable[[Operation], Operation],
    ) -> Reply:
        try:
            reply = await operation(lambda run: around(with_failures(run)))
        except PayPalFailure as error:
            reply = failure(error)
        record["status"] = reply.status
        return identified(reply, record["id"])

    def _operation(
        self, request: web.Request, body: bytes
    ) -> Callable[[Callable[[Operation], Operation]], Awaitable[Reply]]:
        """Return a function that validates and executes a request in one synchronous step."""

        async def run(around: Callable[[Operation], Operation]) -> Reply:
            if request.path == _TOKEN_PATH:
                return await around(lambda: self._token(request, body))()
            if request.path.startswith(CERTIFICATES_PATH):
                return await around(lambda: _certificate(request.path))()
            route, object_id = routes_paypal.match(request.method, request.path)
            self.double.counts[f"{route.method} {route.template}"] += 1
            self.double.tokens.check(self.double.ledger, request.headers)
            parsed = _body(route, request.headers, body)
            key = request.headers.get("PayPal-Request-Id") if route.has_key else None
            call = Call(f"{route.method} {route.template}", request.path, parsed, key)
            ready = Request(parsed, dict(request.query), object_id, _is_full(request.headers), key)

            def act() -> Result:
                return route.run(self.double.ledger, ready)

            now = self.double.ledger.time()
            return await self.double.keys.once(call, now, act, around)

        return run

    async def _token(self, request: web.Request, body: bytes) -> Reply:
        self.double.counts[f"{request.method} {_TOKEN_PATH}"] += 1
        if request.method != "POST":
            raise by_status(404)
        form = dict(parse_qsl(body.decode(errors="replace")))
        given = self.double.tokens.give(self.double.ledger, request.headers, form)
        return Reply(200, json.dumps(given).encode())


def _unchanged(operation: Operation) -> Operation:
    return operation


async def _certificate(path: str) -> Reply:
    found = certificate(path.removeprefix(CERTIFICATES_PATH))
    if found is None:
        raise by_status(404)
    return Reply(200, found, content_type="application/x-pem-file")


def _body(route: routes_paypal.Route, headers: Mapping[str, str], body: bytes) -> Any:
    """Return the checked JSON of a request; no body is an empty object."""
    if route.shape is None:
        return {}
    media_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise by_status(415)
    try:
        parsed = json.loads(body) if body else {}
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise failed("MALFORMED_REQUEST_JSON", "/") from error
    route.shape("", parsed)
    return parsed


def _is_full(headers: Mapping[str, str]) -> bool:
    prefer = headers.get("Prefer", "return=minimal")
    if _PREFER.fullmatch(prefer) is None:
        raise failed("INVALID_PARAMETER_VALUE", "Prefer", prefer, location="header")
    return prefer == "return=representation"
