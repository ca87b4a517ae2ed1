"""The control API under `/_double/`, which is not Stripe's: for tests and demonstrations.

Beside what all doubles have (payments_kit/doubles/control.py), it shows what the double has
recorded, acts as the bank and the customer, and adds webhook endpoints.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from attrs import asdict

from payments_kit.doubles.control import COMMON, PREFIX, described, read_body
from payments_kit.doubles.stripe import captures, disputes, intents, lifecycle, refunds
from payments_kit.doubles.stripe.double import Double
from payments_kit.doubles.stripe.errors import Json, invalid
from payments_kit.doubles.stripe.ledger import Plan
from payments_kit.doubles.stripe.routes_balance import BALANCE_CONTROL

Handler = Callable[[Double, Json], Awaitable[Any]]

# --- records ---


async def show_ledger(double: Double, _: Json) -> Any:
    """Return all charges, intents, refunds and disputes with their real values."""
    return double.ledger.summary()


async def settings(double: Double, body: Json) -> Any:
    """Change `search_lag`: how many seconds search lags behind writes."""
    double.ledger.search_lag = float(body.get("search_lag", double.ledger.search_lag))
    return {"search_lag": double.ledger.search_lag}


async def forbid(double: Double, body: Json) -> Any:
    """Take {permissions} from restricted keys: a name for each pattern of `METHOD path`."""
    double.forbidden = dict(body.get("permissions", {}))
    return {"forbidden": double.forbidden}


async def reset(double: Double, _: Json) -> Any:
    """Remove everything but the webhook endpoints."""
    double.reset()
    return {}


# --- the customer and the bank ---


async def complete_authentication(double: Double, body: Json) -> Any:
    """End the authentication of {payment_intent} with {result}: succeeded or failed."""
    intent = double.ledger.get("pi", body.get("payment_intent", ""), "payment_intent", status=404)
    lifecycle.authenticate(double.ledger, intent, succeeded=_succeeded(body))
    return intent


async def finish(double: Double, body: Json) -> Any:
    """Complete a pending {refund}, {charge} or {payment_intent} with {result}."""
    ledger, succeeded = double.ledger, _succeeded(body)
    if "refund" in body:
        refund = ledger.get("re", body["refund"], "refund", status=404)
        refunds.finish(ledger, refund, succeeded=succeeded)
        return refund
    if "payment_intent" in body:
        intent = ledger.get("pi", body["payment_intent"], "payment_intent", status=404)
        body = {"charge": intent["latest_charge"]}
    charge = ledger.get("ch", body.get("charge") or "", "charge", status=404)
    if charge["status"] != "pending":
        raise invalid(f"Charge {charge['id']} is {charge['status']} already")
    lifecycle.finish(ledger, charge, succeeded=succeeded)
    return charge


async def expire(double: Double, body: Json) -> Any:
    """Let the authorization of a {charge} or {payment_intent} run out."""
    ledger = double.ledger
    if "payment_intent" in body:
        intent = ledger.get("pi", body["payment_intent"], "payment_intent", status=404)
        intents.expire(ledger, intent)
        return intent
    charge = ledger.get("ch", body.get("charge") or "", "charge", status=404)
    captures.expire(ledger, charge)
    return charge


async def plan_charge(double: Double, body: Json) -> Any:
    """Set the {status} of the next {times} charges, or the fields that the API will {report}."""
    return _plan(double.ledger.next_charges, body)


async def plan_refund(double: Double, body: Json) -> Any:
    """Set the {status} of the next {times} refunds, or the fields that the API will {report}."""
    return _plan(double.ledger.next_refunds, body)


async def forget_keys(double: Double, body: Json) -> Any:
    """Expire all idempotency keys, or one {key}, as after 24 hours."""
    return {"forgotten": double.keys.forget(body.get("key"))}


async def open_dispute(double: Double, body: Json) -> Any:
    """Open a dispute about a {charge} for a {reason}."""
    charge = double.ledger.get("ch", body.get("charge", ""), "charge", status=404)
    return disputes.open_dispute(double.ledger, charge, body.get("reason", "fraudulent"))


async def close_dispute(double: Double, body: Json) -> Any:
    """Close a {dispute} with a {status}: won or lost."""
    dispute = double.ledger.get("dp", body.get("dispute", ""), "dispute", status=404)
    return disputes.close_dispute(double.ledger, dispute, body.get("status", "lost"))


# --- webhooks ---


async def add_webhook(double: Double, body: Json) -> Any:
    """Send {enabled_events} to a {url}, signed with a {secret} or {secrets}."""
    secrets = body.get("secrets") or [body["secret"]] if "secret" in body else body.get("secrets")
    if not secrets or "url" not in body:
        raise invalid("A webhook endpoint needs url, and secret or secrets")
    return asdict(
        double.webhooks.register(body["url"], secrets, body.get("enabled_events", ("*",)))
    )


CONTROL: dict[tuple[str, str], Handler] = {
    **COMMON,
    ("GET", "/_double/ledger"): show_ledger,
    ("POST", "/_double/settings"): settings,
    ("POST", "/_double/permissions"): forbid,
    ("POST", "/_double/reset"): reset,
    ("POST", "/_double/complete_authentication"): complete_authentication,
    ("POST", "/_double/finish"): finish,
    ("POST", "/_double/expire"): expire,
    ("POST", "/_double/next_charge"): plan_charge,
    ("POST", "/_double/next_refund"): plan_refund,
    ("POST", "/_double/forget_keys"): forget_keys,
    ("POST", "/_double/dispute"): open_dispute,
    ("POST", "/_double/close_dispute"): close_dispute,
    **BALANCE_CONTROL,
    ("POST", "/_double/webhooks"): add_webhook,
}


async def handle(double: Double, request: web.Request) -> Any:
    """Execute a request to the control API; return the JSON of its reply."""
    if (request.method, request.path) == ("GET", PREFIX):
        return described(CONTROL)
    handler = CONTROL.get((request.method, request.path))
    if handler is None:
        raise invalid(f"No control route {request.method} {request.path}", status=404)
    return await handler(double, await read_body(request))


def _succeeded(body: Json) -> bool:
    if body.get("result") not in ("succeeded", "failed"):
        raise invalid("result must be succeeded or failed")
    return bool(body["result"] == "succeeded")


def _plan(plans: list[Plan], body: Json) -> Json:
    if body.get("status", "succeeded") not in ("succeeded", "pending", "failed"):
        raise invalid("status must be one of succeeded, pending, failed")
    plans.extend(
        Plan(body.get("status"), dict(body.get("report", {}))) for _ in range(body.get("times", 1))
    )
    return {"planned": len(plans)}
