"""The control API under `/_double/`, which is not PayPal's: for tests and demonstrations.

Beside what all doubles have (payments_kit/doubles/control.py), it shows what the double has
recorded, acts as the bank and the customer, and adds webhook endpoints.
"""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from aiohttp import web
from attrs import asdict

from payments_kit.doubles.control import COMMON, PREFIX, described, read_body
from payments_kit.doubles.paypal import (
    approve_page,
    authorizations,
    captures,
    disputes,
    orders,
    refunds,
    reporting,
)
from payments_kit.doubles.paypal.certificates import own_signer
from payments_kit.doubles.paypal.double import Double
from payments_kit.doubles.paypal.errors import ISSUES, Json, by_status
from payments_kit.doubles.paypal.instruments import DEFAULT, INSTRUMENTS
from payments_kit.doubles.paypal.ledger import Plan

Handler = Callable[[Double, Json], Awaitable[Any]]
_STATUSES = ("COMPLETED", "PENDING", "DECLINED", "FAILED", "CREATED")


# --- records ---


async def show_ledger(double: Double, _: Json) -> Any:
    """Return all orders, authorizations, captures, refunds and disputes with their real values."""
    return double.ledger.summary()


async def settings(double: Double, body: Json) -> Any:
    """Change some of `unique_invoices`, `token_seconds`, `reporting_lag`, `max_reported`, and
    `credentials`: a secret for each client id.
    """
    ledger, tokens = double.ledger, double.tokens
    ledger.unique_invoices = bool(body.get("unique_invoices", ledger.unique_invoices))
    ledger.reporting_lag = float(body.get("reporting_lag", ledger.reporting_lag))
    ledger.max_reported = int(body.get("max_reported", ledger.max_reported))
    tokens.seconds = float(body.get("token_seconds", tokens.seconds))
    tokens.credentials = dict(body.get("credentials", tokens.credentials))
    return {
        "unique_invoices": ledger.unique_invoices,
        "reporting_lag": ledger.reporting_lag,
        "max_reported": ledger.max_reported,
        "token_seconds": tokens.seconds,
        "clients": list(tokens.credentials),
    }


async def advance(double: Double, body: Json) -> Any:
    """Let {seconds} pass for the double."""
    double.ledger.advanced += float(body.get("seconds", 0))
    return {"time": double.ledger.timestamp()}


async def reset(double: Double, _: Json) -> Any:
    """Remove everything but the webhook endpoints and the credentials."""
    double.reset()
    return {}


async def expire_tokens(double: Double, _: Json) -> Any:
    """End all access tokens before their time."""
    double.tokens.expire()
    return {}


async def forget_keys(double: Double, body: Json) -> Any:
    """Expire all request ids, or one {key}, as after six hours."""
    return {"forgotten": double.keys.forget(body.get("key"))}


# --- the customer and the bank ---


async def approve(double: Double, body: Json) -> Any:
    """Approve an {order} with an {instrument}; return where the customer is sent."""
    order = double.ledger.get("orders", body.get("order", ""))
    instrument = body.get("instrument", DEFAULT)
    if instrument not in INSTRUMENTS:
        raise ValueError(f"instrument must be one of {', '.join(INSTRUMENTS)}")
    return {"location": approve_page.approved(double.ledger, order, instrument)}


async def decline(double: Double, body: Json) -> Any:
    """Let the customer of an {order} go back; return where the customer is sent."""
    return {"location": approve_page.cancelled(double.ledger.get("orders", body.get("order", "")))}


async def finish(double: Double, body: Json) -> Any:
    """Complete a pending {capture}, {refund} or {authorization} with {result}."""
    ledger, succeeded = double.ledger, _succeeded(body)
    if "refund" in body:
        refunds.finish(ledger, ledger.get("refunds", body["refund"]), succeeded=succeeded)
    elif "authorization" in body:
        held = ledger.get("authorizations", body["authorization"])
        authorizations.finish(ledger, held, succeeded=succeeded)
    else:
        capture = ledger.get("captures", body.get("capture", ""))
        captures.finish(ledger, capture, succeeded=succeeded)
    return ledger.summary()


async def expire(double: Double, body: Json) -> Any:
    """Let an {order} or an {authorization} run out."""
    ledger = double.ledger
    if "authorization" in body:
        authorizations.expire(ledger, ledger.get("authorizations", body["authorization"]))
    else:
        orders.expire(ledger, ledger.get("orders", body.get("order", "")))
    return ledger.summary()


async def plan_capture(double: Double, body: Json) -> Any:
    """Set what the next {times} captures do: an {issue}, a {status} with a {reason}, a {report}."""
    return _plan(double.ledger.next_captures, body)


async def plan_authorization(double: Double, body: Json) -> Any:
    """Set what the next {times} authorizations do."""
    return _plan(double.ledger.next_authorizations, body)


async def plan_refund(double: Double, body: Json) -> Any:
    """Set what the next {times} refunds do."""
    return _plan(double.ledger.next_refunds, body)


async def open_dispute(double: Double, body: Json) -> Any:
    """Open a dispute about a {capture}, for a {reason}, at a {stage}, of a {value}."""
    ledger, stage = double.ledger, body.get("stage", "INQUIRY")
    if stage not in ("INQUIRY", "CHARGEBACK"):
        raise ValueError("stage must be INQUIRY or CHARGEBACK")
    value = Decimal(body["value"]) if "value" in body else None
    capture = ledger.get("captures", body.get("capture", ""))
    reason = body.get("reason", "MERCHANDISE_OR_SERVICE_NOT_RECEIVED")
    return disputes.open_dispute(ledger, capture, reason, stage, value)


async def update_dispute(double: Double, body: Json) -> Any:
    """Give a {dispute} another {status}."""
    dispute = double.ledger.get("disputes", body.get("dispute", ""))
    return disputes.update(double.ledger, dispute, body.get("status", "UNDER_REVIEW"))


async def resolve_dispute(double: Double, body: Json) -> Any:
    """Resolve a {dispute} with an {outcome}."""
    dispute = double.ledger.get("disputes", body.get("dispute", ""))
    return disputes.resolve(double.ledger, dispute, body.get("outcome", "RESOLVED_BUYER_FAVOUR"))


async def withdraw(double: Double, body: Json) -> Any:
    """Move an {amount} from the balance to the shop's bank, as a payout does."""
    return reporting.move(double.ledger, reporting.WITHDRAWAL, body["amount"])


async def misreport(double: Double, body: Json) -> Any:
    """Let transaction search report {fields} of a {transaction} wrongly."""
    double.ledger.transaction_reports[body["transaction"]] = dict(body["fields"])
    return double.ledger.transaction_reports


# --- webhooks ---


async def add_webhook(double: Double, body: Json) -> Any:
    """Send {enabled_events} to a {url}, signed for a webhook {id}."""
    if "url" not in body:
        raise ValueError("A webhook endpoint needs url")
    events = body.get("enabled_events", ("*",))
    return asdict(double.webhooks.register(body["url"], body.get("id"), events))


async def show_root(_: Double, __: Json) -> Any:
    """Return the root certificate of the webhooks' signatures."""
    return {"pem": own_signer().root_pem.decode()}


CONTROL: dict[tuple[str, str], Handler] = {
    **COMMON,
    ("GET", "/_double/ledger"): show_ledger,
    ("POST", "/_double/settings"): settings,
    ("POST", "/_double/advance"): advance,
    ("POST", "/_double/reset"): reset,
    ("POST", "/_double/expire_tokens"): expire_tokens,
    ("POST", "/_double/forget_keys"): forget_keys,
    ("POST", "/_double/approve"): approve,
    ("POST", "/_double/decline"): decline,
    ("POST", "/_double/finish"): finish,
    ("POST", "/_double/expire"): expire,
    ("POST", "/_double/next_capture"): plan_capture,
    ("POST", "/_double/next_authorization"): plan_authorization,
    ("POST", "/_double/next_refund"): plan_refund,
    ("POST", "/_double/dispute"): open_dispute,
    ("POST", "/_double/update_dispute"): update_dispute,
    ("POST", "/_double/resolve_dispute"): resolve_dispute,
    ("POST", "/_double/withdraw"): withdraw,
    ("POST", "/_double/misreport"): misreport,
    ("POST", "/_double/webhooks"): add_webhook,
    ("GET", "/_double/root_certificate"): show_root,
}


async def handle(double: Double, request: web.Request) -> Any:
    """Execute a request to the control API; return the JSON of its reply."""
    if (request.method, request.path) == ("GET", PREFIX):
        return described(CONTROL)
    handler = CONTROL.get((request.method, request.path))
    if handler is None:
        raise by_status(404, message=f"No control route {request.method} {request.path}")
    return await handler(double, await read_body(request))


def _succeeded(body: Json) -> bool:
    if body.get("result") not in ("succeeded", "failed"):
        raise ValueError("result must be succeeded or failed")
    return bool(body["result"] == "succeeded")


def _plan(plans: list[Plan], body: Json) -> Json:
    issue, status = body.get("issue"), body.get("status")
    if issue is not None and issue not in ISSUES:
        raise ValueError(f"Unknown issue {issue}")
    if status is not None and status not in _STATUSES:
        raise ValueError(f"status must be one of {', '.join(_STATUSES)}")
    plans.extend(
        Plan(issue, status, body.get("reason"), dict(body.get("report", {})))
        for _ in range(body.get("times", 1))
    )
    return {"planned": len(plans)}
