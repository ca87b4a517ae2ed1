"""The demo's web front: the page, what moves its orders, and the way to the payments service."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from decimal import Decimal
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import aiohttp
import msgspec
from aiohttp import web
from attrs import frozen

from application.ports.payment_gateway import GatewayUnavailable
from application.ports.unit_of_work import StorageUnavailable
from payments_kit.demo.order_projection import Heard, Order
from payments_kit.demo.orders import BrokerAway, OrdersSide, UnknownOrder
from payments_kit.demo.service import CUSTOMER, PaymentsService
from payments_kit.servers.processes import free_port

STATIC: Final = Path(__file__).with_name("static")
# What fits on a page that is still read; the streams have the rest.
ORDERS_SHOWN: Final = 50
EVENTS_SHOWN: Final = 100
# What Stripe takes for one charge (https://docs.stripe.com/currencies), less the cents.
MAX_DOLLARS: Final = 999_999
# A comment that often keeps a silent stream open through whatever lies between.
HEARTBEAT_SECONDS: Final = 15.0
# Open streams end at once when told to; a request under way gets this long.
CLOSING_SECONDS: Final = 1.0
# Only a page of ours may speak to the front, whatever other pages the browser has open: no address
# but the loopback one, no form, script or frame of anybody else.
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
# Headers that mean something to the service, and of its answers to the page.
ASKED_WITH: Final = ("Content-Type", "Idempotency-Key")
ANSWERED_WITH: Final = ("Content-Type", "Location", "Retry-After", "Idempotent-Replayed")

Authenticate = Callable[[str, bool], Awaitable[None]]
"""Tell the fake gateway whether the customer of a payment proved to be themselves."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


class NewOrder(msgspec.Struct, frozen=True):
    """What the page sends for a new order: the price in major units, and how long it may wait."""

    price: Decimal
    seconds: Annotated[int, msgspec.Meta(ge=1, le=86_400)]

    def __post_init__(self) -> None:
        """Refuse what the payments service could only put away as a dead letter."""
        if not (self.price.is_finite() and 0 < self.price <= MAX_DOLLARS):
            raise ValueError(f"The price must be more than nothing and at most {MAX_DOLLARS}")
        if self.price != round(self.price, 2):
            raise ValueError("The price must be in whole cents")


class Authentication(msgspec.Struct, frozen=True):
    """What the customer's bank says of them."""

    succeeded: bool


@frozen
class Front:
    """The routes."""

    orders: OrdersSide
    payments: PaymentsService
    authenticate: Authenticate
    closing: asyncio.Event

    def application(self) -> web.Application:
        """All of them in one application."""
        application = web.Application(middlewares=[_guard])
        application.router.add_get("/", partial(_file, "index.html"))
        for name in ("page.css", "page.js"):
            application.router.add_get(f"/{name}", partial(_file, name))
        application.router.add_get("/state", self.watch)
        application.router.add_post("/orders", self.create)
        application.router.add_post("/orders/{id}/cancel", self.cancel)
        application.router.add_post("/payments/{id}/authentication", self.complete_authentication)
        application.router.add_route("*", "/api/payments{rest:.*}", self.forward)
        return application

    async def create(self, request: web.Request) -> web.Response:
        """Make an order of the demo's customer."""
        new = msgspec.json.decode(await request.read(), type=NewOrder)
        lifetime = timedelta(seconds=new.seconds)
        order = await self.orders.create(CUSTOMER.id, new.price, lifetime)
        return _json(_shown(order), HTTPStatus.CREATED)

    async def cancel(self, request: web.Request) -> web.Response:
        """Cancel an order."""
        return _json(_shown(await self.orders.cancel(request.match_info["id"])))

    async def complete_authentication(self, request: web.Request) -> web.Response:
        """Be the bank that asks the customer for a proof."""
        said = msgspec.json.decode(await request.read(), type=Authentication)
        await self.authenticate(request.match_info["id"], said.succeeded)
        return _json({})

    async def forward(self, request: web.Request) -> web.Response:
        """Pass a request on to the payments service, signed in as the demo's customer."""
        headers = {key: request.headers[key] for key in ASKED_WITH if key in request.headers}
        body = await request.read() if request.can_read_body else None
        answer = await self.payments.ask(request.method, request.path_qs, body, CUSTOMER, headers)
        passed_on = {key: value for key in ANSWERED_WITH if (value := answer.headers.get(key))}
        return web.Response(status=answer.status, body=answer.content, headers=passed_on)

    async def watch(self, request: web.Request) -> web.StreamResponse:
        """Send the state of everything, now and whenever it changes (server-sent events)."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", **HEADERS})
        await response.prepare(request)
        seen = -1
        while not self.closing.is_set():
            if seen == self.orders.revision:
                await response.write(b": still here\n\n")
            else:
                seen = self.orders.revision
                await response.write(b"data: " + _encode(self._state()) + b"\n\n")
            await self._wait_for_news(seen)
        return response

    async def _wait_for_news(self, seen: int) -> None:
        waits = [
            asyncio.ensure_future(self.orders.wait_for_news(seen, HEARTBEAT_SECONDS)),
            asyncio.ensure_future(self.closing.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _state(self) -> dict[str, Any]:
        events = sorted(self.orders.book.events, key=lambda event: event.at)
        return {
            "orders": [_shown(order) for order in self.orders.book.orders()[:ORDERS_SHOWN]],
            "events": [_told(event) for event in events[-EVENTS_SHOWN:]],
        }


@asynccontextmanager
async def serving(
    orders: OrdersSide, payments: PaymentsService, authenticate: Authenticate, port: int
) -> AsyncIterator[int]:
    """Serve the page on the loopback interface; gives the port.

    It is another one if that is taken, and any if it is 0.
    """
    closing = asyncio.Event()
    front = Front(orders, payments, authenticate, closing)
    runner = web.AppRunner(front.application(), access_log=None, shutdown_timeout=CLOSING_SECONDS)
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
async def _guard(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Keep strangers out, and turn errors into answers of the shape that the service's have."""
    if not _is_ours(request):
        return _error(HTTPStatus.FORBIDDEN, "Only the demo's own page, on this machine")
    try:
        return await handler(request)
    except UnknownOrder:
        return _error(HTTPStatus.NOT_FOUND, "Not Found")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _error(HTTPStatus.BAD_REQUEST, str(error))
    except BrokerAway:
        return _error(HTTPStatus.SERVICE_UNAVAILABLE, "NATS is not there just now")
    except (StorageUnavailable, GatewayUnavailable):
        return _error(HTTPStatus.SERVICE_UNAVAILABLE, "PostgreSQL is not there just now")
    except (aiohttp.ClientError, TimeoutError):
        return _error(HTTPStatus.BAD_GATEWAY, "The payments service does not answer")


def _is_ours(request: web.Request) -> bool:
    with suppress(ValueError):
        origin = request.headers.get("Origin")
        host = urlsplit(f"//{request.host}").hostname
        return host in LOOPBACK and (origin is None or urlsplit(origin).netloc == request.host)
    return False


async def _file(name: str, _request: web.Request) -> web.FileResponse:
    return web.FileResponse(STATIC / name, headers=HEADERS)


def _json(content: object, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    headers = {"Content-Type": "application/json", **HEADERS}
    return web.Response(body=_encode(content), status=status, headers=headers)


def _error(status: HTTPStatus, message: str) -> web.Response:
    return _json({"errors": [{"message": message}]}, status)


def _shown(order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "version": order.version,
        "status": order.status,
        "price": order.price,
        "createdAt": order.created_at,
        "expiresAt": order.expires_at,
    }


def _told(event: Heard) -> dict[str, Any]:
    return {"at": event.at, "subject": event.subject, "body": event.body}
