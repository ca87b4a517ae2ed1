"""The demo's web server: the page, its requests about orders, and a proxy to the payments API."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import msgspec
from aiohttp import web
from attrs import frozen

from application.ports.payment_gateway import GatewayUnavailable
from application.ports.unit_of_work import StorageUnavailable
from payments_kit.demo.broker import BrokerUnavailable
from payments_kit.demo.order_events import ReceivedEvent
from payments_kit.demo.order_projection import Order
from payments_kit.demo.orders_service import OrderNotFound, OrdersService
from payments_kit.demo.payments_client import CUSTOMER, HttpReply, PaymentsClient
from payments_kit.demo.web_requests import Authentication, NewOrder, NewRefund
from payments_kit.servers.processes import free_port

STATIC: Final = Path(__file__).with_name("static")
# Enough for a readable page; the streams keep the rest.
MAX_ORDERS: Final = 50
MAX_EVENTS: Final = 100
# A comment at this interval keeps an idle event stream open through proxies.
HEARTBEAT_SECONDS: Final = 15.0
# Event streams end at once on shutdown; a request in progress may take this long.
SHUTDOWN_SECONDS: Final = 1.0
# Only the demo's own page may send requests, not other pages in the same browser: only under a
# loopback address, and no form, script or frame of another origin.
LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
# The headers that the proxy forwards to the service, and back to the page.
REQUEST_HEADERS: Final = ("Content-Type", "Idempotency-Key")
REPLY_HEADERS: Final = ("Content-Type", "Location", "Retry-After", "Idempotent-Replayed")

Authenticate = Callable[[str, bool], Awaitable[None]]
"""Report to the fake gateway whether the customer of a payment (its id) authenticated."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


@frozen
class WebHandlers:
    """The request handlers."""

    orders: OrdersService
    payments: PaymentsClient
    authenticate: Authenticate
    closing: asyncio.Event

    def application(self) -> web.Application:
        """Return the application with all routes."""
        application = web.Application(middlewares=[_check_and_map_errors])
        application.router.add_get("/", partial(_file, "index.html"))
        for name in ("page.css", "page.js"):
            application.router.add_get(f"/{name}", partial(_file, name))
        application.router.add_get("/state", self.stream_state)
        application.router.add_post("/orders", self.create)
        application.router.add_post("/orders/{id}/cancel", self.cancel)
        application.router.add_get("/credentials", self.show_credentials)
        application.router.add_post("/payments/{id}/refunds", self.refund)
        application.router.add_post("/payments/{id}/authentication", self.complete_authentication)
        application.router.add_route("*", "/api/payments{rest:.*}", self.forward)
        return application

    async def create(self, request: web.Request) -> web.Response:
        """Create an order of the demo's customer."""
        new = msgspec.json.decode(await request.read(), type=NewOrder)
        lifetime = timedelta(seconds=new.seconds)
        order = await self.orders.create(CUSTOMER.id, new.price, lifetime)
        return _json(_order_json(order), HTTPStatus.CREATED)

    async def cancel(self, request: web.Request) -> web.Response:
        """Cancel an order."""
        return _json(_order_json(await self.orders.cancel(request.match_info["id"])))

    async def show_credentials(self, _request: web.Request) -> web.Response:
        """Return what a person needs to call the service's API from a terminal."""
        keys = self.payments.keys
        return _json(
            {
                "address": self.payments.address,
                "jwt": keys.token(CUSTOMER),
                "operatorKey": keys.operator_key,
            }
        )

    async def refund(self, request: web.Request) -> web.Response:
        """Refund a payment as the operator."""
        new = msgspec.json.decode(await request.read(), type=NewRefund)
        return _forwarded(await self.payments.refund(request.match_info["id"], new.amount))

    async def complete_authentication(self, request: web.Request) -> web.Response:
        """Report whether the customer authenticated with their bank."""
        result = msgspec.json.decode(await request.read(), type=Authentication)
        await self.authenticate(request.match_info["id"], result.succeeded)
        return _json({})

    async def forward(self, request: web.Request) -> web.Response:
        """Forward a request to the payments service, signed in as the demo's customer."""
        headers = {key: request.headers[key] for key in REQUEST_HEADERS if key in request.headers}
        body = await request.read() if request.can_read_body else None
        reply = await self.payments.send(request.method, request.path_qs, body, CUSTOMER, headers)
        return _forwarded(reply)

    async def stream_state(self, request: web.Request) -> web.StreamResponse:
        """Send all orders and events now and after each change (server-sent events)."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", **HEADERS})
        await response.prepare(request)
        sent_revision = -1
        while not self.closing.is_set():
            if sent_revision == self.orders.revision:
                await response.write(b": heartbeat\n\n")
            else:
                sent_revision = self.orders.revision
                await response.write(b"data: " + _encode(self._state()) + b"\n\n")
            await self._wait_for_change(sent_revision)
        return response

    async def _wait_for_change(self, revision: int) -> None:
        waits = [
            asyncio.ensure_future(self.orders.wait_for_change(revision, HEARTBEAT_SECONDS)),
            asyncio.ensure_future(self.closing.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _state(self) -> dict[str, Any]:
        events = sorted(self.orders.projection.events, key=lambda event: event.at)
        return {
            "orders": [
                _order_json(order) for order in self.orders.projection.orders()[:MAX_ORDERS]
            ],
            "events": [_event_json(event) for event in events[-MAX_EVENTS:]],
        }


@asynccontextmanager
async def serve_page(
    orders: OrdersService, payments: PaymentsClient, authenticate: Authenticate, port: int
) -> AsyncIterator[int]:
    """Serve the page on the loopback interface, and yield the actual port.

    That is another one if `port` is in use, and any free one if it is 0.
    """
    closing = asyncio.Event()
    handlers = WebHandlers(orders, payments, authenticate, closing)
    runner = web.AppRunner(
        handlers.application(), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
        except OSError:
            await web.TCPSite(runner, "127.0.0.1", free_port()).start()
        yield int(runner.addresses[0][1])
    finally:
        closing.set()
        await runner.cleanup()


@web.middleware
async def _check_and_map_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Reject requests of other origins, and map errors to responses like the service's own."""
    if not _is_own_origin(request):
        return _error(HTTPStatus.FORBIDDEN, "Only the demo's own page may send requests")
    try:
        return await handler(request)
    except OrderNotFound:
        return _error(HTTPStatus.NOT_FOUND, "Not Found")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _error(HTTPStatus.BAD_REQUEST, str(error))
    except BrokerUnavailable:
        return _error(HTTPStatus.SERVICE_UNAVAILABLE, "NATS is not available")
    except (StorageUnavailable, GatewayUnavailable):
        return _error(HTTPStatus.SERVICE_UNAVAILABLE, "PostgreSQL is not available")
    except (aiohttp.ClientError, TimeoutError):
        return _error(HTTPStatus.BAD_GATEWAY, "The payments service does not respond")


def _is_own_origin(request: web.Request) -> bool:
    with suppress(ValueError):
        origin = request.headers.get("Origin")
        host = urlsplit(f"//{request.host}").hostname
        return host in LOOPBACK_HOSTS and (
            origin is None or urlsplit(origin).netloc == request.host
        )
    return False


async def _file(name: str, _request: web.Request) -> web.FileResponse:
    return web.FileResponse(STATIC / name, headers=HEADERS)


def _json(content: object, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    headers = {"Content-Type": "application/json", **HEADERS}
    return web.Response(body=_encode(content), status=status, headers=headers)


def _forwarded(reply: HttpReply) -> web.Response:
    headers = {key: value for key in REPLY_HEADERS if (value := reply.headers.get(key))}
    return web.Response(status=reply.status, body=reply.content, headers=headers)


def _error(status: HTTPStatus, message: str) -> web.Response:
    return _json({"errors": [{"message": message}]}, status)


def _order_json(order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "version": order.version,
        "status": order.status,
        "price": order.price,
        "createdAt": order.created_at,
        "expiresAt": order.expires_at,
    }


def _event_json(event: ReceivedEvent) -> dict[str, Any]:
    return {"at": event.at, "subject": event.subject, "body": event.body}
