"""Export: what a shop's gateways, streams and histories say of a period, line by line."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
from attrs import field, frozen

from application.ports.backlog import MAX_COUNTED, BacklogKind
from application.ports.books import is_issued_by
from application.ports.event_log import StoredEvent
from application.ports.gateway_history import UnreadableCharge
from application.ports.gateway_records import ChargeRecord, Period
from application.ports.gateways import ConfiguredGateway
from domain.identifiers import OrderId
from entrypoints.composition.history_export import ShopRecords
from payments_kit.verification.gateway_lines import (
    charge_line,
    claimed_in,
    dispute_line,
    refund_line,
)
from payments_kit.verification.lines import (
    FORMAT,
    VERSION,
    DeadLetterMessage,
    Foreign,
    GatewayLists,
    Header,
    Line,
    OrderMessage,
    OurEvent,
    Recorded,
    Waiting,
    content_fields,
)
from payments_kit.verification.pages import all_pages
from payments_kit.verification.promises import EVENTS, HISTORIES, ORDER_EVENTS

LATER: Final = timedelta(days=1)
"""For so long after the end of a period events are read: they may have waited for the broker."""

_LETTERS_AT_ONCE: Final = 100

_ORDERS_AT_ONCE: Final = 8
"""Histories that are read together: as many connections as the pool has, and few in memory."""


class TooMuchWaits(Exception):
    """More events wait than can be listed: the broker is behind, and later it may not be."""


@frozen
class Export:
    """Reads the sources in an order in which a change meanwhile cannot look like a difference.

    An event is waiting or in its stream, so what waits is read before the streams. The histories
    are read last: they show that an order has changed since the gateways were asked.
    """

    sources: ShopRecords
    period: Period
    notice: Callable[[str], None] = field(default=lambda _line: None)
    """Told in one line what will be missing, or is asked for again."""
    reading: Callable[[str], None] = field(default=lambda _source: None)
    """Told what is read now."""

    async def lines(self) -> AsyncIterator[Line]:
        """Yield the header, and the lines that follow it.

        Raises:
            TooMuchWaits: the broker is behind.
            OutcomeUnknown: a gateway could not be asked.
            BrokerUnavailable, StorageUnavailable: they cannot be reached.
        """
        self.reading("the broker")
        header = await self._header()
        yield header
        self.reading("the database")
        async for waiting in self._waiting():
            yield waiting
        for gateway in self.sources.gateways:
            self.reading(f"the lists of {gateway.name}")
            async for line in self._listed(gateway):
                yield line
        self.reading("the broker")
        async for message in self._messages(header):
            yield message
        self.reading("the histories")
        async for entry in self._histories():
            yield entry

    async def _header(self) -> Header:
        sources, includes, since = self.sources, [HISTORIES], self.period.since
        for part, subjects in (
            (ORDER_EVENTS, self.sources.order_subjects),
            (EVENTS, self.sources.our_subjects),
        ):
            complete = await sources.log.complete_since(subjects)
            if complete >= self.period.until:
                self.notice(f"the broker keeps no {part} of this period: the file has none")
                continue
            includes.append(part)
            if complete > since:
                self.notice(f"the broker has {part} since {complete.isoformat()} only")
                since = complete
        return Header(
            format=FORMAT,
            version=VERSION,
            sealed=True,
            shop=await sources.books.identity(),
            created_at=sources.now(),
            since=since,
            until=self.period.until,
            currency=sources.currency,
            capture_subject=sources.capture_subject,
            includes=includes,
            gateways=[*map(_lists, sources.gateways)],
        )

    async def _waiting(self) -> AsyncIterator[Line]:
        items = await self.sources.backlog.find_oldest(MAX_COUNTED)
        kinds = BacklogKind.EVENT_WAITING, BacklogKind.EVENT_PARKED
        waiting = [each for each in items if each.kind in kinds]
        if len(waiting) >= MAX_COUNTED:
            raise TooMuchWaits(f"{MAX_COUNTED} events or more wait to be published")
        for order in sorted({each.belongs_to for each in waiting}):
            yield Waiting(order)

    async def _listed(self, at: ConfiguredGateway) -> AsyncIterator[Line]:
        foreign = 0

        def notice(problem: str) -> None:
            self.notice(f"{at.name}: {problem}")

        if at.records.charges is not None:
            async for page in all_pages(at.records.charges, self.period, notice):
                foreign += page.foreign
                for record in page.records:
                    if await self._is_ours(at, record):
                        yield charge_line(at.name, record)
                    else:
                        foreign += 1
        if at.records.refunds is not None:
            async for refunds in all_pages(at.records.refunds, self.period, notice):
                for refund in refunds.records:
                    yield refund_line(at.name, refund)
        if at.records.disputes is not None:
            async for disputes in all_pages(at.records.disputes, self.period, notice):
                for dispute in disputes.records:
                    yield dispute_line(at.name, dispute)
        yield Foreign(at.name, foreign)

    async def _is_ours(self, at: ConfiguredGateway, record: ChargeRecord) -> bool:
        """Whether a charge is of this shop; one that cannot be read may be."""
        payment_id = claimed_in(record)
        if payment_id is None:
            return True
        is_here = isinstance(record, UnreadableCharge) or at.has(record.payment)
        return is_here and await is_issued_by(self.sources.books, payment_id)

    async def _messages(self, header: Header) -> AsyncIterator[Line]:
        log, since, until = self.sources.log, self.period.since, self.period.until + LATER
        if ORDER_EVENTS in header.includes:
            async for stored in log.read(self.sources.order_subjects, since, until):
                yield OrderMessage(
                    subject=stored.subject, at=stored.stored_at, **content_fields(stored.data)
                )
            async for letter in self._dead_letters():
                yield letter
        if EVENTS in header.includes:
            async for stored in log.read(self.sources.our_subjects, since, until):
                yield _our_event(stored)

    async def _dead_letters(self) -> AsyncIterator[Line]:
        after = 0
        while letters := await self.sources.letters.list(_LETTERS_AT_ONCE, after):
            for each in letters:
                yield DeadLetterMessage(
                    subject=each.subject, at=each.recorded_at, **content_fields(each.data)
                )
            after = letters[-1].id

    async def _histories(self) -> AsyncIterator[Line]:
        histories, after = self.sources.histories, ""
        while found := await histories.changed(self.period.since, self.period.until, after):
            for first in range(0, len(found), _ORDERS_AT_ONCE):
                some = found[first : first + _ORDERS_AT_ONCE]
                for lines in await asyncio.gather(*map(self._history_of, some)):
                    for line in lines:
                        yield Recorded(msgspec.Raw(line.encode()))
            after = found[-1]

    async def _history_of(self, order_id: OrderId) -> Sequence[str]:
        return [line async for line in self.sources.export_history(order_id)]


def _lists(at: ConfiguredGateway) -> GatewayLists:
    records = at.records
    return GatewayLists(
        at.name,
        records.charges is not None,
        records.refunds is not None,
        records.disputes is not None,
        records.delay.total_seconds(),
        at.livemode,
    )


def _our_event(stored: StoredEvent) -> OurEvent:
    headers = stored.headers
    try:
        at = datetime.fromisoformat(headers["ce-time"])
    except (KeyError, ValueError):
        at = stored.stored_at
    name = headers.get("ce-id") or headers.get("Nats-Msg-Id") or f"without an id, of {at}"
    at = at if at.tzinfo else stored.stored_at
    return OurEvent(
        id=name,
        subject=stored.subject,
        at=at,
        stored_at=stored.stored_at,
        **content_fields(stored.data),
    )
