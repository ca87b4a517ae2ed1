"""SimulatedBalance: the lists of movements and payouts of a simulated gateway."""

from abc import ABC, abstractmethod
from collections import Counter
from datetime import UTC, datetime
from typing import Final

from attrs import evolve

from adapters.gateways.simulated.movements import (
    Totals,
    add_up,
    is_paid_by,
    movement_of,
    movements_of,
    payouts_of,
)
from adapters.gateways.simulated.pages import PAGE, Rows, is_in
from application.ports.gateway_records import Page, Period
from application.ports.payment_gateway import (
    GatewayUnavailable,
    KeyRefused,
    LookupRefused,
    OutcomeUnknown,
)
from domain.movement import Movement, Payout

# The movements of the payouts themselves are the last page.
_PAYOUTS: Final = "payouts"
_AFTER: Final = "after:"

_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


class SimulatedBalance(ABC):
    """Reads the records page by page: no list needs more memory than one page."""

    @abstractmethod
    async def _rows_after(self, payment_id: str, since: datetime) -> Rows:
        """Return the first PAGE payments with a greater id and something since this time."""

    @abstractmethod
    def _now(self) -> datetime:
        """Return the gateway's time."""

    async def list_movements(self, period: Period, cursor: str | None) -> Page[Movement]:
        """Return a page; see application/ports/gateway_movements.py."""
        following: str | None
        if cursor == _PAYOUTS:
            moved, following = [movement_of(each) for each in await self._payouts()], None
        else:
            moved, following = await self._page(cursor)
            following = following or _PAYOUTS
        return Page([each for each in moved if is_in(period, each.created_at)], following)

    async def list_payouts(self, period: Period, cursor: str | None) -> Page[Payout]:
        """Return all payouts of a time; see the port."""
        return Page([each for each in await self._payouts() if is_in(period, each.created_at)])

    async def find_payout(self, payout_id: str) -> Payout | None:
        """Return a payout; see the port."""
        found = [each for each in await self._payouts() if each.id == payout_id]
        return found[0] if found else None

    async def list_payout_movements(self, payout_id: str, cursor: str | None) -> Page[Movement]:
        """Return a page of what a payout contains; see the port."""
        if cursor is None or cursor == _PAYOUTS:
            payout = await self.find_payout(payout_id)
            if payout is None:
                raise LookupRefused("there is no such payout")
            if cursor == _PAYOUTS:
                return Page([movement_of(payout)])
        moved, following = await self._page(cursor)
        contained = [
            evolve(each, payout_id=payout_id) for each in moved if is_paid_by(each, payout_id)
        ]
        return Page(contained, following or _PAYOUTS)

    async def _payouts(self) -> list[Payout]:
        totals: Totals = Counter()
        cursor: str | None = None
        while True:
            moved, cursor = await self._page(cursor)
            add_up(totals, moved)
            if cursor is None:
                return payouts_of(totals, self._now())

    async def _page(self, cursor: str | None) -> tuple[list[Movement], str | None]:
        """Return what some payments have moved, and the cursor of the next page."""
        after = "" if cursor is None else cursor.removeprefix(_AFTER)
        try:
            rows = await self._rows_after(after, _BEGINNING)
        except KeyRefused as refused:
            raise LookupRefused(str(refused)) from refused
        except GatewayUnavailable as unavailable:
            raise OutcomeUnknown(str(unavailable)) from unavailable
        moved = [movement for _, record in rows for movement in movements_of(record)]
        return moved, f"{_AFTER}{rows[-1][0]}" if len(rows) == PAGE else None
