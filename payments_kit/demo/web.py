"""The demo's web server: the page, its requests about orders, and a proxy to the payments API."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from socket import create_server, socket
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import msgspec
from aiohttp import web
from attrs import frozen

from application.ports.payment_gateway import GatewayUnavailable, OutcomeUnknown
from application.ports.unit_of_work import StorageUnavailable
from payments_kit.demo.approve_page import ApprovePage
from payments_kit.demo.bank import Bank
from payments_kit.demo.bank_page import BankPage
from payments_kit.demo.broker import BrokerUnavailable
from payments_kit.demo.orders_service import OrderNotFound, OrdersService
from payments_kit.demo.payments_client import CUSTOMER, PaymentsClient
from payments_kit.demo.web_replies import (
    HEADERS,
    STATIC,
    encode,
    error_response,
    event_json,
    forwarded,
    json_response,
    order_json,
)
from payments_kit.demo.web_requests import Decision, NewOrder, NewRefund

# Enough for a readable page; the streams keep the rest.
MAX_ORDERS: Final = 50
MAX_EVENTS: Final = 100
# A comment at this interval keeps an idle event stream open through proxies.
HEARTBEAT_SECONDS: Final = 15.0
# Event streams end at once on shutdown; a request in progress may take this long.
SHUTDOWN_SECONDS: Final = 1.0
# Only the demo's own page may send requests, not other pages in the same browser: only under a
# loopback address, and no form, script or frame of another origin.
LOOPBACK: Final = "127.0.0.1"
LOOPBACK_HOSTS: Final = frozenset({LOOPBACK, "localhost", "::1"})
# The headers that the proxy forwards to the service.
REQUEST_HEADERS: Final = ("Content-Type", "Idempotency-Key")
FILES: Final = (
    *("page.css", "page.js", "orders.js", "checkout.js", "payments.js", "service.js", "words.js"),
    "bank.css",
)


@frozen
class WebHandlers:
    """The request handlers."""

    orders: OrdersService
    payments: PaymentsClient
    bank: Bank
    closing: asyncio.Event

    def application(self) -> web.Application:
        """Return the application with all routes."""
        application = web.Application(middlewares=[_check_and_map_errors])
        application.router.add_get("/", partial(_file, "index.html"))
        for name in FILES:
            application.router.add_get(f"/{name}", partial(_file, name))
        application.router.add_get("/state", self.stream_state)
        application.router.add_post("/orders", self.create)
        application.router.add_post("/orders/{id}/cancel", self.cancel)
        application.router.add_post("/orders/{id}/ship", self.ship)
        application.router.add_get("/credentials", self.show_credentials)
        application.router.add_post("/payments/{id}/refunds", self.refund)
        application.router.add_post("/payments/{id}/void", self.void)
        application.router.add_post("/payments/{id}/decision", self.decide)
        bank_page = BankPage(self.payments, self.bank)
        application.router.add_get("/bank", bank_page.show)
        application.router.add_post("/bank", bank_page.decide)
        approve_page = ApprovePage(self.bank)
        application.router.add_get("/approve", approve_page.show)
        application.router.add_post("/approve", approve_page.decide)
        application.router.add_route("*", "/api/payments{rest:.*}", self.forward)
        return application

    async def create(self, request: web.Request) -> web.Response:
        """Create an order of the demo's customer."""
        new = msgspec.json.decode(await request.read(), type=NewOrder)
        lifetime = timedelta(seconds=new.seconds)
        order = await self.orders.create(CUSTOMER.id, new.price, lifetime, new.capture)
        return json_response(order_json(order), HTTPStatus.CREATED)

    async def cancel(self, request: web.Request) -> web.Response:
        """Cancel an order."""
        return json_response(order_json(await self.orders.cancel(request.match_info["id"])))

    async def ship(self, request: web.Request) -> web.Response:
        """Ship an order."""
        return json_response(order_json(await self.orders.ship(request.match_info["id"])))

    async def show_credentials(self, _request: web.Request) -> web.Response:
        """Return what a person needs to call the service's API from a terminal."""
        keys = self.payments.keys
        return json_response(
            {
                "address": self.payments.address,
                "jwt": keys.token(CUSTOMER),
                "operatorKey": keys.operator_key,
            }
        )

    async def refund(self, request: web.Request) -> web.Response:
        """Refund a payment as the operator."""
        new = msgspec.json.decode(await request.read(), type=NewRefund)
        return forwarded(await self.payments.refund(request.match_info["id"], new.amount))

    async def void(self, request: web.Request) -> web.Response:
        """Release the money that is held for a payment, as the operator."""
        return forwarded(await self.payments.void(request.match_info["id"]))

    async def decide(self, request: web.Request) -> web.Response:
        """Decide about a payment as the customer's bank."""
        decision = msgspec.json.decode(await request.read(), type=Decision)
        await self.bank.decide(request.match_info["id"], decision.approved)
        return json_response({})

    async def forward(self, request: web.Request) -> web.Response:
        """Forward a request to the payments service, signed in as the demo's customer."""
        headers = {key: request.headers[key] for key in REQUEST_HEADERS if key in request.headers}
        body = await request.read() if request.can_read_body else None
        reply = await self.payments.send(request.method, request.path_qs, body, CUSTOMER, headers)
        return forwarded(reply)

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
                await response.write(b"data: " + encode(self._state()) + b"\n\n")
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
            "orders": [order_json(order) for order in self.orders.projection.orders()[:MAX_ORDERS]],
            "events": [event_json(event) for event in events[-MAX_EVENTS:]],
        }


def open_listener(port: int) -> socket:
    """Return a socket on the loopback interface, on another port if this one is in use.

    The service must know the page's address when it starts, before there is a page.
    """
    try:
        return create_server((LOOPBACK, port))
    except OSError:
        return create_server((LOOPBACK, 0))


def port_of(listener: socket) -> int:
    """Return the port of a listening socket."""
    return int(listener.getsockname()[1])


def origins_of(listener: socket) -> list[str]:
    """Return the origins of the page, for RETURN_ORIGINS."""
    return [f"http://{host}:{port_of(listener)}" for host in (LOOPBACK, "localhost")]


@asynccontextmanager
async def serve_page(
    orders: OrdersService, payments: PaymentsClient, bank: Bank, listener: socket
) -> AsyncIterator[int]:
    """Serve the page on this listening socket, and yield its port."""
    closing = asyncio.Event()
    handlers = WebHandlers(orders, payments, bank, closing)
    runner = web.AppRunner(
        handlers.application(), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS
    )
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        yield port_of(listener)
    finally:
        closing.set()
        await runner.cleanup()


@web.middleware
async def _check_and_map_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Reject requests of other origins, and map errors to responses like the service's own."""
    if not _is_own_origin(request):
        return error_response(HTTPStatus.FORBIDDEN, "Only the demo's own page may send requests")
    try:
        return await handler(request)
    except (OrderNotFound, web.HTTPNotFound):
        return error_response(HTTPStatus.NOT_FOUND, "Not Found")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return error_response(HTTPStatus.BAD_REQUEST, str(error))
    except BrokerUnavailable:
        return error_response(HTTPStatus.SERVICE_UNAVAILABLE, "NATS is not available")
    except (StorageUnavailable, GatewayUnavailable, OutcomeUnknown):
        return error_response(HTTPStatus.SERVICE_UNAVAILABLE, "PostgreSQL is not available")
    except (aiohttp.ClientError, TimeoutError):
        return error_response(HTTPStatus.BAD_GATEWAY, "The payments service does not respond")


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
