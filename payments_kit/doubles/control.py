"""What the control APIs of all doubles have: faults, records, and the delivery of webhooks.

A control API is below `/_double/`, for tests and demonstrations. Bodies and replies are JSON; a
ValueError is a reply with status 400.
"""

from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from aiohttp import web
from attrs import asdict

from payments_kit.doubles.deliveries import Deliveries
from payments_kit.doubles.faults import Faults, decode_fault
from payments_kit.doubles.replies import Json
from payments_kit.doubles.wire import Wire

PREFIX = "/_double/"


class Controlled(Protocol):
    """The parts of a double that its control API changes."""

    faults: Faults
    wire: Wire
    counts: Counter[str]
    recent: deque[Json]

    @property
    def webhooks(self) -> Deliveries:
        """The webhook endpoints and deliveries."""


# --- faults ---


async def add_fault(double: Controlled, body: Json) -> Any:
    """Add a fault; the fields are those of faults.Fault."""
    double.faults.waiting.append(decode_fault(body))
    return await show_faults(double, body)


async def show_faults(double: Controlled, _: Json) -> Any:
    """Return the faults still to come, and how often each kind has happened."""
    return {
        "waiting": [asdict(fault) for fault in double.faults.waiting],
        "happened": dict(double.faults.happened),
        "late": len(double.wire.late),
    }


async def clear_faults(double: Controlled, body: Json) -> Any:
    """Remove the faults still to come."""
    double.faults.clear()
    return await show_faults(double, body)


async def release_delays(double: Controlled, body: Json) -> Any:
    """Execute the slow and late requests now."""
    double.faults.release()
    return await show_faults(double, body)


# --- records ---


async def show_requests(double: Controlled, _: Json) -> Any:
    """Return the latest requests, and how many each route has received."""
    return {"counts": dict(double.counts), "recent": list(double.recent)}


# --- webhooks ---


async def show_webhooks(double: Controlled, _: Json) -> Any:
    """Return the endpoints, the delivery options, and all deliveries."""
    return {
        "endpoints": [asdict(endpoint) for endpoint in double.webhooks.endpoints.values()],
        "options": asdict(double.webhooks.options),
        "deliveries": [delivery.summary() for delivery in double.webhooks.deliveries],
    }


async def remove_webhooks(double: Controlled, body: Json) -> Any:
    """Remove all endpoints."""
    double.webhooks.endpoints.clear()
    return await show_webhooks(double, body)


async def set_delivery(double: Controlled, body: Json) -> Any:
    """Change the delivery options; the fields are those of deliveries.DeliveryOptions."""
    return asdict(double.webhooks.set_options(**body))


async def deliver(double: Controlled, body: Json) -> Any:
    """Deliver events now; the fields are the arguments of Deliveries.deliver."""
    try:
        return {"deliveries": await double.webhooks.deliver(**body)}
    except TypeError as error:
        raise ValueError(f"Not a delivery: {error}") from error


COMMON: Mapping[tuple[str, str], Callable[[Controlled, Json], Awaitable[Any]]] = {
    ("POST", "/_double/faults"): add_fault,
    ("GET", "/_double/faults"): show_faults,
    ("DELETE", "/_double/faults"): clear_faults,
    ("POST", "/_double/release"): release_delays,
    ("GET", "/_double/requests"): show_requests,
    ("GET", "/_double/webhooks"): show_webhooks,
    ("DELETE", "/_double/webhooks"): remove_webhooks,
    ("POST", "/_double/webhooks/delivery"): set_delivery,
    ("POST", "/_double/deliver"): deliver,
}


def described(routes: Mapping[tuple[str, str], Callable[..., Any]]) -> dict[str, str]:
    """Return what each control route does, for `GET /_double/`."""
    return {
        f"{method} {path}": " ".join(str(handler.__doc__).split())
        for (method, path), handler in routes.items()
    }


async def read_body(request: web.Request) -> Json:
    """Return the JSON object of a request, or raise ValueError."""
    body = await request.json() if request.can_read_body else {}
    if not isinstance(body, dict):
        raise ValueError("The body must be a JSON object")  # noqa: TRY004 - a reply with status 400
    return body
