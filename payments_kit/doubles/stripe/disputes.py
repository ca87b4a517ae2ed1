"""Disputes; https://docs.stripe.com/api/disputes."""

from payments_kit.doubles.stripe import balance
from payments_kit.doubles.stripe.errors import Json
from payments_kit.doubles.stripe.ledger import Ledger


def open_dispute(ledger: Ledger, charge: Json, reason: str = "fraudulent") -> Json:
    """Open a dispute of the customer's bank about a charge; https://docs.stripe.com/api/disputes/object."""
    dispute: Json = {
        "id": ledger.new_id("dp"),
        "object": "dispute",
        "amount": charge["amount"] - charge["amount_refunded"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": ledger.timestamp(),
        "currency": charge["currency"],
        "evidence": {},
        "evidence_details": {"due_by": None, "has_evidence": False, "submission_count": 0},
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": "needs_response",
    }
    ledger.disputes[dispute["id"]] = dispute
    dispute["balance_transactions"] = [balance.disputed(ledger, dispute)]
    charge |= {"disputed": True, "dispute": dispute["id"]}
    ledger.emit("charge.dispute.created", dispute)
    return dispute


def close_dispute(ledger: Ledger, dispute: Json, status: str) -> Json:
    """Decide a dispute: won or lost."""
    dispute["status"] = status
    if status != "lost":
        dispute["balance_transactions"].append(balance.dispute_won(ledger, dispute))
    ledger.emit("charge.dispute.closed", dispute)
    return dispute
