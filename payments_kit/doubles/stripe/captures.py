"""Captures of authorized charges, and the end of an authorization.

https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
"""

from typing import Any

from payments_kit.doubles.stripe import balance
from payments_kit.doubles.stripe.errors import Json, invalid, refused
from payments_kit.doubles.stripe.ledger import Ledger

Params = dict[str, Any]


def capture(ledger: Ledger, charge_id: str, params: Params) -> Json:
    """Capture an authorized charge, or a part of it; the rest is released, and not refunded.

    https://docs.stripe.com/changelog/basil/2025-03-31/remove-refund-from-partial-capture-and-payment-cancellation-flow
    """
    charge = ledger.get("ch", charge_id, "charge", status=404)
    if charge["status"] != "succeeded" or charge["captured"]:
        message = f"Charge {charge_id} has already been captured."
        raise refused(message, code="charge_already_captured")
    if charge["refunded"]:
        message = f"Charge {charge_id} has already been refunded."
        raise refused(message, code="charge_already_refunded")
    if charge_id in ledger.expired:
        message = f"Charge {charge_id} cannot be captured because the authorization has expired."
        raise refused(message, code="charge_expired_for_capture")
    amount: int = params["amount"] if "amount" in params else charge["amount"]
    if amount < 1:
        raise invalid("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if amount > charge["amount"]:
        raise refused(
            "The amount to capture must be at most what was authorized.",
            code="amount_too_large",
            param="amount",
        )
    charge |= {"captured": True, "amount_captured": amount}
    charge["balance_transaction"] = balance.charged(ledger, charge)
    ledger.emit("charge.captured", charge)
    return charge


def capture_directly(ledger: Ledger, charge_id: str, params: Params) -> Json:
    """Capture a charge, as `POST /v1/charges/{id}/capture` does."""
    charge = ledger.get("ch", charge_id, "charge", status=404)
    if charge["payment_intent"] is not None:
        raise refused(
            "This charge was created by a PaymentIntent, and must be captured with "
            f"/v1/payment_intents/{charge['payment_intent']}/capture."
        )
    return capture(ledger, charge_id, params)


def expire(ledger: Ledger, charge: Json) -> None:
    """Let an authorization run out; https://docs.stripe.com/api/charges/capture."""
    if charge["status"] != "succeeded" or charge["captured"] or charge["refunded"]:
        raise invalid(f"Charge {charge['id']} is not authorized")
    ledger.expired.add(charge["id"])
    ledger.emit("charge.expired", charge)
