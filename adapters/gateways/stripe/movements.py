"""The balance of an account; https://docs.stripe.com/api/balance_transactions.

A transaction does not name its payout: the list of an automatic payout does
(https://docs.stripe.com/payouts/reconciliation).
"""

import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from math import ceil
from typing import Any, Final

from attrs import frozen

from adapters.gateways.stripe.amounts import from_stripe
from adapters.gateways.stripe.client import PAGE, StripeApi, querying
from adapters.gateways.stripe.errors import RequestRefused
from adapters.gateways.stripe.objects import Json, Unreadable, is_whole, nested, text, time_of
from adapters.gateways.stripe.refusals import redacted
from application.ports.gateway_records import Page, Period
from application.ports.payment_gateway import OutcomeUnknown
from domain.identifiers import ChargeId
from domain.money import Money
from domain.movement import Movement, MovementKind, Payout
from domain.signed_amount import SignedAmount

logger = logging.getLogger(__name__)

_TRANSACTIONS: Final = "/v1/balance_transactions"
_PAYOUTS: Final = "/v1/payouts"
_MISSING: Final = "resource_missing"  # https://docs.stripe.com/error-codes#resource-missing

# An operator types it, and it becomes a part of a path.
_ID: Final = re.compile(r"[A-Za-z0-9_]{1,255}")

# The object of a transaction names its charge, and has the amount before a conversion.
_EXPANDED: Final = ["data.source"]

# https://docs.stripe.com/reports/reporting-categories. A partial capture was a charge of all that
# was authorized, less what was not captured.
_KINDS: Final[Mapping[str, MovementKind]] = {
    "charge": MovementKind.CHARGE,
    "partial_capture_reversal": MovementKind.CHARGE,
    "charge_failure": MovementKind.CHARGE_FAILURE,
    "refund": MovementKind.REFUND,
    "refund_failure": MovementKind.REFUND_FAILURE,
    "dispute": MovementKind.DISPUTE,
    "dispute_reversal": MovementKind.DISPUTE_REVERSAL,
    "fee": MovementKind.FEE,
    "network_cost": MovementKind.FEE,
    "tax": MovementKind.FEE,
    "payout": MovementKind.PAYOUT,
    "payout_reversal": MovementKind.PAYOUT_REVERSAL,
    "other_adjustment": MovementKind.ADJUSTMENT,
}

# What a customer has paid or received: other objects are about the balance itself.
_PAID: Final = ("charge", "refund", "dispute")

# While it is in progress, the list of a payout is not complete
# (https://docs.stripe.com/api/payouts/object#payout_object-reconciliation_status).
_IN_PROGRESS: Final = "in_progress"


@frozen
class StripeMovements:
    """Lists the balance transactions and payouts of one account."""

    api: StripeApi

    async def list_movements(self, period: Period, cursor: str | None) -> Page[Movement]:
        """Return a page of a time; see the port's ListMovements."""
        return await self._movements(None, cursor, created=_window(period))

    async def list_payouts(self, period: Period, cursor: str | None) -> Page[Payout]:
        """Return a page of payouts; see the port's ListPayouts."""
        items, after = await self._page(_PAYOUTS, cursor, created=_window(period))
        return Page([_payout(each) for each in items], after)

    async def find_payout(self, payout_id: str) -> Payout | None:
        """Return a payout; see the port's FindPayout."""
        if _ID.fullmatch(payout_id) is None:
            return None
        async with querying():
            try:
                return _payout(await self.api.get(f"{_PAYOUTS}/{payout_id}"))
            except RequestRefused as refused:
                if refused.code != _MISSING:
                    raise
                return None

    async def list_payout_movements(self, payout_id: str, cursor: str | None) -> Page[Movement]:
        """Return a page of what a payout contains; see the port's ListPayoutMovements."""
        return await self._movements(payout_id, cursor, payout=payout_id)

    async def _movements(
        self, payout_id: str | None, cursor: str | None, **params: Any
    ) -> Page[Movement]:
        items, after = await self._page(_TRANSACTIONS, cursor, expand=_EXPANDED, **params)
        return Page([_movement(each, payout_id) for each in items], after)

    async def _page(
        self, path: str, cursor: str | None, **params: Any
    ) -> tuple[list[Json], str | None]:
        async with querying():
            page = await self.api.get(path, limit=PAGE, starting_after=cursor, **params)
        items = page.get("data")
        if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
            raise OutcomeUnknown("Stripe's list cannot be read")
        has_more = page.get("has_more") is True and bool(items)
        return items, text(items[-1], "id") if has_more else None


def _window(period: Period) -> Mapping[str, int]:
    """Return the whole seconds of a time: that is what Stripe's times are."""
    return {"gte": ceil(period.since.timestamp()), "lt": ceil(period.until.timestamp())}


def _movement(transaction: Json, payout_id: str | None) -> Movement:
    """Translate a balance transaction.

    Raises:
        Unreadable: it is not as documented, or its amounts do not add up.
    """
    moved, fee = _signed(transaction, "amount"), _signed(transaction, "fee")
    if moved.minor_units - fee.minor_units != _signed(transaction, "net").minor_units:
        raise Unreadable(f"the net of {text(transaction, 'id')} is not its amount less its fee")
    category = text(transaction, "reporting_category")
    kind = _KINDS.get(category, MovementKind.OTHER)
    if kind is MovementKind.OTHER:
        logger.warning("a movement at Stripe has the unknown kind %.99s", redacted(repr(category)))
    source = _source_id(transaction)
    return Movement(
        id=text(transaction, "id"),
        kind=kind,
        word=category,
        currency=moved.currency,
        amount=moved.minor_units,
        fee=fee.minor_units,
        created_at=_time(transaction, "created"),
        source=source,
        charge_id=_charge_id(transaction),
        payout_id=source if kind is MovementKind.PAYOUT and payout_id is None else payout_id,
        original=_original(transaction, moved),
    )


def _source_id(transaction: Json) -> str | None:
    """Return the id of the object of a transaction, which is expanded if Stripe can do that."""
    source = transaction.get("source")
    if source is None:
        return None
    is_id = isinstance(source, str)
    return text(transaction, "source") if is_id else text(nested(transaction, "source"), "id")


def _charge_id(transaction: Json) -> ChargeId | None:
    """Return the charge of a transaction: of a charge, a refund or a dispute."""
    source = nested(transaction, "source")
    charge = source.get("id" if source.get("object") == "charge" else "charge")
    return ChargeId(charge) if isinstance(charge, str) and charge else None


def _original(transaction: Json, moved: SignedAmount) -> SignedAmount | None:
    """Return the amount of the charge, refund or dispute, if it was converted.

    It has the sign of what was moved: the object of a refund's failure is the refund.
    """
    source = nested(transaction, "source")
    if source.get("object") not in _PAID:
        return None
    paid = _signed(source, "amount_captured" if source["object"] == "charge" else "amount")
    if paid.currency == moved.currency:
        return None
    return -abs(paid) if moved.minor_units < 0 else abs(paid)


def _payout(payout: Json) -> Payout:
    """Translate a payout.

    Raises:
        Unreadable: it is not as documented.
    """
    amount = _signed(payout, "amount")
    is_complete = payout.get("reconciliation_status") != _IN_PROGRESS
    return Payout(
        id=text(payout, "id"),
        currency=amount.currency,
        amount=amount.minor_units,
        created_at=_time(payout, "created"),
        arrives_on=_time(payout, "arrival_date").astimezone(UTC).date(),
        is_itemized=payout.get("automatic") is True and is_complete,
    )


def _signed(obj: Json, name: str) -> SignedAmount:
    value = obj.get(name)
    if not is_whole(value):
        raise Unreadable(f"Stripe's object has no {name}")
    try:
        money: Money = from_stripe(abs(value), text(obj, "currency"))
    except ValueError as error:
        raise Unreadable(f"Stripe's {name}: {error}") from None
    amount = SignedAmount(money.minor_units, money.currency)
    return -amount if value < 0 else amount


def _time(obj: Json, name: str) -> datetime:
    value = obj.get(name)
    if not is_whole(value):
        raise Unreadable(f"Stripe's object has no {name}")
    return time_of(value)
