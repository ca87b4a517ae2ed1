"""The double itself: one aiohttp application with Stripe's API and the control API."""

import json
import re
from collections import Counter, deque
from typing import Any

from aiohttp import web
from attrs import define, field

from . import routes_control, routes_stripe
from .errors import Json, StripeFailure, invalid
from .faults import Faults
from .form import decode
from .idempotency import Answer, Call, IdempotencyKeys
from .ledger import API_VERSION, Ledger
from .listing import expanded
from .routes_stripe import Route
from .webhooks import Webhooks
from .wire import Operation, Wire

_TEST_KEY = re.compile(r"Bearer ((?:sk|rk)_test_\w+)")
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.\w+)?")
REMEMBERED_REQUESTS = 2000


@define
class Double:
    """Stripe's stand-in: its books, its keys, its faults and its webhooks."""

    ledger: Ledger = field(factory=Ledger)
    keys: IdempotencyKeys = field(factory=IdempotencyKeys)
    faults: Faults = field(factory=Faults)
    webhooks: Webhooks = field(factory=Webhooks)
    counts: Counter[str] = field(factory=Counter)
    recent: deque[Json] = field(factory=lambda: deque(maxlen=REMEMBERED_REQUESTS))
    wire: Wire = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.wire = Wire(self.faults, _failed)
        self.ledger.listeners.append(self.webhooks.hear)

    def application(self) -> web.Application:
        app = web.Application(client_max_size=1024**2)
        app.router.add_route("*", "/_double/{rest:.*}", self._control)
        app.router.add_route("*", "/{rest:.*}", self._stripe)
        app.on_startup.append(self._start)
        app.on_cleanup.append(self._stop)
        return app

    def reset(self) -> None:
        """Forget everything but the webhook endpoints."""
        self.ledger.clear()
        self.keys.slots.clear()
        self.faults.clear()
        self.faults.happened.clear()
        self.webhooks.deliveries.clear()
        self.counts.clear()
        self.recent.clear()

    async def _start(self, _: web.Application) -> None:
        await self.webhooks.start()

    async def _stop(self, _: web.Application) -> None:
        await self.wire.close()
        await self.webhooks.close()

    async def _control(self, request: web.Request) -> web.StreamResponse:
        try:
            return web.json_response(await routes_control.handle(self, request))
        except StripeFailure as failure:
            return web.json_response(failure.body, status=failure.status)
        except json.JSONDecodeError as error:
            return web.json_response({"error": {"message": str(error)}}, status=400)

    async def _stripe(self, request: web.Request) -> web.StreamResponse:
        request_id = self.ledger.new_id("req")[:18]
        seen: Json = {
            "id": request_id,
            "method": request.method,
            "path": request.path,
            "key": request.headers.get("Idempotency-Key"),
            "version": request.headers.get("Stripe-Version"),
            "fault": None,
            "status": None,
        }
        self.recent.append(seen)
        body = await request.text()

        async def refuse() -> Answer:
            raise failure

        try:
            route, object_id = routes_stripe.match(request.method, request.path)
            self.counts[f"{route.method} {route.template}"] += 1
            _authenticate(request)
            call = Call(
                request.method,
                request.path,
                decode(body or request.query_string),
                request_id,
                request.headers.get("Idempotency-Key") or None,
            )
        except StripeFailure as caught:
            failure = caught
            return await self.wire.answer(
                request, None, lambda around=None: self._recorded(seen, request, _encoded(refuse))
            )
        fault = self.faults.take(request.method, request.path)
        seen |= {"params": call.params, "fault": fault and fault.kind}

        def execute(around: Any = None) -> Any:
            run: Operation = self._operation(route, object_id, call)
            if around is not None:
                run = around(run)
            once: Operation = _encoded(lambda: self.keys.once(call, run))
            return self._recorded(seen, request, once)

        return await self.wire.answer(request, fault, execute)

    def _operation(self, route: Route, object_id: str, call: Call) -> Operation:
        """Validate and carry out: one synchronous step, after which the answer is final."""

        def run() -> Json:
            given = route.shape.check(call.params)
            paths = given.pop("expand", ())
            self.ledger.request = {"id": call.request_id, "idempotency_key": call.key}
            made = route.run(self.ledger, given, object_id)
            return expanded(self.ledger, made, paths)

        async def answer() -> Answer:
            return _succeeded(run())

        return _encoded(answer)

    async def _recorded(self, seen: Json, request: web.Request, run: Operation) -> Answer:
        answer = await run()
        seen["status"] = answer.status
        seen["replayed"] = "Idempotent-Replayed" in answer.headers
        headers = {
            "Request-Id": seen["id"],
            "Stripe-Version": request.headers.get("Stripe-Version", API_VERSION),
            **answer.headers,
        }
        if seen["key"]:
            headers["Idempotency-Key"] = seen["key"]
        return Answer(answer.status, answer.body, headers, answer.stored)


def _authenticate(request: web.Request) -> None:
    """https://docs.stripe.com/api/authentication; only test keys: nothing live belongs here."""
    given = request.headers.get("Authorization")
    if given is None:
        raise StripeFailure(
            401,
            "invalid_request_error",
            "You did not provide an API key. You need to provide your API key in the Authorization "
            "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            stored=False,
        )
    if _TEST_KEY.fullmatch(given) is None:
        message = f"Invalid API Key provided: {given.removeprefix('Bearer ')[:8]}****"
        raise StripeFailure(401, "invalid_request_error", message, stored=False)
    version = request.headers.get("Stripe-Version", API_VERSION)
    if _VERSION.fullmatch(version) is None:
        raise invalid(f"Invalid Stripe API version: {version}")


def _encoded(run: Operation) -> Operation:
    """Failures become answers."""

    async def answer() -> Answer:
        try:
            return await run()
        except StripeFailure as failure:
            return _failed(failure)

    return answer


def _succeeded(body: Json) -> Answer:
    return Answer(200, json.dumps(body, indent=2).encode())


def _failed(failure: BaseException) -> Answer:
    assert isinstance(failure, StripeFailure)
    headers = {"Stripe-Should-Retry": "true"} if failure.status == 409 else {}
    body = json.dumps(failure.body, indent=2).encode()
    return Answer(failure.status, body, headers, failure.stored)
