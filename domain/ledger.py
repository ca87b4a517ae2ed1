"""The ledger: each movement of a gateway's balance as postings of double entry."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from attrs import field, frozen

from domain.identifiers import OrderId, PaymentId
from domain.money import Currency
from domain.movement import Movement, MovementKind
from domain.signed_amount import SignedAmount

ORDERS: Final = "Income:Orders"
"""What was charged for orders of ours."""

OTHERS: Final = "Income:Others"
"""What others charge on the same account, less what they give back."""

REFUNDS: Final = "Liabilities:Refunds"
"""What was refunded of orders; a shop that books its credit notes here sees what it still owes."""

DISPUTES: Final = "Expenses:Disputes"
FEES: Final = "Expenses:Fees"
ADJUSTMENTS: Final = "Income:Adjustments"

UNCLASSIFIED: Final = "Equity:Unclassified"
"""Movements whose kind is not known: an accountant looks at them."""

CONVERSIONS: Final = "Equity:Conversions"
"""What a gateway has converted between two balances; and all conversions, without prices."""

_ACCOUNTS: Final[Mapping[MovementKind, str]] = {
    MovementKind.CHARGE: ORDERS,
    MovementKind.CHARGE_FAILURE: ORDERS,
    MovementKind.REFUND: REFUNDS,
    MovementKind.REFUND_FAILURE: REFUNDS,
    MovementKind.DISPUTE: DISPUTES,
    MovementKind.DISPUTE_REVERSAL: DISPUTES,
    MovementKind.FEE: FEES,
    MovementKind.CONVERSION: CONVERSIONS,
    MovementKind.ADJUSTMENT: ADJUSTMENTS,
    MovementKind.OTHER: UNCLASSIFIED,
}

# Without an order of ours, they are about others on the same account.
_OF_ORDERS: Final = (ORDERS, REFUNDS, DISPUTES)

_PAYOUTS: Final = (MovementKind.PAYOUT, MovementKind.PAYOUT_REVERSAL)


@frozen
class Owner:
    """The payment of ours that a charge was made for."""

    order_id: OrderId
    payment_id: PaymentId


@frozen
class Posting:
    """A change of one account: positive is a debit, negative a credit."""

    account: str
    amount: SignedAmount
    price: SignedAmount | None = None
    """All that it is worth in the currency of the balance, if it was converted; not negative."""

    @property
    def weight(self) -> SignedAmount:
        """What it counts for when the postings of a transaction are added up."""
        if self.price is None:
            return self.amount
        return -self.price if self.amount.minor_units < 0 else self.price


def _is_balanced(_transaction: object, _attribute: object, postings: Iterable[Posting]) -> None:
    if any(total_of(each.weight for each in postings).values()):
        raise ValueError("the postings do not add up to zero")


@frozen
class Transaction:
    """The postings of one movement; they add up to zero."""

    movement: Movement
    gateway: str
    owner: Owner | None
    postings: tuple[Posting, ...] = field(validator=_is_balanced)

    @property
    def at(self) -> datetime:
        """When it happened."""
        return self.movement.created_at

    @property
    def without_prices(self) -> tuple[Posting, ...]:
        """The postings, with CONVERSIONS instead of prices: zero in each currency alone."""
        found: list[Posting] = []
        for each in self.postings:
            found.append(Posting(each.account, each.amount))
            if each.price is not None:
                converted = (-each.amount, each.weight)
                found += [Posting(CONVERSIONS, amount) for amount in converted]
        return tuple(found)


def transaction_of(movement: Movement, gateway: str, owner: Owner | None) -> Transaction | None:
    """Return the postings of a movement; None if it changes nothing."""
    found = [
        Posting(balance_account(gateway, movement.currency), _amount(movement, movement.net)),
        Posting(FEES, _amount(movement, movement.fee)),
        _counter_posting(movement, owner),
    ]
    postings = tuple(each for each in found if each.amount.minor_units)
    return Transaction(movement, gateway, owner, postings) if postings else None


def balance_account(gateway: str, currency: Currency) -> str:
    """Return the account of what a gateway has of us."""
    return f"Assets:{component(gateway)}:{currency.code.upper()}"


def component(name: str) -> str:
    """Return a gateway's name as a part of an account: letters, digits and hyphens."""
    words = [word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", name) if word]
    return "-".join(words) or "Gateway"


def total_of(amounts: Iterable[SignedAmount]) -> Counter[Currency]:
    """Add up amounts, in minor units of each currency."""
    totals: Counter[Currency] = Counter()
    for each in amounts:
        totals[each.currency] += each.minor_units
    return totals


def _counter_posting(movement: Movement, owner: Owner | None) -> Posting:
    """Return where the gross amount comes from or goes to."""
    amount, original = _amount(movement, -movement.amount), movement.original
    if movement.kind in _PAYOUTS:
        return Posting(f"Assets:Bank:{movement.currency.code.upper()}", amount)
    account = _ACCOUNTS[movement.kind]
    if owner is None and account in _OF_ORDERS:
        account = OTHERS
    if original is None or not original.minor_units or original.currency == movement.currency:
        return Posting(account, amount)
    # What was paid has the sign of what was moved, unless that is nothing; the price is what it
    # has become.
    paid = -original if movement.amount * original.minor_units >= 0 else original
    return Posting(account, paid, price=abs(amount))


def _amount(movement: Movement, minor_units: int) -> SignedAmount:
    return SignedAmount(minor_units, movement.currency)
