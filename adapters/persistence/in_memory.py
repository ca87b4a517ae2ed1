"""The books in memory: the reference of what a unit of work, an outbox and their kin promise."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from attrs import define, evolve, field, frozen

from application.ports.answers import Answer, OtherRequest, RequestKey, StillRunning
from application.ports.clock import Clock
from application.ports.event_publisher import OutboxEntry
from application.ports.gateway_notices import ChargeNotice
from application.ports.unit_of_work import Conflict
from domain.bill import Bill
from domain.events import Event, EventId
from domain.order import OrderId
from domain.payment import ChargeId, PaymentId

Checkpoint = Callable[[str], Awaitable[None]]
"""Awaited before and after everything that would be a round trip, and told what it is. Whoever
passes one may let time go by there, or raise what the real database would."""


async def no_delay(_step: str) -> None:
    """Go on at once."""


@frozen
class _Record:
    """An outbox entry and what became of it."""

    entry: OutboxEntry
    sent: bool = False
    parked: str | None = None


@frozen
class _Remembered:
    """A request with an idempotency key, and its answer once there is one."""

    fingerprint: str
    begun_at: datetime
    lease_ends: datetime
    answer: Answer | None = None


@define
class InMemoryDatabase:
    """What survives a crash of those who use it. Entities are frozen, so a read is a snapshot."""

    now: Clock
    checkpoint: Checkpoint = no_delay
    bills: dict[OrderId, tuple[int, Bill]] = field(factory=dict)
    """Each bill with its revision: how often it has been written."""
    order_of: dict[PaymentId, OrderId] = field(factory=dict)
    outbox: dict[EventId, _Record] = field(factory=dict)
    inbox: set[str] = field(factory=set)
    kept: dict[str, tuple[datetime, ChargeNotice]] = field(factory=dict)
    """Each notice whose charge we did not know, with the moment since when it is kept."""
    relay: tuple[str, datetime] | None = None
    remembered: dict[RequestKey, _Remembered] = field(factory=dict)
    declines: dict[str, list[datetime]] = field(factory=lambda: defaultdict(list))

    def begin(self, trace: Callable[[], str | None] = lambda: None) -> "InMemoryUnitOfWork":
        """Begin a unit of work; `trace` says what the events it adds are caused by."""
        return InMemoryUnitOfWork(self, trace)


@define
class InMemoryUnitOfWork:
    """Remembers the revision of everything it reads, and commits against these."""

    _database: InMemoryDatabase
    _trace: Callable[[], str | None]
    _read: dict[OrderId, int] = field(factory=dict)
    _saved: dict[OrderId, Bill] = field(factory=dict)
    _events: list[Event] = field(factory=list)
    _notices: list[str] = field(factory=list)
    _kept: dict[str, tuple[datetime, ChargeNotice]] = field(factory=dict)
    _forgotten: list[str] = field(factory=list)

    @property
    def bills(self) -> "_Bills":
        """Orders with their payments and refunds."""
        return _Bills(self)

    @property
    def outbox(self) -> "_Outbox":
        """Events to publish."""
        return _Outbox(self)

    @property
    def inbox(self) -> "_Inbox":
        """Notices heard, and notices kept."""
        return _Inbox(self)

    async def commit(self) -> None:
        """Write everything at once, if nothing that was read has changed."""
        if not (self._saved or self._events or self._notices or self._kept or self._forgotten):
            return
        database = self._database
        await database.checkpoint("commit")
        for order_id in self._saved:
            revision, _ = database.bills.get(order_id, (0, None))
            if revision != self._read.get(order_id, 0):
                raise Conflict(order_id)
        if not database.inbox.isdisjoint(self._notices):
            raise Conflict("inbox")
        for order_id, bill in self._saved.items():
            database.bills[order_id] = (self._read.get(order_id, 0) + 1, bill)
            database.order_of.update({payment.id: order_id for payment in bill.payments})
        for event in self._events:
            entry = OutboxEntry(event, database.now(), self._trace())
            database.outbox.setdefault(event.id, _Record(entry))
        database.inbox.update(self._notices)
        database.kept = self._kept | database.kept
        for notice_id in self._forgotten:
            database.kept.pop(notice_id, None)
        await database.checkpoint("committed")


@frozen
class _Bills:
    _work: InMemoryUnitOfWork

    async def of(self, order_ids: Collection[OrderId]) -> Mapping[OrderId, Bill]:
        await self._work._database.checkpoint("read bills")
        found = {}
        for order_id in order_ids:
            revision, bill = self._work._database.bills.get(order_id, (0, None))
            self._work._read[order_id] = revision
            if bill is not None:
                found[order_id] = bill
        return found

    async def holding(self, payment_id: PaymentId) -> Bill | None:
        order_id = self._work._database.order_of.get(payment_id)
        found = await self.of([] if order_id is None else [order_id])
        return next(iter(found.values()), None)

    async def charged(self, charge_id: ChargeId) -> Bill | None:
        charged = [
            order_id
            for order_id, (_, bill) in self._work._database.bills.items()
            if any(payment.charge_id == charge_id for payment in bill.payments)
        ]
        found = await self.of(charged[:1])
        return next(iter(found.values()), None)

    async def due(self, now: datetime, limit: int) -> Sequence[OrderId]:
        await self._work._database.checkpoint("read due bills")
        looks = {
            order_id: min(due)
            for order_id, (_, bill) in self._work._database.bills.items()
            if (due := [at for at in _looks(bill) if at <= now])
        }
        return sorted(looks, key=lambda order_id: (looks[order_id], order_id))[:limit]

    def save(self, bill: Bill) -> None:
        self._work._saved[bill.order.id] = bill


def _looks(bill: Bill) -> list[datetime]:
    looks = [payment.look_at for payment in bill.payments]
    looks += [refund.look_at for refund in bill.refunds]
    return [look for look in looks if look is not None]


@frozen
class _Outbox:
    _work: InMemoryUnitOfWork

    def add(self, event: Event) -> None:
        self._work._events.append(event)


@frozen
class _Inbox:
    _work: InMemoryUnitOfWork

    async def has(self, notice_id: str) -> bool:
        await self._work._database.checkpoint("read inbox")
        return notice_id in self._work._database.inbox

    def add(self, notice_id: str) -> None:
        self._work._notices.append(notice_id)

    def keep(self, notice: ChargeNotice, since: datetime) -> None:
        self._work._kept.setdefault(notice.id, (since, notice))

    async def kept(self, before: datetime, limit: int) -> Sequence[ChargeNotice]:
        database = self._work._database
        await database.checkpoint("read kept notices")
        charges = {
            payment.charge_id for _, bill in database.bills.values() for payment in bill.payments
        }
        waited = [
            (since, notice_id)
            for notice_id, (since, notice) in database.kept.items()
            if since < before or notice.charge_id in charges
        ]
        return [database.kept[notice_id][1] for _, notice_id in sorted(waited)[:limit]]

    def forget(self, notice_id: str) -> None:
        self._work._forgotten.append(notice_id)


@frozen
class InMemoryOutboxQueue:
    """The unsent part of the outbox, in the order of the commits."""

    _database: InMemoryDatabase

    async def take(self, relay: str, lease: timedelta, limit: int) -> Sequence[OutboxEntry]:
        """The longest waiting entries, if the lease is free or ours; renews it."""
        database = self._database
        await database.checkpoint("take from outbox")
        now = database.now()
        if database.relay is not None and database.relay[0] != relay and database.relay[1] > now:
            return []
        database.relay = (relay, now + lease)
        waiting = [
            each.entry for each in database.outbox.values() if not each.sent and each.parked is None
        ]
        return waiting[:limit]

    async def mark_sent(self, events: Collection[EventId]) -> None:
        """The broker has stored these."""
        await self._database.checkpoint("mark sent")
        for event_id in self._database.outbox.keys() & set(events):
            record = self._database.outbox[event_id]
            self._database.outbox[event_id] = evolve(record, sent=True)

    async def park(self, refused: Mapping[EventId, str]) -> None:
        """Set these aside with the reason."""
        await self._database.checkpoint("park")
        for event_id in self._database.outbox.keys() & refused.keys():
            record = self._database.outbox[event_id]
            self._database.outbox[event_id] = evolve(record, parked=refused[event_id])


@frozen
class InMemoryAnswers:
    """Answers by idempotency key."""

    _database: InMemoryDatabase

    async def begin(self, key: RequestKey, fingerprint: str, lease: timedelta) -> Answer | None:
        """The answer to give again, or None to go ahead."""
        await self._database.checkpoint("begin answer")
        now = self._database.now()
        first = self._database.remembered.get(key)
        if first is not None and first.fingerprint != fingerprint:
            raise OtherRequest
        if first is not None and first.answer is not None:
            return first.answer
        if first is not None and first.lease_ends > now:
            raise StillRunning
        self._database.remembered[key] = _Remembered(fingerprint, now, now + lease)
        return None

    async def finish(self, key: RequestKey, answer: Answer) -> None:
        """Keep the answer."""
        await self._database.checkpoint("finish answer")
        first = self._database.remembered.get(key)
        if first is not None and first.answer is None:
            self._database.remembered[key] = evolve(first, answer=answer)

    async def release(self, key: RequestKey) -> None:
        """Forget the key."""
        await self._database.checkpoint("release answer")
        first = self._database.remembered.get(key)
        if first is not None and first.answer is None:
            del self._database.remembered[key]

    async def forget(self, age: timedelta) -> int:
        """Forget keys older than that; how many."""
        await self._database.checkpoint("forget answers")
        oldest = self._database.now() - age
        old = [key for key, each in self._database.remembered.items() if each.begun_at < oldest]
        for key in old:
            del self._database.remembered[key]
        return len(old)


@frozen
class InMemoryDeclineCounter:
    """Declines by source."""

    _database: InMemoryDatabase

    async def count(self, sources: Collection[str], window: timedelta) -> Mapping[str, int]:
        """How many declines each source had within the window."""
        await self._database.checkpoint("count declines")
        since = self._database.now() - window
        return {
            source: sum(at > since for at in self._database.declines.get(source, ()))
            for source in sources
        }

    async def add(self, sources: Collection[str]) -> None:
        """One more decline for each of these."""
        await self._database.checkpoint("add declines")
        for source in sources:
            self._database.declines[source].append(self._database.now())
