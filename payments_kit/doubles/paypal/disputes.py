"""Disputes; https://developer.paypal.com/docs/api/customer-disputes/v1/."""

import base64
import binascii
from decimal import Decimal
from typing import Final

from payments_kit.doubles.paypal import amounts, queries, reporting
from payments_kit.doubles.paypal.errors import Json
from payments_kit.doubles.paypal.ledger import MERCHANT, PAYER, Ledger
from payments_kit.doubles.paypal.replies import Request, Result

OUTCOMES: Final = (
    "RESOLVED_BUYER_FAVOUR",
    "RESOLVED_SELLER_FAVOUR",
    "RESOLVED_WITH_PAYOUT",
    "CANCELED_BY_BUYER",
    "ACCEPTED",
    "DENIED",
)
_LOST: Final = ("RESOLVED_BUYER_FAVOUR", "ACCEPTED")
# The state of each status, for the shop; a status that is not here has no other state.
_STATES: Final = {
    "OPEN": "OPEN_INQUIRIES",
    "WAITING_FOR_BUYER_RESPONSE": "REQUIRED_OTHER_PARTY_ACTION",
    "WAITING_FOR_SELLER_RESPONSE": "REQUIRED_ACTION",
    "UNDER_REVIEW": "UNDER_PAYPAL_REVIEW",
    "RESOLVED": "RESOLVED",
}
_SUMMARY: Final = (
    "dispute_id", "create_time", "update_time", "reason", "status", "dispute_state",
    "dispute_amount", "dispute_life_cycle_stage", "dispute_channel", "seller_response_due_date",
    "links",
)  # fmt: skip
_PATH: Final = "/v1/customer/disputes"
_RESPONSE_DAYS: Final = 10
# "within the last 180 days"
_DAYS: Final = 180
_FILTERS: Final = ("disputed_transaction_id", "start_time", "update_time_after")
_MAX_PAGE: Final = 50


def open_dispute(
    ledger: Ledger, capture: Json, reason: str, stage: str, value: Decimal | None = None
) -> Json:
    """Let the customer of a capture complain, at PayPal (INQUIRY) or their bank (CHARGEBACK)."""
    at, amount = ledger.timestamp(), capture["amount"]
    if value is not None:
        amount = amounts.money(amount["currency_code"], value)
    number = f"PP-D-{ledger.random.randrange(10**5, 10**6)}"
    status = "OPEN" if stage == "INQUIRY" else "WAITING_FOR_SELLER_RESPONSE"
    dispute: Json = {
        "id": number,
        "dispute_id": number,
        "create_time": at,
        "update_time": at,
        "disputed_transactions": [_transaction(ledger, capture)],
        "reason": reason,
        "status": status,
        "dispute_state": _STATES[status],
        "dispute_amount": amount,
        "dispute_life_cycle_stage": stage,
        "dispute_channel": "INTERNAL" if stage == "INQUIRY" else "EXTERNAL",
        "seller_response_due_date": ledger.timestamp(_RESPONSE_DAYS * 86400),
        "_capture": capture["id"],
        "_charged_back": stage == "CHARGEBACK",
    }
    ledger.disputes[number] = dispute
    _announce(ledger, dispute, "CREATED")
    return dispute


def update(ledger: Ledger, dispute: Json, status: str) -> Json:
    """Change the status of a dispute that is not resolved."""
    if status not in _STATES or "RESOLVED" in (status, dispute["status"]):
        raise ValueError(f"Dispute {dispute['dispute_id']} can't become {status}")
    ledger.touch(dispute, status=status, dispute_state=_STATES[status])
    _announce(ledger, dispute, "UPDATED")
    return dispute


def resolve(ledger: Ledger, dispute: Json, outcome: str) -> Json:
    """Decide a dispute; one that the shop loses takes the money from its balance."""
    if outcome not in OUTCOMES or dispute["status"] == "RESOLVED":
        raise ValueError(f"Dispute {dispute['dispute_id']} can't be resolved with {outcome}")
    result: Json = {"outcome_code": outcome}
    if outcome in _LOST:
        result["amount_refunded"] = dispute["dispute_amount"]
        code = reporting.CHARGEBACK if dispute["_charged_back"] else reporting.REVERSAL
        capture = ledger.captures[dispute["_capture"]]
        reporting.move(ledger, code, dispute["dispute_amount"], capture)
    dispute.pop("seller_response_due_date", None)
    ledger.touch(dispute, status="RESOLVED", dispute_state="RESOLVED", dispute_outcome=result)
    _announce(ledger, dispute, "RESOLVED")
    return dispute


def read(ledger: Ledger, request: Request) -> Result:
    """Show a dispute."""
    dispute = ledger.get("disputes", request.object_id)
    return Result(lambda: _shown(ledger, dispute))


def listed(ledger: Ledger, request: Request) -> Result:
    """List disputes, the newest first, as `GET /v1/customer/disputes` does."""
    query = request.query
    queries.check_names(
        query,
        (*_FILTERS, "dispute_state", "page_size", "next_page_token", "update_time_before"),
    )
    if "start_time" in query and "disputed_transaction_id" in query:
        raise queries.wrong("start_time", "INCOMPATIBLE_PARAMETER_VALUE")
    oldest = ledger.time() - _DAYS * 86400
    for name in ("start_time", "update_time_after"):
        if name in query and queries.seconds(name, query[name]) < oldest:
            raise queries.wrong(name, "INVALID_PARAMETER_VALUE", query[name])
    size = queries.number(query, "page_size", 10, _MAX_PAGE)
    first = _offset(query.get("next_page_token"))
    found = [it for it in ledger.disputes.values() if _matches(ledger, it, query)]
    found.reverse()
    page = found[first : first + size]
    links = [_link(ledger, _PATH, "self")]
    if first + size < len(found):
        token = base64.b64encode(str(first + size).encode()).decode()
        links.append(_link(ledger, f"{_PATH}?page_size={size}&next_page_token={token}", "next"))
    items = [_summary(ledger, it) for it in page]
    return Result(lambda: {"items": items, "links": links})


def _matches(ledger: Ledger, dispute: Json, query: dict[str, str]) -> bool:
    def at(name: str, default: float) -> float:
        return queries.seconds(name, query[name]) if name in query else default

    oldest = ledger.time() - _DAYS * 86400
    created, updated = (
        queries.seconds(name, dispute[name]) for name in ("create_time", "update_time")
    )
    states = str(query.get("dispute_state", dispute["dispute_state"])).split(",")
    transaction = query.get("disputed_transaction_id", dispute["_capture"])
    return (
        created >= at("start_time", oldest)
        and at("update_time_after", oldest) <= updated
        and updated <= at("update_time_before", updated)
        and dispute["dispute_state"] in states
        and transaction == dispute["_capture"]
    )


def _offset(token: str | None) -> int:
    try:
        return 0 if token is None else int(base64.b64decode(token, validate=True))
    except (binascii.Error, ValueError):
        raise queries.wrong("next_page_token", "INVALID_PARAMETER_VALUE", token) from None


def _transaction(ledger: Ledger, capture: Json) -> Json:
    names = {"custom": "custom_id", "invoice_number": "invoice_id"}
    return {
        "seller_transaction_id": capture["id"],
        "buyer_transaction_id": ledger.new_id(),
        "create_time": capture["create_time"],
        "transaction_status": "COMPLETED",
        "gross_amount": capture["amount"],
        **{name: capture[field] for name, field in names.items() if field in capture},
        "buyer": {"name": "Pat Payer"},
        "seller": {"merchant_id": MERCHANT, "name": "The shop"},
    }


def _shown(ledger: Ledger, dispute: Json) -> Json:
    hidden = ("id", "dispute_state")
    shown = {name: dispute[name] for name in dispute if name[0] != "_" and name not in hidden}
    return shown | {"links": [_link(ledger, f"{_PATH}/{dispute['dispute_id']}", "self")]}


def _summary(ledger: Ledger, dispute: Json) -> Json:
    shown = _shown(ledger, dispute) | {"dispute_state": dispute["dispute_state"]}
    return {name: shown[name] for name in _SUMMARY if name in shown}


def _link(ledger: Ledger, path: str, rel: str) -> Json:
    return {"href": f"{ledger.address}{path}", "rel": rel, "method": "GET"}


def _announce(ledger: Ledger, dispute: Json, what: str) -> None:
    summary = f"A dispute by {PAYER['email_address']}: {what.lower()}"
    ledger.emit(f"CUSTOMER.DISPUTE.{what}", "dispute", _shown(ledger, dispute), summary)
