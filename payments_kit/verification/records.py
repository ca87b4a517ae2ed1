"""What is known of some orders: their lines, as the plain data of the specification."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from attrs import define, field

from payments_kit.simulation.model.amounts import Amount
from payments_kit.simulation.model.orders import read_order_event
from payments_kit.simulation.model.records import Event, OrderEvent
from payments_kit.verification.books import Books, Entry, Step, entry_of
from payments_kit.verification.findings import Record
from payments_kit.verification.ingest import body_of, order_named_in
from payments_kit.verification.lines import (
    AnyLine,
    ChargeLine,
    DeadLetterMessage,
    DisputeLine,
    Header,
    OrderMessage,
    OurEvent,
    Recorded,
    RefundLine,
    Waiting,
    decode,
)
from payments_kit.verification.store import OwnedLine

Listed = ChargeLine | RefundLine | DisputeLine

RELAYED_WITHIN: Final = timedelta(minutes=1)
"""An event that was stored later was rejected and published again, or waited for the broker; the
others of its order may have come first. While all is well it takes milliseconds."""

_SHIPPED: Final = "order:shipped"
"""What the specification calls the event that captures, whatever a shop calls it."""


@define
class OrderRecords:
    """Everything about some orders, mostly one."""

    entries: dict[str, list[Entry]] = field(factory=dict)
    """By order, without the last line of its export."""
    exported: dict[str, list[tuple[int, bytes]]] = field(factory=dict)
    """By order: the lines of its history, the last one included."""
    _listed_records: dict[tuple[str, str, str], Listed] = field(factory=dict)
    events: list[Event] = field(factory=list)
    late: set[str] = field(factory=set)
    """Our events that were stored long after they happened, as if the broker had rejected them."""
    order_events: list[OrderEvent] = field(factory=list)
    unusable: list[str] = field(factory=list)
    """Orders of order events that are malformed, or in the dead letters."""
    waiting: set[str] = field(factory=set)
    times: list[datetime] = field(factory=list)
    """When what is in the lines has happened, as far as they say it."""
    listed: list[Record] = field(factory=list)

    def note(self, line: Listed) -> None:
        """Add a record; of one that comes twice, as the pages of a list may, the last counts."""
        self._listed_records[type(line).__name__, line.gateway, line.id] = line

    @property
    def charges(self) -> list[ChargeLine]:
        """The charges of the gateways."""
        return [each for each in self._listed_records.values() if isinstance(each, ChargeLine)]

    @property
    def refunds(self) -> list[RefundLine]:
        """The refunds of the gateways."""
        return [each for each in self._listed_records.values() if isinstance(each, RefundLine)]

    @property
    def disputes(self) -> list[DisputeLine]:
        """The disputes of the gateways."""
        return [each for each in self._listed_records.values() if isinstance(each, DisputeLine)]

    def steps(self) -> Iterator[tuple[str, list[Step]]]:
        """Yield each order that has a history, and its steps.

        Raises:
            Unreadable: an entry is not as an export writes it.
        """
        for order, entries in self.entries.items():
            yield order, [*Books(order).steps(entries)]


def records_of(header: Header, lines: Iterable[OwnedLine]) -> OrderRecords:
    """Read the lines about some orders.

    Raises:
        Unreadable: a history is not as an export writes it.
    """
    found = OrderRecords()
    for number, order, raw in lines:
        line = decode(raw)
        if isinstance(line, Recorded):
            entry = entry_of(number, json.loads(bytes(line.entry)))
            _add_entry(found, order, entry, bytes(line.entry))
        else:
            _add(found, header, number, line)
    return found


def _add_entry(found: OrderRecords, order: str, entry: Entry, raw: bytes) -> None:
    found.exported.setdefault(order, []).append((entry.number, raw))
    if entry.is_end:
        return
    found.entries.setdefault(order, []).append(entry)
    found.times.append(entry.at)
    changed = ", ".join(list(entry.change)[:3]) + (" …" if len(entry.change) > 3 else "")
    ids = {part for path in entry.change for part in path.split(".")[1:-1]}
    what = f"entry {entry.seq} of order {order}, by {entry.who}: {changed}"
    found.listed.append(Record(entry.number, what, frozenset({order, *ids})))


def _add(found: OrderRecords, header: Header, number: int, line: AnyLine) -> None:
    match line:
        case ChargeLine():
            found.note(line)
            found.times += [at for at in (line.claimed_at, line.captured_at) if at is not None]
            amount = Amount(line.amount, line.currency)
            what = f"charge {line.id} of {line.gateway}: {amount}, {line.state}"
            _list(found, number, what, line.id, line.payment, line.order)
        case RefundLine():
            found.note(line)
            if line.created_at is not None:
                found.times.append(line.created_at)
            amount = Amount(line.amount, line.currency)
            what = f"refund {line.id} of charge {line.charge} at {line.gateway}: {amount}"
            _list(found, number, f"{what}, {line.state}", line.id, line.charge, line.refund)
        case DisputeLine():
            found.note(line)
            if line.created_at is not None:
                found.times.append(line.created_at)
            amount = Amount(line.amount, line.currency)
            what = f"dispute {line.id} of charge {line.charge} at {line.gateway}: {amount}"
            _list(found, number, f"{what}, {line.state}", line.id, line.charge)
        case OurEvent():
            body = body_of(line)
            found.events.append(Event(line.id, line.subject, body, line.at))
            found.times.append(line.at)
            if line.stored_at is not None and line.stored_at - line.at > RELAYED_WITHIN:
                found.late.add(line.id)
            amount_of = body.get("amount"), body.get("currency")
            units = f": {amount_of[0]} {amount_of[1]}" if None not in amount_of else ""
            ids = [body.get(name) for name in ("id", "refundId", "chargeId", "disputeId")]
            _list(found, number, f"{line.subject} {line.id}{units}", line.id, *map(str, ids))
        case OrderMessage():
            _add_order_event(found, header, number, line)
        case DeadLetterMessage():
            found.unusable.append(order_named_in(line) or "")
            _list(found, number, f"dead letter of {line.subject}", order_named_in(line))
        case Waiting():
            found.waiting.add(line.order)
        case _:  # it is about no order
            pass


def _add_order_event(found: OrderRecords, header: Header, number: int, line: OrderMessage) -> None:
    subject = _SHIPPED if line.subject == header.capture_subject else line.subject
    event = read_order_event(subject, line.content, header.currency)
    found.times.append(line.at)
    if event is None:
        found.unusable.append(order_named_in(line) or "")
        _list(found, number, f"{line.subject}, which is malformed", order_named_in(line))
        return
    found.order_events.append(event._replace(published_at=line.at))
    price = "" if event.price is None else f": {event.price}"
    _list(found, number, f"{line.subject} of version {event.version}{price}", event.id)


def _list(found: OrderRecords, number: int, what: str, *ids: str | None) -> None:
    found.listed.append(Record(number, what, frozenset(each for each in ids if each)))
