"""Movements of a gateway's balance, for tests: one that is easily changed, and any."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from attrs import define, field
from hypothesis import strategies as st

from application.ports.gateway_records import Page, Period
from domain.identifiers import ChargeId, OrderId, PaymentId
from domain.ledger import Owner
from domain.money import Currency
from domain.movement import Movement, MovementKind, Payout
from domain.signed_amount import SignedAmount
from tests.builders import NOW

OWNER = Owner(OrderId("order-1"), PaymentId("payment-1"))


def a_movement(**changes: Any) -> Movement:
    """Return a charge of $19.99 with a fee of 88 cents."""
    made: dict[str, Any] = {
        "id": "txn_1",
        "kind": MovementKind.CHARGE,
        "word": "charge",
        "currency": Currency("usd"),
        "amount": 1999,
        "fee": 88,
        "created_at": NOW,
        "source": "ch_1",
        "charge_id": ChargeId("ch_1"),
        **changes,
    }
    return Movement(**made)


# What ids and words of others may contain: any text that the tables store.
_TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30
)
# With two decimals, none and three; both ways of converting between them are drawn.
_CURRENCIES = st.sampled_from(["usd", "eur", "jpy", "kwd", "huf", "isk", "mga", "clf"]).map(
    Currency
)
_UNITS = st.integers(-(10**10), 10**10)


@st.composite
def movements(draw: st.DrawFn) -> Movement:
    """Draw any movement, with consistent signs if it was converted."""
    currency, amount = draw(_CURRENCIES), draw(_UNITS)
    paid = draw(st.none() | st.builds(SignedAmount, _UNITS, _CURRENCIES))
    return a_movement(
        id=draw(_TEXTS),
        kind=draw(st.sampled_from(MovementKind)),
        word=draw(_TEXTS),
        currency=currency,
        amount=amount,
        fee=draw(st.just(0) | st.integers(-(10**6), 10**6)),
        created_at=NOW + timedelta(seconds=draw(st.integers(0, 10**8))),
        source=draw(st.none() | _TEXTS),
        original=paid,
    )


def owners() -> st.SearchStrategy[Owner | None]:
    """Draw whose a movement is."""
    return st.none() | st.builds(Owner, _TEXTS.map(OrderId), _TEXTS.map(PaymentId))


@define
class Balance:
    """A gateway that lists what a test says."""

    movements: Sequence[Movement] = ()
    payouts: Sequence[Payout] = ()
    name: str = "in_memory"
    livemode: bool = False
    contained: dict[str, Sequence[Movement]] = field(factory=dict)

    async def list_movements(self, period: Period, cursor: str | None) -> Page[Movement]:
        """One movement a page."""
        moved = [each for each in self.movements if period.since <= each.created_at < period.until]
        place = int(cursor or "0")
        following = str(place + 1) if place + 1 < len(moved) else None
        return Page(moved[place : place + 1], following)

    async def list_payouts(self, _period: Period, _cursor: str | None) -> Page[Payout]:
        return Page(self.payouts)

    async def find_payout(self, payout_id: str) -> Payout | None:
        return next((each for each in self.payouts if each.id == payout_id), None)

    async def list_payout_movements(self, payout_id: str, _cursor: str | None) -> Page[Movement]:
        return Page(self.contained[payout_id])
