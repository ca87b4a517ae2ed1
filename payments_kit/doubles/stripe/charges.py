"""Charges: created, declined and captured; https://docs.stripe.com/api/charges."""

from typing import Any

from attrs import evolve

from payments_kit.doubles.stripe import balance
from payments_kit.doubles.stripe.cards import AUTHENTICATION_REQUIRED, OTHER_METHODS, Card, Decline
from payments_kit.doubles.stripe.currencies import check_amount, check_currency
from payments_kit.doubles.stripe.disputes import open_dispute
from payments_kit.doubles.stripe.errors import Json, StripeFailure, invalid
from payments_kit.doubles.stripe.ledger import Ledger, Plan
from payments_kit.doubles.stripe.methods import card_details, take_token

Params = dict[str, Any]

AUTHORIZED_SECONDS = 7 * 24 * 3600
"""How long a bank holds the money of an online payment by its customer
(https://docs.stripe.com/payments/place-a-hold-on-a-payment-method)."""


def create(ledger: Ledger, params: Params) -> Json:
    """Charge a source, as `POST /v1/charges` does."""
    currency = check_currency(params["currency"])
    check_amount(params["amount"], currency)
    if "source" not in params:
        raise invalid("Must provide source or customer.", code="parameter_missing", param="source")
    card = take_token(ledger, params["source"], "source")
    if card.authentication != "never":
        # The Charges API has no authentication: the bank declines.
        # https://docs.stripe.com/declines/codes
        card = evolve(card, decline=AUTHENTICATION_REQUIRED)
    charge = attempt(
        ledger,
        card,
        amount=params["amount"],
        currency=currency,
        captured=params.get("capture", True),
        metadata=params.get("metadata", {}),
        description=params.get("description"),
        source=source_of(ledger, card),
        payment_method=ledger.new_id("card"),
    )
    if charge["status"] == "failed":
        raise card_error(card.decline, charge=charge["id"])
    return charge


def source_of(ledger: Ledger, card: Card) -> Json:
    """Return the source object of a card."""
    return {"id": ledger.new_id("card"), "object": "card", "name": None} | card_details(card)


def card_error(decline: Decline | None, **more: Any) -> StripeFailure:
    """Return the 402 of a decline; https://docs.stripe.com/error-handling#payment-errors."""
    if decline is None:
        decline = Decline("card_declined", "Your card was declined.", "generic_decline")
    message, code = decline.message, decline.code
    more = {"decline_code": decline.decline_code, **more}
    if code == "incorrect_cvc":
        more["param"] = "cvc"
    elif code == "expired_card":
        more["param"] = "exp_month"
    return StripeFailure(402, "card_error", message, code=code, **more)


def attempt(ledger: Ledger, card: Card, **fields: Any) -> Json:
    """Charge a card, and record the charge even if it is declined."""
    plan = ledger.next_charges.pop(0) if ledger.next_charges else Plan()
    undecided = "pending" if card.method == "us_bank_account" else "succeeded"
    status = "failed" if card.decline else plan.status or undecided
    charge = _new_charge(ledger, card, **fields)
    ledger.charges[charge["id"]] = charge
    ledger.cards[charge["id"]] = card
    if plan.report:
        ledger.reports[charge["id"]] = plan.report
    settle(ledger, charge, status, card.decline)
    return charge


def settle(ledger: Ledger, charge: Json, status: str, decline: Decline | None = None) -> None:
    """Record the bank's decision, which is made at once or later."""
    charge["status"] = status
    if status == "failed":
        decline = decline or Decline("card_declined", "Your card was declined.", "generic_decline")
        charge |= {
            "failure_code": decline.code,
            "failure_message": decline.message,
            "outcome": _declined_outcome(decline),
            "captured": False,
            "paid": False,
        }
    elif status == "succeeded":
        charge |= {"paid": True, "outcome": _APPROVED}
        if charge["captured"]:
            charge["amount_captured"] = charge["amount"]
            charge["balance_transaction"] = balance.charged(ledger, charge)
    ledger.emit(f"charge.{status}", charge)
    card = ledger.cards[charge["id"]]
    if status == "succeeded" and card.dispute:
        open_dispute(ledger, charge, card.dispute)


def update(ledger: Ledger, charge_id: str, params: Params) -> Json:
    """Change a charge's metadata and description."""
    charge = ledger.get("ch", charge_id, "charge", status=404)
    charge["metadata"] |= params.pop("metadata", {})
    charge |= params
    ledger.emit("charge.updated", charge)
    return charge


_APPROVED: Json = {
    "advice_code": None,
    "network_advice_code": None,
    "network_decline_code": None,
    "network_status": "approved_by_network",
    "reason": None,
    "risk_level": "normal",
    "risk_score": 12,
    "seller_message": "Payment complete.",
    "type": "authorized",
}


def _declined_outcome(decline: Decline) -> Json:
    if decline.blocked:
        return _APPROVED | {
            "network_status": "not_sent_to_network",
            "reason": "highest_risk_level",
            "risk_level": "highest",
            "risk_score": 95,
            "seller_message": "Stripe blocked this payment as too risky.",
            "type": "blocked",
        }
    return _APPROVED | {
        "network_status": "declined_by_network",
        "reason": decline.decline_code or decline.code,
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
    }


def _new_charge(
    ledger: Ledger,
    card: Card,
    *,
    amount: int,
    currency: str,
    captured: bool,
    metadata: dict[str, str],
    description: str | None = None,
    source: Json | None = None,
    payment_intent: str | None = None,
    payment_method: str | None = None,
) -> Json:
    details = card_details(card)
    return {
        "id": ledger.new_id("ch"),
        "object": "charge",
        "amount": amount,
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": {"address": None, "email": None, "name": None, "phone": None},
        "calculated_statement_descriptor": "Stripe",
        "captured": captured,
        "created": ledger.timestamp(),
        "currency": currency,
        "customer": None,
        "description": description,
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(metadata),
        "on_behalf_of": None,
        "outcome": None,
        "paid": False,
        "payment_intent": payment_intent,
        "payment_method": payment_method,
        "payment_method_details": _method_details(
            card, details, None if captured else ledger.timestamp() + AUTHORIZED_SECONDS
        ),
        "radar_options": {},
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": source,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "pending",
        "transfer_data": None,
        "transfer_group": None,
    }


def _method_details(card: Card, details: Json, capture_before: int | None) -> Json:
    if card.method in OTHER_METHODS:
        return {"type": card.method, card.method: {}}
    if card.method != "card":
        bank = {"account_type": "checking", "bank_name": "STRIPE TEST BANK", "last4": card.last4}
        return {"type": card.method, card.method: bank}
    return {
        "type": "card",
        "card": {
            **{k: details[k] for k in ("brand", "country", "exp_month", "exp_year", "last4")},
            "funding": card.funding,
            "network": card.brand,
            "three_d_secure": None,
        }
        | ({} if capture_before is None else {"capture_before": capture_before}),
    }
