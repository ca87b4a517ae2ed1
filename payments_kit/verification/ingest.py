"""Ingest: put each line of a file where the order that it is about is found."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from attrs import define, field

from payments_kit.verification.books import Entry, Unreadable, entry_of, named_in
from payments_kit.verification.lines import (
    AnyLine,
    ChargeLine,
    DeadLetterMessage,
    DisputeLine,
    Foreign,
    Message,
    OrderMessage,
    OurEvent,
    Recorded,
    RefundLine,
    Waiting,
    kind_of,
)
from payments_kit.verification.listing import Listing
from payments_kit.verification.reading import BadFile, HistoryFile
from payments_kit.verification.store import Store


@define
class Counted:
    """What is counted of a file and not judged."""

    lines: Counter[str] = field(factory=Counter)
    """By their kind."""
    foreign: int = 0
    """Records of others on the same accounts."""


@define
class Ingest:
    """Puts lines into a store."""

    store: Store
    counted: Counted = field(factory=Counted)
    replaced: set[tuple[str, str]] = field(factory=set)
    """The gateways and kinds of record of which a listing was read, and the file's are not used."""
    _order: str | None = None
    """The order whose history is being read."""
    _headless: list[tuple[int, Entry, bytes]] = field(factory=list)
    """Entries of a history whose first line is missing: its last line names the order."""

    def read(self, file: HistoryFile, progress: Callable[[int], None]) -> None:
        """Read all lines after the header.

        Raises:
            BadFile: the first line that is not right.
        """
        for number, line, raw in file:
            if not self._is_replaced(line):
                self._add(number, line, raw)
            progress(number)
        self._add_headless(None)

    def read_listing(self, listing: Listing) -> None:
        """Read the records of a gateway's own export.

        Raises:
            BadListing: the first record that cannot be used.
        """
        for number, line, raw in listing:
            self._add(number, line, raw)
        self.replaced |= listing.replaced
        self.counted.foreign += listing.foreign.total()

    def _is_replaced(self, line: AnyLine) -> bool:
        if not isinstance(line, ChargeLine | RefundLine | DisputeLine):
            return False
        return (line.gateway, kind_of(line)) in self.replaced

    def _add(self, number: int, line: AnyLine, raw: bytes) -> None:
        store = self.store
        self.counted.lines[kind_of(line)] += 1
        match line:
            case Recorded():
                self._add_entry(number, line, raw)
            case OurEvent():
                self._add_event(number, line, raw)
            case OrderMessage() | DeadLetterMessage():
                order = order_named_in(line)
                if order is None:
                    store.add_unowned(number, raw)
                else:
                    store.add(number, order, raw)
            case ChargeLine():
                names = f"charge:{line.id}", f"payment:{line.payment}", f"labelled:{line.id}"
                store.add_unowned(number, raw, *names, fallback=line.order or None)
                if line.order:
                    store.own(line.order, f"labelled:{line.id}")
            case RefundLine():
                names = f"charge:{line.charge}", f"labelled:{line.charge}", f"refund:{line.refund}"
                store.add_unowned(number, raw, *names)
            case DisputeLine():
                store.add_unowned(number, raw, f"charge:{line.charge}", f"labelled:{line.charge}")
            case Waiting():
                store.add(number, line.order, raw)
            case Foreign():
                self.counted.foreign += line.count
            case _:  # the reader has used the header and the end
                pass

    def _add_entry(self, number: int, line: Recorded, raw: bytes) -> None:
        try:
            entry = entry_of(number, json.loads(bytes(line.entry)))
        except (ValueError, RecursionError):
            raise BadFile(number, "its `entry` is not as an export writes it") from None
        except Unreadable as error:
            raise BadFile(number, str(error)) from None
        order = self._order_of(entry)
        if order is None:
            self._headless.append((number, entry, raw))
        else:
            self.store.add(number, order, raw, *named_in(entry))

    def _order_of(self, entry: Entry) -> str | None:
        """Return the order of an entry, if known: a history is not interrupted by another one."""
        if entry.seq == 1 and entry.begins is not None:
            self._add_headless(None)
            self._order = entry.begins
        if entry.is_end:
            ended, self._order = self._order or entry.order_named_at_end, None
            self._add_headless(ended)
            return ended
        return self._order

    def _add_headless(self, order: str | None) -> None:
        """Add the entries of a history without its first line, whose order may be unknown."""
        for number, entry, raw in self._headless:
            if order is None:
                self.store.add_unowned(number, raw)
            else:
                self.store.add(number, order, raw, *named_in(entry))
        self._headless.clear()

    def _add_event(self, number: int, line: OurEvent, raw: bytes) -> None:
        body = body_of(line)
        order = body.get("orderId")
        if not isinstance(order, str) or not order:
            self.counted.lines["event"] -= 1
            self.counted.lines["event that names no order"] += 1
            return
        self.store.add(number, order, raw, f"event:{line.id}")


def body_of(message: Message) -> dict[str, Any]:
    """Return the body of a message; empty if it is no JSON object."""
    try:
        body = json.loads(message.content)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def order_named_in(message: Message) -> str | None:
    """Return the order that an order event names, even if it is malformed otherwise."""
    named = body_of(message).get("id")
    if isinstance(named, str) and named:
        return named
    return str(named) if type(named) is int else None
