"""The balance of a simulated gateway: charges and refunds with fees, and a payout every day.

All of it follows from the records: what was moved on one day is paid out at the end of that day.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from adapters.gateways.simulated.attempts import Attempt, AttemptState
from adapters.gateways.simulated.disputes import DisputeRecord
from adapters.gateways.simulated.record import GatewayRecord
from adapters.gateways.simulated.refunds import RefundRecord, RefundState
from domain.dispute import DisputeStatus
from domain.identifiers import ChargeId
from domain.money import Currency, Money
from domain.movement import Movement, MovementKind, Payout

# As Stripe's for cards in the United States (https://stripe.com/pricing): 2.9 %, and 30 hundredths.
_PER_MILLE: Final = 29
_FIXED_HUNDREDTHS: Final = 30

_DAY: Final = timedelta(days=1)


def movements_of(record: GatewayRecord) -> list[Movement]:
    """Return what the attempts and refunds of one payment have moved."""
    captured = [each for each in record.attempts if each.state is AttemptState.SUCCEEDED]
    times = {each.charge_id: each.captured_at or each.created_at for each in captured}
    charges = [_charge(each, times[each.charge_id]) for each in captured]
    refunds = [
        movement
        for each in record.refunds
        if each.charge_id in times
        for movement in _refund(each, each.created_at or times[each.charge_id])
    ]
    disputes = [movement for each in record.disputes for movement in _dispute(each)]
    return charges + refunds + disputes


Totals = Counter[tuple[date, Currency]]
"""What is paid out on each day in each currency, in minor units."""


def add_up(totals: Totals, movements: Iterable[Movement]) -> None:
    """Add movements to what is paid out."""
    for each in movements:
        totals[_paid_on(each.created_at), each.currency] += each.net


def payouts_of(totals: Totals, until: datetime) -> list[Payout]:
    """Return the payouts that were made until a time."""
    return [
        Payout(
            id=_payout_id(day, currency),
            currency=currency,
            amount=amount,
            created_at=_start_of(day),
            arrives_on=day + _DAY,
            is_itemized=True,
        )
        for (day, currency), amount in sorted(totals.items(), key=str)
        if _start_of(day) <= until
    ]


def is_paid_by(movement: Movement, payout_id: str) -> bool:
    """Whether a payout contains this movement."""
    return _payout_id(_paid_on(movement.created_at), movement.currency) == payout_id


def movement_of(payout: Payout) -> Movement:
    """Return what a payout itself moves."""
    return Movement(
        id=f"txn_{payout.id}",
        kind=MovementKind.PAYOUT,
        word=MovementKind.PAYOUT.value,
        currency=payout.currency,
        amount=-payout.amount,
        fee=0,
        created_at=payout.created_at,
        source=payout.id,
        charge_id=None,
        payout_id=payout.id,
    )


def _charge(attempt: Attempt, at: datetime) -> Movement:
    return _moved(
        MovementKind.CHARGE,
        attempt.charge_id,
        attempt.charge_id,
        attempt.amount.currency,
        attempt.amount.minor_units,
        at,
        _fee(attempt.amount),
    )


def _refund(refund: RefundRecord, at: datetime) -> list[Movement]:
    """Return a refund and, if it has failed, its return."""
    amount, currency = refund.amount.minor_units, refund.amount.currency
    names = refund.reference, refund.charge_id, currency
    made = _moved(MovementKind.REFUND, *names, -amount, at)
    if refund.state is not RefundState.FAILED:
        return [made]
    return [made, _moved(MovementKind.REFUND_FAILURE, *names, amount, refund.failed_at or at)]


def _dispute(dispute: DisputeRecord) -> list[Movement]:
    """Return a dispute and, if the money came back, its return."""
    amount, currency = dispute.amount.minor_units, dispute.amount.currency
    names = dispute.id, dispute.charge_id, currency
    taken = _moved(MovementKind.DISPUTE, *names, -amount, dispute.created_at)
    if dispute.status in (DisputeStatus.OPEN, DisputeStatus.LOST):
        return [taken]
    at = dispute.decided_at or dispute.created_at
    return [taken, _moved(MovementKind.DISPUTE_REVERSAL, *names, amount, at)]


def _moved(
    kind: MovementKind,
    source: str,
    charge_id: ChargeId,
    currency: Currency,
    amount: int,
    at: datetime,
    fee: int = 0,
) -> Movement:
    return Movement(
        id=f"txn_{kind.value}_{source}",
        kind=kind,
        word=kind.value,
        currency=currency,
        amount=amount,
        fee=fee,
        created_at=at,
        source=source,
        charge_id=charge_id,
    )


def _fee(amount: Money) -> int:
    """Return the fee of a charge in minor units, rounded half up."""
    unit: int = 10**amount.currency.decimals
    share = (amount.minor_units * _PER_MILLE + 500) // 1000
    return share + _FIXED_HUNDREDTHS * unit // 100


def _paid_on(at: datetime) -> date:
    return at.astimezone(UTC).date() + _DAY


def _payout_id(day: date, currency: Currency) -> str:
    return f"po_{day.isoformat()}_{currency.code}"


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
