"""The aiohttp application: Stripe's API, and the control API under `/_double/`."""

import base64
import re
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from attrs import frozen

from payments_kit.doubles.replies import Operation, Reply
from payments_kit.doubles.stripe import bank_page, routes_control, routes_stripe
from payments_kit.doubles.stripe.double import Double
from payments_kit.doubles.stripe.errors import Json, StripeFailure, invalid
from payments_kit.doubles.stripe.form import decode
from payments_kit.doubles.stripe.idempotency import Call
from payments_kit.doubles.stripe.ledger import API_VERSION
from payments_kit.doubles.stripe.listing import expanded
from payments_kit.doubles.stripe.replies import success, with_failures
from payments_kit.doubles.stripe.routes_stripe import Route

_MAX_BODY: Final = 1024**2
_TEST_KEY: Final = re.compile(r"(?:sk|rk)_test_\w+")
_VERSION: Final = re.compile(r"\d{4}-\d{2}-\d{2}(\.\w+)?")


def application(double: Double) -> web.Application:
    """Return an aiohttp application that serves the double."""
    handlers = _Handlers(double)
    app = web.Application(client_max_size=_MAX_BODY)
    app.router.add_route("*", "/_double/{rest:.*}", handlers.control)
    app.router.add_route("*", "/{rest:.*}", handlers.stripe)
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
            if request.path.startswith(bank_page.PATH):
                return bank_page.reply(self.double, request)
            return web.json_response(await routes_control.handle(self.double, request))
        except StripeFailure as failure:
            return web.json_response(failure.body, status=failure.status)
        except ValueError as error:  # bad JSON, a bad fault or a bad delivery
            return web.json_response({"error": {"message": str(error)}}, status=400)

    async def stripe(self, request: web.Request) -> web.StreamResponse:
        record = self._record(request)
        body = await request.text()
        wire = self.double.wire
        try:
            route, object_id, call = self._parsed(request, body, record["id"])
        except StripeFailure as failure:
            refuse = with_failures(_raising(failure))
            return await wire.reply(
                request, None, lambda around=None: self._recorded(record, request, refuse)
            )
        fault = self.double.faults.take(request.method, request.path, body)
        record |= {"params": call.params, "fault": fault and fault.kind}
        operation = self._operation(route, object_id, call)

        def execute(around: Callable[[Operation], Operation] | None = None) -> Awaitable[Reply]:
            run = around(operation) if around is not None else operation
            once = with_failures(lambda: self.double.keys.once(call, run))
            return self._recorded(record, request, once)

        return await wire.reply(request, fault, execute)

    def _record(self, request: web.Request) -> Json:
        record: Json = {
            "id": self.double.ledger.new_id("req")[:18],
            "method": request.method,
            "path": request.path,
            "key": request.headers.get("Idempotency-Key"),
            "version": request.headers.get("Stripe-Version"),
            "fault": None,
            "status": None,
        }
        self.double.recent.append(record)
        return record

    def _parsed(self, request: web.Request, body: str, request_id: str) -> tuple[Route, str, Call]:
        route, object_id = routes_stripe.match(request.method, request.path)
        self.double.counts[f"{route.method} {route.template}"] += 1
        _authenticate(request)
        self._check_permission(request)
        call = Call(
            request.method,
            request.path,
            decode(body or request.query_string),
            request_id,
            request.headers.get("Idempotency-Key") or None,
        )
        return route, object_id, call

    def _check_permission(self, request: web.Request) -> None:
        """Refuse what a restricted key may not do; https://docs.stripe.com/keys/restricted-api-keys."""
        key = _key(request.headers["Authorization"])
        for pattern, permission in self.double.forbidden.items():
            if key.startswith("rk_") and re.search(pattern, f"{request.method} {request.path}"):
                message = (
                    f"The provided key '{key[:10]}***' does not have the required permissions for "
                    f"this endpoint on account 'acct_1DoubleAccount0'. Having the '{permission}' "
                    "permission would allow this request to continue."
                )
                raise StripeFailure(403, "invalid_request_error", message, stored=False)

    def _operation(self, route: Route, object_id: str, call: Call) -> Operation:
        """Validate and execute in one synchronous step; afterwards the reply is final."""
        ledger = self.double.ledger

        async def run() -> Reply:
            params = route.shape.check(call.params)
            paths = params.pop("expand", ())
            ledger.request = {"id": call.request_id, "idempotency_key": call.key}
            return success(expanded(ledger, route.run(ledger, params, object_id), paths))

        return with_failures(run)

    async def _recorded(self, record: Json, request: web.Request, operation: Operation) -> Reply:
        reply = await operation()
        record["status"] = reply.status
        record["replayed"] = "Idempotent-Replayed" in reply.headers
        headers = {
            "Request-Id": record["id"],
            "Stripe-Version": request.headers.get("Stripe-Version", API_VERSION),
            **reply.headers,
        }
        if record["key"]:
            headers["Idempotency-Key"] = record["key"]
        return Reply(reply.status, reply.body, headers, reply.stored)


def _raising(failure: StripeFailure) -> Operation:
    async def run() -> Reply:
        raise failure

    return run


def _authenticate(request: web.Request) -> None:
    """Accept any test key, and no live key; https://docs.stripe.com/api/authentication."""
    header = request.headers.get("Authorization")
    if header is None:
        raise StripeFailure(
            401,
            "invalid_request_error",
            "You did not provide an API key. You need to provide your API key in the Authorization "
            "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            stored=False,
        )
    if _TEST_KEY.fullmatch(_key(header)) is None:
        message = f"Invalid API Key provided: {_key(header)[:8]}****"
        raise StripeFailure(401, "invalid_request_error", message, stored=False)
    version = request.headers.get("Stripe-Version", API_VERSION)
    if _VERSION.fullmatch(version) is None:
        raise invalid(f"Invalid Stripe API version: {version}")


def _key(header: str) -> str:
    """Return the key: a bearer token or, as with `curl -u`, a user name without a password."""
    scheme, _, value = header.partition(" ")
    if scheme != "Basic":
        return header.removeprefix("Bearer ")
    try:
        return base64.b64decode(value, validate=True).decode().removesuffix(":")
    except ValueError:
        return ""
