"""What moves on the balance; https://developer.paypal.com/docs/api/transaction-search/v1/.

PayPal's reports lag by up to three hours, reach back three years, and do not say which transactions
a withdrawal consists of.
"""

import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import evolve, frozen

from adapters.gateways.paypal.amounts import from_paypal
from adapters.gateways.paypal.objects import Json, Unreadable, nested, text, time
from adapters.gateways.paypal.queries import querying
from adapters.gateways.paypal.transactions import Transactions
from application.ports.gateway_records import Page, Period
from domain.identifiers import ChargeId
from domain.movement import Movement, MovementKind
from domain.signed_amount import SignedAmount

logger = logging.getLogger(__name__)

# "The transactions for the previous three years" (https://developer.paypal.com/docs/transaction-search/).
_OLDEST: Final = timedelta(days=3 * 365)

# The most that PayPal returns at once.
_PAGE: Final = 500

# https://developer.paypal.com/docs/transaction-search/transaction-event-codes/: whole codes first,
# then their groups.
_KINDS: Final[Mapping[str, MovementKind]] = {
    "T1106": MovementKind.DISPUTE,
    "T1107": MovementKind.REFUND,
    "T1110": MovementKind.DISPUTE,
    "T1111": MovementKind.DISPUTE_REVERSAL,
    "T1201": MovementKind.DISPUTE,
    "T1202": MovementKind.DISPUTE_REVERSAL,
    "T00": MovementKind.CHARGE,
    "T01": MovementKind.FEE,
    "T02": MovementKind.CONVERSION,
    "T04": MovementKind.PAYOUT,
    "T12": MovementKind.ADJUSTMENT,
}

_SIGNED: Final = re.compile(r"-?[0-9.]{1,32}", re.ASCII)


@frozen
class PayPalMovements:
    """Lists the transactions that affect the balance of one account."""

    transactions: Transactions

    async def list_movements(self, period: Period, cursor: str | None) -> Page[Movement]:
        """Return a page of a period; see application/ports/gateway_movements.py."""
        # Later pages go on where the first one began, however long that takes.
        oldest = datetime.now(UTC) - _OLDEST
        asked = period if cursor else evolve(period, since=max(period.since, oldest))
        if asked.since >= asked.until:
            return Page([])
        async with querying() as left:
            rows, following = await self.transactions.page(
                asked, cursor, left, page_size=_PAGE, affects_balance=True
            )
        # PayPal is asked for whole seconds, and a period may begin within one.
        moved = (_movement(each) for each in rows)
        return Page([each for each in moved if each.created_at >= asked.since], following)


def _movement(row: Json) -> Movement:
    """Translate a transaction.

    Raises:
        Unreadable: it is not as documented.
    """
    code, transaction = text(row, "transaction_event_code"), text(row, "transaction_id")
    moved = _signed(row, "transaction_amount")
    fee = _signed(row, "fee_amount") if "fee_amount" in row else SignedAmount(0, moved.currency)
    if fee.currency != moved.currency:
        raise Unreadable(f"the fee of {transaction} has another currency")
    kind = _kind(code, moved)
    is_charge = kind is MovementKind.CHARGE
    reference = row.get("paypal_reference_id")
    charge_id = transaction if is_charge else reference if isinstance(reference, str) else None
    return Movement(
        id=transaction,
        kind=kind,
        word=code,
        currency=moved.currency,
        amount=moved.minor_units,
        fee=-fee.minor_units,
        created_at=time(row, "transaction_initiation_date"),
        source=transaction,
        charge_id=None if charge_id is None else ChargeId(charge_id),
        payout_id=transaction if kind is MovementKind.PAYOUT else None,
    )


def _kind(code: str, moved: SignedAmount) -> MovementKind:
    kind = _KINDS.get(code) or _KINDS.get(code[:3], MovementKind.OTHER)
    if kind is MovementKind.CHARGE and moved.minor_units < 0:
        kind = MovementKind.OTHER  # a payment to others
    if kind is MovementKind.OTHER:
        logger.warning("a movement at PayPal has the unknown kind %.20s", code)
    return kind


def _signed(row: Json, name: str) -> SignedAmount:
    """Return an amount that may be negative.

    Raises:
        Unreadable: it is none.
    """
    value = nested(row, name).get("value")
    if not isinstance(value, str) or not _SIGNED.fullmatch(value):
        raise Unreadable(f"PayPal's transaction has no {name}")
    try:
        money = from_paypal({**nested(row, name), "value": value.removeprefix("-")})
    except ValueError as error:
        raise Unreadable(f"PayPal's {name}: {error}") from None
    amount = SignedAmount(money.minor_units, money.currency)
    return -amount if value.startswith("-") else amount
