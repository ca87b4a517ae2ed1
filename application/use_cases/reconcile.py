"""Reconcile: compare a gateway's books with ours, both ways, and repair what differs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
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
from application.use_cases.reconcile_refunds import ReconcileRefunds
from application.use_cases.reconcile_reports import ReconcileReports
from application.use_cases.reconciliation import Observe, Part, TooManyCharges

logger = logging.getLogger(__name__)

# Gateways list in whole seconds.
_SHORTEST: Final = timedelta(seconds=1)

PAUSES: Final = (1.0, 5.0)
"""How many seconds to wait before a page is asked for again: a lost reply, a short outage."""

Record = TypeVar("Record")
Pages = Callable[[Period, str | None], Awaitable[Page[Record]]]
Compare = Callable[[Part, Sequence[Record]], Awaitable[None]]
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


@define
class Run:
    """A comparison of a period, and how far it is."""

    at: ConfiguredGateway
    period: Period
    began_at: datetime
    since: datetime
    """Everything before is compared."""
    span: timedelta
    """How much is tried to be compared at once."""
    totals: Totals = field(factory=Totals)

    @property
    def is_complete(self) -> bool:
        """Whether all of it is compared."""
        return self.since >= self.period.until

    @property
    def compared(self) -> ComparedPeriod:
        """What was compared; a record may be created some time after its payment was claimed."""
        at, period = self.at, self.period
        return ComparedPeriod(
            at.name, at.livemode, period.since + MARGIN, period.until, self.began_at
        )


@frozen
class Reconcile:
    """Compare a gateway's charges, refunds and disputes of a period with our books; never charge.

    Where the gateway's word is evidence, it is applied by the use cases that apply notices. So it
    does not matter how often, by how many processes at once, or how far it is done.
    """

    charges: ReconcileCharges
    reports: ReconcileReports
    payments: ReconcilePayments
    refunds: ReconcileRefunds
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
        run = self.begin(at, period)
        while not run.is_complete:
            await self.step(run, observe, repair=repair)
            progress(run.since)
        return run.totals

    def begin(self, at: ConfiguredGateway, period: Period) -> Run:
        """Begin to compare a period."""
        return Run(at, period, self.now(), period.since, period.until - period.since)

    async def step(self, run: Run, observe: Observe, *, repair: bool) -> None:
        """Compare one part of what is left; it takes minutes at most.

        Raises:
            NotReconciled: the gateway could not be asked; the next step continues there.
            StorageUnavailable: the database cannot be reached; the same.
        """
        while True:
            until = min(run.since + run.span, run.period.until)
            part = Part(run.at, Period(run.since, until), repair, self.store, observe)
            try:
                await self._compare(part)
            except TooManyCharges:
                run.span = (until - run.since) / 2
                if run.span < _SHORTEST:
                    reason = "it has too many charges of one second"
                    raise NotReconciled(run.at.name, run.since, reason) from None
            except (OutcomeUnknown, GatewayUnavailable) as error:
                is_final = isinstance(error, LookupRefused)
                raise NotReconciled(run.at.name, run.since, str(error), is_final) from error
            else:
                break
        run.totals.add(part.counts)
        run.since, run.span = until, 2 * run.span
        if run.is_complete:
            await self.store.resolve(run.compared)

    async def _compare(self, part: Part) -> None:
        lists: GatewayRecords = part.at.records
        if lists.charges is None:
            raise LookupRefused("it does not list its charges")
        await self._list(part, lists.charges, self.charges)
        if lists.refunds is not None:
            await self._list(part, lists.refunds, self.reports)
        await self.payments(part)
        await self.refunds(part)
        # The last: a restricted key may lack the permission for it.
        if lists.disputes is not None:
            await self._list(part, lists.disputes, self.reports)

    async def _list(self, part: Part, pages: Pages[Record], compare: Compare[Record]) -> None:
        cursor: str | None = None
        while True:
            page = await self._page(pages, part.period, cursor)
            part.counts["foreign"] += page.foreign
            await compare(part, page.records)
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
