"""The balance: its transactions, with fees and conversion; https://docs.stripe.com/api/balance.

Types and reporting categories are those of
https://docs.stripe.com/reports/balance-transaction-types and
https://docs.stripe.com/reports/reporting-categories.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from payments_kit.doubles.stripe.currencies import WHOLE_UNITS_ONLY, digits
from payments_kit.doubles.stripe.errors import Json, invalid, missing_object
from payments_kit.doubles.stripe.ledger import Ledger
from payments_kit.doubles.stripe.listing import listed

Params = dict[str, Any]

# https://stripe.com/pricing: 2.9 % and 30 cents for a card in the United States. In other
# currencies it is another price; this double takes 0.30 of the currency, if it has hundredths.
RATE: Final = Decimal("0.029")
FIXED: Final = Decimal("0.30")
# https://stripe.com/pricing: "$15.00 for disputes", in any currency here. It is not given back.
DISPUTE_FEE: Final = Decimal(15)

# What is charged is available after two days (https://docs.stripe.com/payouts).
_AVAILABLE_SECONDS: Final = 2 * 24 * 3600

_PATH: Final = "/v1/balance_transactions"
_CATEGORIES: Final = {
    "charge": "charge",
    "payment": "charge",
    "refund": "refund",
    "payment_refund": "refund",
    "refund_failure": "refund_failure",
    "payout": "payout",
    "payout_failure": "payout_reversal",
    "stripe_fee": "fee",
}


def charged(ledger: Ledger, charge: Json) -> str:
    """Record the capture of a charge; return the id of its transaction."""
    is_card = ledger.cards[charge["id"]].method == "card"
    amount, currency, rate = _settled(ledger, charge["amount_captured"], charge["currency"])
    return record(
        ledger,
        "charge" if is_card else "payment",
        charge["id"],
        amount,
        currency,
        fee=_rounded(amount * RATE + _smallest(FIXED, currency), currency),
        exchange_rate=rate,
    )


def refunded(ledger: Ledger, refund: Json) -> str:
    """Record a refund; its charge's fee is not given back (https://docs.stripe.com/refunds)."""
    amount, currency, rate = _settled(ledger, refund["amount"], refund["currency"])
    return record(ledger, "refund", refund["id"], -amount, currency, exchange_rate=rate)


def refund_failed(ledger: Ledger, refund: Json) -> str:
    """Record that a refund's money is back (https://docs.stripe.com/refunds#failed-refunds)."""
    amount, currency, rate = _settled(ledger, refund["amount"], refund["currency"])
    return record(ledger, "refund_failure", refund["id"], amount, currency, exchange_rate=rate)


def disputed(ledger: Ledger, dispute: Json) -> Json:
    """Record that a bank has taken disputed money; return the transaction."""
    amount, currency, rate = _settled(ledger, dispute["amount"], dispute["currency"])
    fee = _rounded(_smallest(DISPUTE_FEE, currency), currency)
    made = record(
        ledger, "adjustment", dispute["id"], -amount, currency, fee, rate, category="dispute"
    )
    return ledger.balance_transactions[made]


def dispute_won(ledger: Ledger, dispute: Json) -> Json:
    """Record that disputed money is back; return the transaction."""
    amount, currency, rate = _settled(ledger, dispute["amount"], dispute["currency"])
    category = "dispute_reversal"
    made = record(
        ledger,
        "adjustment",
        dispute["id"],
        amount,
        currency,
        exchange_rate=rate,
        category=category,
    )
    return ledger.balance_transactions[made]


def record(
    ledger: Ledger,
    type_: str,
    source: str | None,
    amount: int,
    currency: str,
    fee: int = 0,
    exchange_rate: float | None = None,
    category: str | None = None,
) -> str:
    """Record a transaction; return its id."""
    now = ledger.timestamp()
    details = {
        "amount": fee,
        "application": None,
        "currency": currency,
        "description": "Stripe processing fees",
        "type": "stripe_fee",
    }
    transaction: Json = {
        "id": ledger.new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": now + _AVAILABLE_SECONDS,
        "balance_type": "payments",
        "created": now,
        "currency": currency,
        "description": None,
        "exchange_rate": exchange_rate,
        "fee": fee,
        "fee_details": [details] if fee else [],
        "net": amount - fee,
        "reporting_category": category or _CATEGORIES.get(type_, type_),
        "source": source,
        "status": "pending",
        "type": type_,
    }
    ledger.balance_transactions[transaction["id"]] = transaction
    return str(transaction["id"])


def list_transactions(ledger: Ledger, params: Params, _: str) -> Json:
    """Return a page of transactions: of all, or of those that an automatic payout contains."""
    if "payout" not in params:
        return listed(ledger, "txn", params, _PATH, "source", "type", "currency")
    if (payout := ledger.payouts.get(params["payout"])) is None:
        raise missing_object("payout", params["payout"], "payout")
    if not payout["automatic"]:
        raise invalid(
            "Balance transaction history can only be filtered on automatic transfers, not manual.",
            param="payout",
        )
    contained = {
        each for each, payout_id in ledger.paid_out.items() if payout_id == params["payout"]
    }
    return listed(ledger, "txn", params, _PATH, "source", "type", "currency", among=contained)


def balance(ledger: Ledger, _: Params, __: str) -> Json:
    """Return the balance: all transactions, as if none of it were available yet."""
    totals = totals_of(ledger) or {"usd": 0}
    pending = [
        {"amount": amount, "currency": currency, "source_types": {"card": amount}}
        for currency, amount in totals.items()
    ]
    none = [row | {"amount": 0, "source_types": {"card": 0}} for row in pending]
    return {"object": "balance", "available": none, "livemode": False, "pending": pending}


def totals_of(ledger: Ledger) -> dict[str, int]:
    """Return the sum of all transactions in each currency."""
    totals: dict[str, int] = {}
    for each in ledger.balance_transactions.values():
        totals[each["currency"]] = totals.get(each["currency"], 0) + each["net"]
    return totals


def _settled(ledger: Ledger, amount: int, currency: str) -> tuple[int, str, float | None]:
    """Return an amount in the currency of the account, and the exchange rate.

    "The `amount` in currency A, multiplied by the `exchange_rate`, equals the `amount` in currency
    B" (https://docs.stripe.com/api/balance_transactions/object).
    """
    if currency not in ledger.conversions:
        return amount, currency, None
    settled, rate = ledger.conversions[currency]
    return _rounded(amount * Decimal(str(rate)), settled), settled, rate


def _smallest(major: Decimal, currency: str) -> Decimal:
    """Return an amount in the smallest unit of a currency; 0 of one that it cannot express."""
    return Decimal(int(major * 10 ** digits(currency)))


def _rounded(amount: Decimal, currency: str) -> int:
    """Return the nearest amount that the currency has: some have two decimals that are always 0."""
    step = 100 if currency in WHOLE_UNITS_ONLY else 1
    return int((amount / step).quantize(Decimal(1), ROUND_HALF_UP)) * step
