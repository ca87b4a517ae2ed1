"""Refunds; https://docs.stripe.com/api/refunds and https://docs.stripe.com/refunds."""

from typing import Any

from payments_kit.doubles.stripe import balance
from payments_kit.doubles.stripe.currencies import major
from payments_kit.doubles.stripe.errors import Json, invalid, refused
from payments_kit.doubles.stripe.ledger import Ledger, Plan

Params = dict[str, Any]


def create(ledger: Ledger, params: Params) -> Json:
    """Refund a charge, as `POST /v1/refunds` does."""
    charge = _charge(ledger, params)
    taken = charge["amount_captured"] if charge["captured"] else charge["amount"]
    remaining = taken - charge["amount_refunded"]
    if charge["status"] != "succeeded":
        raise refused(f"Charge {charge['id']} was not successful and cannot be refunded.")
    if charge["refunded"] or charge["id"] in ledger.expired:
        message = f"Charge {charge['id']} has already been refunded."
        raise refused(message, code="charge_already_refunded")
    if charge["disputed"] and _is_not_won(ledger, charge):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise refused(message, code="charge_disputed")
    if not charge["captured"]:
        _check_release(charge, params)
    amount = params.get("amount", remaining)
    if amount < 1:
        raise invalid("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if amount > remaining:
        requested, left = (major(each, charge["currency"]) for each in (amount, remaining))
        raise refused(
            f"Refund amount ({requested}) is greater than unrefunded amount on charge ({left})",
            param="amount",
        )
    plan = ledger.next_refunds.pop(0) if ledger.next_refunds else Plan()
    refund = _new_refund(ledger, charge, amount, params)
    refund["status"] = plan.status or ledger.cards[charge["id"]].refund
    ledger.refunds[refund["id"]] = refund
    if charge["captured"]:  # what was never captured does not change the balance
        refund["balance_transaction"] = balance.refunded(ledger, refund)
    if plan.report:
        ledger.reports[refund["id"]] = plan.report
    if refund["status"] == "failed":
        _mark_failed(ledger, refund)
    else:
        _count(charge, amount)
        ledger.emit("refund.created", refund)
        ledger.emit("charge.refunded", charge)
    return refund


def finish(ledger: Ledger, refund: Json, *, succeeded: bool) -> None:
    """Record the bank's decision about a refund; one that has succeeded may still fail."""
    if succeeded:
        refund |= {"status": "succeeded", "pending_reason": None}
        ledger.emit("refund.updated", refund)
        ledger.emit("charge.refund.updated", refund)
    elif refund["status"] != "failed":
        _count(ledger.charges[refund["charge"]], -refund["amount"])
        _mark_failed(ledger, refund)


def update(ledger: Ledger, refund_id: str, params: Params) -> Json:
    """Change a refund's metadata."""
    refund = ledger.get("re", refund_id, "refund", status=404)
    refund["metadata"] |= params.get("metadata", {})
    ledger.emit("refund.updated", refund)
    return refund


def _charge(ledger: Ledger, params: Params) -> Json:
    if "charge" in params and "payment_intent" in params:
        raise invalid("You may only specify one of these parameters: charge, payment_intent.")
    if "charge" in params:
        return ledger.get("ch", params["charge"], "charge")
    if "payment_intent" not in params:
        message = "One of the following params should be provided for this request: payment_intent "
        raise invalid(f"{message}or charge.", code="parameter_missing")
    intent = ledger.get("pi", params["payment_intent"], "payment_intent")
    charge = ledger.charges.get(intent["latest_charge"] or "")
    if charge is None or charge["status"] == "failed":
        raise refused(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
        )
    return charge


def _check_release(charge: Json, params: Params) -> None:
    """Check a refund of a charge that is not captured: it releases all that is authorized."""
    if charge["payment_intent"] is not None:
        raise refused(
            f"This PaymentIntent ({charge['payment_intent']}) does not have a successful charge to "
            "refund."
        )
    if params.get("amount", charge["amount"]) != charge["amount"]:
        message = "You cannot partially refund an uncaptured charge. Instead, capture the charge "
        raise refused(f"{message}for an amount less than the original amount", param="amount")


def _is_not_won(ledger: Ledger, charge: Json) -> bool:
    return bool(ledger.disputes[charge["dispute"]]["status"] != "won")


def _count(charge: Json, amount: int) -> None:
    charge["amount_refunded"] += amount
    taken = charge["amount_captured"] if charge["captured"] else charge["amount"]
    charge["refunded"] = charge["amount_refunded"] >= taken


def _mark_failed(ledger: Ledger, refund: Json) -> None:
    refund |= {
        "status": "failed",
        "failure_reason": "expired_or_canceled_card",
        "failure_balance_transaction": balance.refund_failed(ledger, refund),
    }
    ledger.emit("refund.failed", refund)
    ledger.emit("refund.updated", refund)
    ledger.emit("charge.refund.updated", refund)


def _new_refund(ledger: Ledger, charge: Json, amount: int, params: Params) -> Json:
    return {
        "id": ledger.new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": ledger.timestamp(),
        "currency": charge["currency"],
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": dict(params.get("metadata", {})),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending",
        "transfer_reversal": None,
    }
