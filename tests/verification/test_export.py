"""What an export reads of its sources: everything of the period, and what is known of the rest."""

import asyncio
import functools
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from attrs import evolve, field, frozen
from msgspec import Raw

from adapters.gateways.in_memory import InMemoryGateway
from application.ports.backlog import BacklogItem, BacklogKind
from application.ports.event_log import StoredEvent
from application.ports.gateway_history import UnreadableCharge
from application.ports.gateway_notifications import DisputeNotification, UnusableNotification
from application.ports.gateway_records import ChargeRecord, ListedDispute, Page, Period
from application.ports.gateways import ConfiguredGateway, Gateways
from application.ports.inbound_events import DeadLetter
from application.ports.payment_gateway import LookupRefused
from domain.dispute import DisputeStatus
from domain.identifiers import ChargeId, DisputeId, OrderId, PaymentId
from domain.money import Currency, Money
from entrypoints.composition.history_export import ShopRecords
from payments_kit.simulation.world import World
from payments_kit.verification import export
from payments_kit.verification.export import LATER, Export, TooMuchWaits
from payments_kit.verification.gateway_lines import dispute_line
from payments_kit.verification.lines import (
    ChargeLine,
    DeadLetterMessage,
    Foreign,
    Header,
    OurEvent,
    Recorded,
    Waiting,
    content_fields,
)
from payments_kit.verification.pages import all_pages
from payments_kit.verification.promises import EVENTS, HISTORIES, ORDER_EVENTS
from tests.verification.worlds import run_world, sources_of

SINCE = datetime(2026, 10, 1, tzinfo=UTC)
UNTIL = datetime(2026, 10, 8, tzinfo=UTC)

Kind = TypeVar("Kind")


@frozen
class Log:
    """A broker that has these events of ours, and none of the orders service."""

    ours: tuple[str, ...]
    stored: Sequence[StoredEvent] = ()
    ours_since: datetime = SINCE
    orders_since: datetime = SINCE

    async def complete_since(self, subjects: Collection[str]) -> datetime:
        return self.ours_since if tuple(subjects) == self.ours else self.orders_since

    async def read(
        self, subjects: Collection[str], since: datetime, until: datetime
    ) -> AsyncIterator[StoredEvent]:
        for each in self.stored if tuple(subjects) == self.ours else ():
            if since <= each.stored_at < until:
                yield each


@frozen
class Letters:
    """As many dead letters as this, of which a page has at most two."""

    number: int

    async def list(self, limit: int, after: int = 0) -> Sequence[DeadLetter]:
        ids = range(after + 1, min(self.number, after + min(limit, 2)) + 1)
        return [DeadLetter(n, f"order.{n}", "malformed", b"{}", {}, SINCE) for n in ids]


@frozen
class Waits:
    """A backlog with these items."""

    items: Sequence[BacklogItem] = field(factory=list)

    async def find_oldest(self, limit: int) -> Sequence[BacklogItem]:
        return self.items[:limit]


@frozen
class Histories:
    """As many orders as this have changed, each by one entry."""

    number: int

    async def changed(self, since: datetime, until: datetime, after: str) -> Sequence[OrderId]:
        return [] if after else [OrderId(f"order-{n}") for n in range(self.number)]

    async def entries(self, order_id: OrderId) -> AsyncIterator[str]:
        yield f'"{order_id}"'


class Unreadable(InMemoryGateway):
    """A gateway with a charge that may be ours, and which nobody can read."""

    async def charge_records(self, period: Period, cursor: str | None) -> Page[ChargeRecord]:
        said = UnusableNotification("evt_1", "no amount", PaymentId("payment-1"))
        return Page([UnreadableCharge(said, b"{}")], None)


class OfOthers(InMemoryGateway):
    """A gateway with two pages of charges that others have made."""

    async def charge_records(self, period: Period, cursor: str | None) -> Page[ChargeRecord]:
        return Page([], None if cursor else "2", foreign=3 if cursor else 4)


@functools.cache
def world() -> World:
    """Return a world that has ended, long before the period."""
    found = run_world(1)

    async def at_once(_step: str) -> None:
        """Continue: its clock has ended, too."""

    found.runtime.database.checkpoint = at_once
    found.runtime.broker.checkpoint = at_once
    return found


def shop(**parts: Any) -> ShopRecords:
    """Return a shop with these parts, and with nothing else in the period."""
    found = sources_of(world())
    ours = found.our_subjects
    log = Log(ours, **parts.pop("log", {}))
    return evolve(found, **{"log": log, "letters": Letters(0), "backlog": Waits(), **parts})


def lines_of(sources: ShopRecords) -> list[Any]:
    async def collected() -> list[Any]:
        return [line async for line in Export(sources, Period(SINCE, UNTIL)).lines()]

    return asyncio.run(collected())


def of_kind(kind: type[Kind], lines: list[Any]) -> list[Kind]:
    return [line for line in lines if isinstance(line, kind)]


def event(name: str, stored_at: datetime, said: str | None = None) -> StoredEvent:
    headers = {"ce-id": name} if said is None else {"ce-id": name, "ce-time": said}
    return StoredEvent("payment.succeeded", b"{}", headers, stored_at)


def waiting(kind: BacklogKind, order: str) -> BacklogItem:
    return BacklogItem(kind, order, order, "payment.succeeded", SINCE, timedelta(0))


def test_an_event_that_waited_for_the_broker_is_read_after_the_period() -> None:
    late, too_late = UNTIL + LATER - timedelta(seconds=1), UNTIL + LATER
    stored = [event("late", late), event("too-late", too_late)]
    lines = lines_of(shop(log={"stored": stored}))
    assert [each.id for each in of_kind(OurEvent, lines)] == ["late"]


def test_a_time_without_its_zone_is_not_believed() -> None:
    lines = lines_of(shop(log={"stored": [event("1", SINCE, "2026-10-03T12:00:00")]}))
    assert [each.at for each in of_kind(OurEvent, lines)] == [SINCE]


def test_every_page_of_the_dead_letters_is_read() -> None:
    lines = lines_of(shop(letters=Letters(5)))
    found = [each.subject for each in of_kind(DeadLetterMessage, lines)]
    assert found == [f"order.{number}" for number in range(1, 6)]


def test_the_charges_of_others_are_counted_on_all_pages() -> None:
    ledger = next(iter(world().runtime.ledgers.values()))
    gateways = Gateways((ConfiguredGateway(OfOthers(ledger, name="stripe"), "stripe"),))
    assert of_kind(Foreign, lines_of(shop(gateways=gateways))) == [Foreign("stripe", 7)]


def test_a_charge_that_cannot_be_read_may_be_ours() -> None:
    ledger = next(iter(world().runtime.ledgers.values()))
    gateways = Gateways((ConfiguredGateway(Unreadable(ledger, name="stripe"), "stripe"),))
    lines = lines_of(shop(gateways=gateways))
    assert [each.state for each in of_kind(ChargeLine, lines)] == ["unreadable"]
    assert of_kind(Foreign, lines) == [Foreign("stripe", 0)]


@pytest.mark.parametrize("number", [7, 8, 9, 20])
def test_the_history_of_every_changed_order_is_read(number: int) -> None:
    histories = Histories(number)
    lines = lines_of(shop(histories=histories, export_history=histories.entries))
    found = [bytes(each.entry).decode() for each in of_kind(Recorded, lines)]
    assert found == [f'"order-{n}"' for n in range(number)]


def test_an_order_waits_with_a_parked_event_too() -> None:
    items = [
        waiting(BacklogKind.EVENT_PARKED, "parked"),
        waiting(BacklogKind.EVENT_WAITING, "waiting"),
        waiting(BacklogKind.DIFFERENCE, "difference"),
    ]
    found = of_kind(Waiting, lines_of(shop(backlog=Waits(items))))
    assert [each.order for each in found] == ["parked", "waiting"]


@pytest.mark.parametrize(("number", "is_too_much"), [(2, False), (3, True)])
def test_as_many_as_can_be_listed_may_be_more(
    number: int, is_too_much: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MAX_COUNTED", 3)
    sources = shop(backlog=Waits([waiting(BacklogKind.EVENT_WAITING, "1")] * number))
    if is_too_much:
        with pytest.raises(TooMuchWaits, match="3 events or more"):
            lines_of(sources)
    else:
        lines_of(sources)


def header_of(**log: datetime) -> Header:
    (found,) = of_kind(Header, lines_of(shop(log=log)))
    return found


def test_the_period_begins_when_both_streams_are_complete() -> None:
    first, second = SINCE + timedelta(days=1), SINCE + timedelta(days=2)
    assert header_of(orders_since=second, ours_since=first).since == second
    assert header_of(orders_since=first, ours_since=second).since == second


def test_a_stream_that_has_lost_the_whole_period_is_not_included() -> None:
    found = header_of(ours_since=UNTIL)
    assert (found.since, found.includes) == (SINCE, [HISTORIES, ORDER_EVENTS])
    assert header_of(orders_since=UNTIL).includes == [HISTORIES, EVENTS]


def test_a_line_break_in_an_event_is_no_end_of_a_line() -> None:
    assert content_fields(b'{"a":\r\n1}') == {"body": Raw(b'{"a":  1}')}


def test_the_word_of_a_dispute_that_we_do_not_know_stays() -> None:
    said = DisputeNotification(
        id="1",
        charge_id=ChargeId("ch_1"),
        dispute_id=DisputeId("dp_1"),
        amount=Money(100, Currency("usd")),
        reason="fraudulent",
        status=DisputeStatus.OPEN,
        unknown_status="paused",
    )
    assert dispute_line("stripe", ListedDispute(said, b"{}")).state == "paused"


def test_a_gateway_that_refuses_to_list_is_not_asked_again() -> None:
    asked: list[str] = []

    async def refused(_period: Period, _cursor: str | None) -> Page[ChargeRecord]:
        raise LookupRefused("no permission")

    async def first() -> None:
        await anext(all_pages(refused, Period(SINCE, UNTIL), asked.append))

    with pytest.raises(LookupRefused):
        asyncio.run(asyncio.wait_for(first(), 1))
    assert asked == []
