"""Reconcile: compare a gateway's books with ours, both ways, and repair what differs."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, TypeVar

from attrs import define, field, frozen

from application.ports.clock import Clock
from application.ports.differences import ComparedPeriod, Differences
from application.ports.gateway_records import GatewayRecords, Page, Period
from application.ports.gateways import ConfiguredGateway
from application.ports.payment_gateway import (
    GatewayUnavailable,
    LookupRefused,
    OutcomeUnknown,
)
from application.use_cases.compare_books import MARGIN
from application.use_cases.reconcile_charges import ReconcileCharges
from application.use_cases.reconcile_payments import ReconcilePayments
from application.use_cases.reconcile_reports import ReconcileReports
from application.use_cases.reconciliation import Observe, Part, TooManyCharges

logger = logging.getLogger(__name__)

# How much is compared at first: a day of most shops is some pages. Its length adapts.
_FIRST_PART: Final = timedelta(days=1)

# Gateways list in whole seconds.
_SHORTEST: Final = timedelta(seconds=1)

PAUSES: Final = (1.0, 5.0)
"""How many seconds to wait before a page is asked for again: a lost reply, a short outage."""

Record = TypeVar("Record")
Pages = Callable[[Period, str | None], Awaitable[Page[Record]]]
Progress = Callable[[datetime], None]
"""Called when everything before this time is compared."""


@frozen
class NotReconciled(Exception):
    """A gateway could not be asked to the end; everything before `until` is compared."""

    gateway: str
    until: datetime
    reason: str
    is_final: bool = False
    """Whether asking again is useless."""

    def __str__(self) -> str:
        return (
            f"{self.gateway} could not be reconciled after"
            f" {self.until.isoformat(timespec='seconds')}: {self.reason}"
        )


@define
class Totals:
    """How many records were compared, and how many belong to others on the account."""

    compared: int = 0
    foreign: int = 0

    def add(self, counts: dict[str, int]) -> None:
        """Add the counts of a part."""
        self.compared += counts["compared"]
        self.foreign += counts["foreign"]


@frozen
class Reconcile:
    """Compare a gateway's charges, refunds and disputes of a period with our books; never charge.

    Where the gateway's word is evidence, it is applied by the use cases that apply notices. So it
    does not matter how often, by how many processes at once, or how far it is done.
    """

    charges: ReconcileCharges
    reports: ReconcileReports
    payments: ReconcilePayments
    store: Differences
    now: Clock
    sleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep)

    async def __call__(
        self,
        at: ConfiguredGateway,
        period: Period,
        observe: Observe,
        *,
        repair: bool,
        progress: Progress = lambda _until: None,
    ) -> Totals:
        """Compare a period, part by part.

        Raises:
            NotReconciled: the gateway could not be asked to the end.
            StorageUnavailable: the database cannot be reached.
        """
        began_at, totals = self.now(), Totals()
        since, span = period.since, _FIRST_PART
        while since < period.until:
            until = min(since + span, period.until)
            part = Part(at, Period(since, until), repair, self.store, observe)
            try:
                await self._compare(part)
            except TooManyCharges:
                span = (until - since) / 2
                if span < _SHORTEST:
                    raise NotReconciled(at.name, since, "too many charges in a second") from None
                continue
            except (OutcomeUnknown, GatewayUnavailable) as error:
                is_final = isinstance(error, LookupRefused)
                raise NotReconciled(at.name, since, str(error), is_final) from error
            totals.add(part.counts)
            since, span = until, 2 * span
            progress(since)
        await self.store.resolve(
            ComparedPeriod(at.name, at.livemode, period.since + MARGIN, period.until, began_at)
        )
        return totals

    async def _compare(self, part: Part) -> None:
        lists: GatewayRecords = part.at.records
        if lists.charges is None:
            raise LookupRefused("it does not list its charges")
        async for charges in self._pages(part, lists.charges):
            await self.charges(part, charges.records)
        if lists.refunds is not None:
            async for refunds in self._pages(part, lists.refunds):
                await self.reports(part, refunds.records)
        if lists.disputes is not None:
            async for disputes in self._pages(part, lists.disputes):
                await self.reports(part, disputes.records)
        await self.payments(part)

    async def _pages(self, part: Part, pages: Pages[Record]) -> AsyncIterator[Page[Record]]:
        cursor: str | None = None
        while True:
            page = await self._page(pages, part.period, cursor)
            part.counts["foreign"] += page.foreign
            yield page
            if page.cursor is None:
                return
            cursor = page.cursor

    async def _page(self, pages: Pages[Record], period: Period, cursor: str | None) -> Page[Record]:
        """Ask for a page; again after a pause if it fails, so that a list goes on where it was."""
        for pause in PAUSES:
            try:
                return await pages(period, cursor)
            except LookupRefused:
                raise
            except OutcomeUnknown as unknown:
                logger.info("a page of the gateway's records is asked for again: %s", unknown)
                await self.sleep(pause)
        return await pages(period, cursor)
