"""Stripe's own charges and refunds, read without the service (https://docs.stripe.com/api)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from payments_kit.verification.lines import ChargeLine, RefundLine

GATEWAY: Final = "stripe"

# https://docs.stripe.com/currencies#special-cases: how many decimals more Stripe's amounts have
# than those of ISO 4217. MGA is without decimals at Stripe
# (https://docs.stripe.com/currencies#zero-decimal).
_MORE_DECIMALS: Final = {"isk": 2, "ugx": 2, "mga": -2}

_REFUND_STATES: Final = {
    "succeeded": "succeeded",
    "pending": "pending",
    "requires_action": "pending",
    "failed": "failed",
    "canceled": "failed",
}
"""https://docs.stripe.com/api/refunds/object#refund_object-status"""


def charge_of(body: Mapping[str, Any]) -> ChargeLine | None:
    """Return the line of a charge; None if it does not bear our labels, or holds nothing.

    Raises:
        KeyError, TypeError, ValueError: it is not as Stripe describes it.
    """
    labels = body.get("metadata") or {}
    if not labels.get("payment_id"):
        return None
    state = _state(body)
    if state is None:
        return None
    amount = body["amount_captured"] if state == "captured" else body["amount"]
    currency = body["currency"]
    return ChargeLine(
        gateway=GATEWAY,
        id=body["id"],
        payment=labels["payment_id"],
        order=labels.get("order_id", ""),
        amount=_units(amount, currency),
        currency=currency,
        state=state,
        captured_at=_time(body["created"]),
        refunded=_units(body["amount_refunded"], currency) if state == "captured" else None,
    )


def _state(body: Mapping[str, Any]) -> str | None:
    """Return the state of a charge; None if its money was released."""
    status = body["status"]
    if status != "succeeded":
        return str(status)
    if body["captured"]:
        return "captured"
    if body.get("refunded"):
        return None
    intent = body.get("payment_intent")
    if isinstance(intent, dict):  # only if it was listed with `expand[]=data.payment_intent`
        return "held" if intent.get("status") == "requires_capture" else None
    return "held" if intent is None else "uncaptured"


def refund_of(body: Mapping[str, Any]) -> RefundLine:
    """Return the line of a refund.

    Raises:
        KeyError, TypeError, ValueError: it is not as Stripe describes it.
    """
    status, labels = body["status"], body.get("metadata") or {}
    return RefundLine(
        gateway=GATEWAY,
        id=body["id"],
        charge=body["charge"],
        refund=_ours(labels.get("refund_id"), labels.get("refund_key")),
        amount=_units(body["amount"], body["currency"]),
        currency=body["currency"],
        state=_REFUND_STATES.get(status, status),
        created_at=_time(body["created"]),
    )


def _ours(refund_id: Any, key: Any) -> str | None:
    """Return our refund that the labels name; others may use one of the two labels, not both."""
    name, _, attempt = str(key).rpartition(":")
    return str(refund_id) if refund_id and name == refund_id and attempt.isdigit() else None


def _units(amount: int, currency: str) -> int:
    if type(amount) is not int:
        raise TypeError("an amount is not whole")
    more = _MORE_DECIMALS.get(currency, 0)
    if more < 0:
        return amount * int(10**-more)
    if amount % 10**more:
        raise ValueError("an amount has more decimals than its currency")
    return int(amount // 10**more)


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
