"""Payouts to the shop's bank; https://docs.stripe.com/api/payouts."""

from typing import Any, Final

from payments_kit.doubles.stripe.balance import record
from payments_kit.doubles.stripe.errors import Json, invalid
from payments_kit.doubles.stripe.ledger import Ledger
from payments_kit.doubles.stripe.listing import in_bounds, listed

Params = dict[str, Any]

# A bank has the money a day after it was sent, about.
_ARRIVAL_SECONDS: Final = 24 * 3600
_DAY: Final = 24 * 3600


def pay_out(
    ledger: Ledger, currency: str, *, automatic: bool = True, amount: int | None = None
) -> Json:
    """Pay out what is not paid out yet of a currency; by hand, perhaps a part of it."""
    waiting = [
        each
        for each in ledger.balance_transactions.values()
        if each["currency"] == currency and each["id"] not in ledger.paid_out
    ]
    total = sum(each["net"] for each in waiting)
    if not waiting:
        raise invalid(f"Nothing of {currency} is to be paid out")
    if automatic and amount is not None:
        raise invalid("An automatic payout has no amount of its own")
    payout = _new_payout(ledger, total if amount is None else amount, currency, automatic)
    ledger.payouts[payout["id"]] = payout
    own = record(ledger, "payout", payout["id"], -payout["amount"], currency)
    payout["balance_transaction"] = own
    if automatic:
        for each in (*(each["id"] for each in waiting), own):
            ledger.paid_out[each] = payout["id"]
    ledger.emit("payout.paid", payout)
    return payout


def fail(ledger: Ledger, payout: Json) -> Json:
    """Let a payout come back from the bank; the next one contains it again."""
    if payout["status"] == "failed":
        raise invalid(f"Payout {payout['id']} has failed already")
    payout |= {
        "status": "failed",
        "failure_code": "account_closed",
        "failure_message": "The bank account has been closed.",
        "failure_balance_transaction": record(
            ledger, "payout_failure", payout["id"], payout["amount"], payout["currency"]
        ),
    }
    ledger.emit("payout.failed", payout)
    return payout


def _new_payout(ledger: Ledger, amount: int, currency: str, automatic: bool) -> Json:
    now = ledger.timestamp()
    arrival = now + _ARRIVAL_SECONDS
    return {
        "id": ledger.new_id("po"),
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        # "The start of day in UTC" of the day on which it arrives.
        "arrival_date": arrival - arrival % _DAY,
        "automatic": automatic,
        "balance_transaction": None,
        "created": now,
        "currency": currency,
        "description": "STRIPE PAYOUT",
        "destination": "ba_1DoubleBank00000",
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "completed" if automatic else "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "paid",
        "trace_id": None,
        "type": "bank_account",
    }


def list_payouts(ledger: Ledger, params: Params, _: str) -> Json:
    """Return a page of payouts."""
    bounds = params.get("arrival_date", {})
    arriving = {
        each["id"] for each in ledger.payouts.values() if in_bounds(each["arrival_date"], bounds)
    }
    return listed(ledger, "po", params, "/v1/payouts", "destination", "status", among=arriving)
