"""The control API under /_double/: not Stripe's, for tests only."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web
from attrs import asdict

from . import charges, intents, refunds
from .errors import Json, invalid
from .faults import decode_fault
from .ledger import Plan

if TYPE_CHECKING:
    from .app import Double

Handler = Callable[["Double", Json], Awaitable[Any]]


async def add_fault(double: "Double", body: Json) -> Any:
    double.faults.waiting.append(decode_fault(body))
    return await show_faults(double, body)


async def show_faults(double: "Double", _: Json) -> Any:
    return {
        "waiting": [asdict(fault) for fault in double.faults.waiting],
        "happened": dict(double.faults.happened),
        "late_under_way": len(double.wire.late),
    }


async def clear_faults(double: "Double", body: Json) -> Any:
    double.faults.clear()
    return await show_faults(double, body)


async def show_ledger(double: "Double", _: Json) -> Any:
    return double.ledger.summary()


async def show_requests(double: "Double", _: Json) -> Any:
    return {"counts": dict(double.counts), "recent": list(double.recent)}


async def complete_authentication(double: "Double", body: Json) -> Any:
    intent = double.ledger.get("pi", body.get("payment_intent", ""), "payment_intent", status=404)
    intents.authenticate(double.ledger, intent, succeeded=_succeeded(body))
    return intent


async def finish(double: "Double", body: Json) -> Any:
    """Decide what is still open: {refund} or {charge} or {payment_intent}, {result}."""
    ledger, good = double.ledger, _succeeded(body)
    if "refund" in body:
        refund = ledger.get("re", body["refund"], "refund", status=404)
        refunds.finish(ledger, refund, succeeded=good)
        return refund
    if "payment_intent" in body:
        intent = ledger.get("pi", body["payment_intent"], "payment_intent", status=404)
        body = {"charge": intent["latest_charge"]}
    charge = ledger.get("ch", body.get("charge") or "", "charge", status=404)
    if charge["status"] != "pending":
        raise invalid(f"Charge {charge['id']} is {charge['status']} already")
    intents.finish(ledger, charge, succeeded=good)
    return charge


async def plan_charge(double: "Double", body: Json) -> Any:
    return _plan(double.ledger.next_charges, body, ("succeeded", "pending", "failed"))


async def plan_refund(double: "Double", body: Json) -> Any:
    return _plan(double.ledger.next_refunds, body, ("succeeded", "pending", "failed"))


async def forget_keys(double: "Double", body: Json) -> Any:
    return {"forgotten": double.keys.forget(body.get("key"))}


async def dispute(double: "Double", body: Json) -> Any:
    charge = double.ledger.get("ch", body.get("charge", ""), "charge", status=404)
    return charges.dispute(double.ledger, charge, body.get("reason", "fraudulent"))


async def close_dispute(double: "Double", body: Json) -> Any:
    made = double.ledger.get("dp", body.get("dispute", ""), "dispute", status=404)
    return charges.close_dispute(double.ledger, made, body.get("status", "lost"))


async def add_webhook(double: "Double", body: Json) -> Any:
    secrets = body.get("secrets") or [body["secret"]] if "secret" in body else body.get("secrets")
    if not secrets or "url" not in body:
        raise invalid("A webhook endpoint needs url, and secret or secrets")
    return asdict(
        double.webhooks.register(body["url"], secrets, body.get("enabled_events", ("*",)))
    )


async def show_webhooks(double: "Double", _: Json) -> Any:
    return {
        "endpoints": [asdict(endpoint) for endpoint in double.webhooks.endpoints.values()],
        "manner": asdict(double.webhooks.manner),
        "deliveries": [delivery.row() for delivery in double.webhooks.deliveries],
    }


async def remove_webhooks(double: "Double", body: Json) -> Any:
    double.webhooks.endpoints.clear()
    return await show_webhooks(double, body)


async def set_manner(double: "Double", body: Json) -> Any:
    return asdict(double.webhooks.set_manner(**body))


async def deliver(double: "Double", body: Json) -> Any:
    try:
        return {"deliveries": await double.webhooks.deliver(**body)}
    except TypeError as error:
        raise invalid(f"Not a delivery: {error}") from error


async def settings(double: "Double", body: Json) -> Any:
    double.ledger.search_lag = float(body.get("search_lag", double.ledger.search_lag))
    return {"search_lag": double.ledger.search_lag}


async def reset(double: "Double", _: Json) -> Any:
    double.reset()
    return {}


CONTROL: dict[tuple[str, str], Handler] = {
    ("POST", "/_double/faults"): add_fault,
    ("GET", "/_double/faults"): show_faults,
    ("DELETE", "/_double/faults"): clear_faults,
    ("GET", "/_double/ledger"): show_ledger,
    ("GET", "/_double/requests"): show_requests,
    ("POST", "/_double/complete_authentication"): complete_authentication,
    ("POST", "/_double/finish"): finish,
    ("POST", "/_double/next_charge"): plan_charge,
    ("POST", "/_double/next_refund"): plan_refund,
    ("POST", "/_double/forget_keys"): forget_keys,
    ("POST", "/_double/dispute"): dispute,
    ("POST", "/_double/close_dispute"): close_dispute,
    ("POST", "/_double/webhooks"): add_webhook,
    ("GET", "/_double/webhooks"): show_webhooks,
    ("DELETE", "/_double/webhooks"): remove_webhooks,
    ("POST", "/_double/webhooks/manner"): set_manner,
    ("POST", "/_double/deliver"): deliver,
    ("POST", "/_double/settings"): settings,
    ("POST", "/_double/reset"): reset,
}


async def handle(double: "Double", request: web.Request) -> Any:
    handler = CONTROL.get((request.method, request.path))
    if handler is None:
        raise invalid(f"No control {request.method} {request.path}", status=404)
    body = await request.json() if request.can_read_body else {}
    return await handler(double, body)


def _succeeded(body: Json) -> bool:
    if body.get("result") not in ("succeeded", "failed"):
        raise invalid("result must be succeeded or failed")
    return bool(body["result"] == "succeeded")


def _plan(plans: list[Plan], body: Json, statuses: tuple[str, ...]) -> Json:
    if body.get("status", "succeeded") not in statuses:
        raise invalid(f"status must be one of {', '.join(statuses)}")
    plans.extend(
        Plan(body.get("status"), dict(body.get("report", {}))) for _ in range(body.get("times", 1))
    )
    return {"planned": len(plans)}
