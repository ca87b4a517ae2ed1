"""Verify a file: read it, and judge each order in it, in bounded memory."""

from collections.abc import Callable
from typing import IO, Final

from payments_kit.verification.books import Unreadable
from payments_kit.verification.findings import BrokenPromise, Record
from payments_kit.verification.ingest import Ingest
from payments_kit.verification.judging import Judge
from payments_kit.verification.lines import (
    ChargeLine,
    DisputeLine,
    Recorded,
    RefundLine,
    decode,
    kind_of,
)
from payments_kit.verification.listing import Listing
from payments_kit.verification.promises import HISTORIES
from payments_kit.verification.reading import BadFile, HistoryFile
from payments_kit.verification.records import records_of
from payments_kit.verification.store import Store
from payments_kit.verification.summary import Summary

UNKNOWN: Final = "?"
"""The order of a broken promise, if nothing in the file says which one it is."""

Progress = Callable[[str, int], None]
"""Called with what is counted, and how many there are."""


def verify_file(
    opened: IO[bytes],
    progress: Progress,
    *,
    listed: IO[bytes] | None = None,
    has_lost_transactions: bool = False,
) -> Summary:
    """Return what a file proves, with a gateway's own list if there is one.

    Raises:
        BadFile: it cannot be judged; the first such line is named.
        BadListing: the list cannot be used; the first such record is named.
    """
    file = HistoryFile(opened)
    header = file.header()
    with Store.opened() as store:
        ingest = Ingest(store)
        if listed is not None:
            listing = Listing(listed, header)
            ingest.read_listing(listing)
            header = listing.amended()
        judge = Judge(header, has_lost_transactions)
        ingest.read(file, lambda number: progress("lines read", number))
        summary = Summary(header, ingest.counted, file.unknown)
        for number, (orders, lines) in enumerate(store.groups(), start=1):
            try:
                verdict = judge(orders, records_of(header, lines))
            except Unreadable as error:
                raise BadFile(error.number or lines[0][0], str(error)) from None
            summary.add(orders, verdict)
            progress("orders judged", number)
        _count_the_rest(store, summary)
    return summary


def _count_the_rest(store: Store, summary: Summary) -> None:
    """Count what is about no order that is known; what must be about one is reported."""
    last_entry = -1
    for number, raw in store.without_owner():
        line = decode(raw)
        if isinstance(line, ChargeLine | RefundLine | DisputeLine) and line.state == "unreadable":
            summary.unknown[f"{line.state} {kind_of(line)}"] += 1
        elif isinstance(line, ChargeLine) and HISTORIES in summary.header.includes:
            what = f"charge {line.id} bears the label of payment {line.payment}, which is unknown"
            about = Record(number, f"charge {line.id} of {line.gateway}", frozenset({line.id}))
            summary.report(BrokenPromise(2, UNKNOWN, what, (line.payment,), (about,)))
        elif isinstance(line, ChargeLine | RefundLine | DisputeLine):
            summary.counted.foreign += 1
        elif isinstance(line, Recorded):
            if number != last_entry + 1:
                what = "a history has neither its first nor its last line, which name the order"
                about = Record(number, "an entry of this history", frozenset())
                summary.report(BrokenPromise(11, UNKNOWN, what, (), (about,)))
            last_entry = number
        else:
            summary.counted.lines["order event that names no order"] += 1
