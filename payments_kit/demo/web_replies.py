"""The replies of the demo's web server."""

from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import msgspec
from aiohttp import web

from payments_kit.demo.order_events import ReceivedEvent
from payments_kit.demo.order_projection import Order
from payments_kit.demo.payments_client import HttpReply

STATIC: Final = Path(__file__).with_name("static")
# No form, script, style or frame of another origin, and nothing inline.
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
        " img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
}
# The headers that the proxy sends back to the page.
REPLY_HEADERS: Final = ("Content-Type", "Location", "Retry-After", "Idempotent-Replayed")

encode = msgspec.json.Encoder(decimal_format="number").encode


def json_response(content: object, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """Return a response with a JSON body."""
    headers = {"Content-Type": "application/json", **HEADERS}
    return web.Response(body=encode(content), status=status, headers=headers)


def error_response(status: HTTPStatus, message: str) -> web.Response:
    """Return an error in the form of the service's own."""
    return json_response({"errors": [{"message": message}]}, status)


def forwarded(reply: HttpReply) -> web.Response:
    """Return a reply of the service."""
    headers = {key: value for key in REPLY_HEADERS if (value := reply.headers.get(key))}
    return web.Response(status=reply.status, body=reply.content, headers=headers)


def order_json(order: Order) -> dict[str, Any]:
    """Return an order for the page."""
    return {
        "id": order.id,
        "version": order.version,
        "status": order.status,
        "price": order.price,
        "createdAt": order.created_at,
        "expiresAt": order.expires_at if order.may_expire else None,
        "capture": order.capture,
        "isShipped": order.is_shipped,
    }


def event_json(event: ReceivedEvent) -> dict[str, Any]:
    """Return an event for the page."""
    return {"at": event.at, "subject": event.subject, "body": event.body}
