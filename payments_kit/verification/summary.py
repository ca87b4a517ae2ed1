"""Summary: what was found in a whole file, as text and as JSON."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from attrs import define, field

from domain.audit_file import VerifiedFile
from entrypoints.cli.counting import counted
from payments_kit.verification.findings import BrokenPromise, NotJudged
from payments_kit.verification.ingest import Counted
from payments_kit.verification.judging import SETTLING, Verdict
from payments_kit.verification.lines import Header
from payments_kit.verification.promises import PROMISES, Promise, lacking

MAX_BROKEN: Final = 1000
"""Broken promises that are listed; more are counted: one of so many is repaired first."""

MAX_EXAMPLES: Final = 10
"""Orders that are named for each reason not to judge them."""

MAX_TEXT: Final = 240
"""Characters of a text for a person: three lines of a terminal. JSON has all of it."""

_MAX_ROOTS: Final = 100

_MINUTES: Final = SETTLING // timedelta(minutes=1)

_WHAT_TO_DO: Final = {
    NotJudged.BEGAN_BEFORE: "export a longer period",
    NotJudged.CHANGED_AFTER: (
        f"export again {_MINUTES} minutes or more after {{its}} last change, with no end of"
        " the period (--until) before that"
    ),
    NotJudged.EVENT_WAITING: "export again when `payments doctor` finds no event that waits",
}
"""What an operator can do, for each reason that passes."""


@define
class Summary:
    """What was found; its size does not depend on that of the file."""

    header: Header
    counted: Counted = field(factory=Counted)
    unknown: Counter[str] = field(factory=Counter)
    judged: int = 0
    """Orders that were judged as a whole."""
    histories: int = 0
    """Histories that are intact."""
    broken: list[BrokenPromise] = field(factory=list)
    counts: Counter[int] = field(factory=Counter)
    """How often each promise was broken."""
    skipped: Counter[NotJudged] = field(factory=Counter)
    examples: dict[NotJudged, list[str]] = field(factory=dict)
    roots: dict[str, VerifiedFile] = field(factory=dict)

    def add(self, orders: list[str], verdict: Verdict) -> None:
        """Add what was found about some orders."""
        self.histories += len(verdict.verified)
        for each in verdict.broken:
            self.report(each)
        for verified in verdict.verified:
            if verified.root is not None and len(self.roots) < _MAX_ROOTS:
                self.roots.setdefault(verified.root, verified)
        if verdict.not_judged is None:
            self.judged += len(orders)
            return
        self.skipped[verdict.not_judged] += len(orders)
        examples = self.examples.setdefault(verdict.not_judged, [])
        examples += orders[: MAX_EXAMPLES - len(examples)]

    def report(self, broken: BrokenPromise) -> None:
        """Add a broken promise."""
        self.counts[broken.promise] += 1
        if len(self.broken) < MAX_BROKEN:
            self.broken.append(broken)

    @property
    def is_kept(self) -> bool:
        """Whether no promise was found to be broken."""
        return not self.counts

    @property
    def is_judged(self) -> bool:
        """Whether anything could be judged, or there was nothing to judge."""
        return self.judged > 0 or not self.skipped

    @property
    def as_json(self) -> str:
        """One JSON object."""
        return json.dumps(self._body(), ensure_ascii=False)

    def _body(self) -> dict[str, Any]:
        return {
            "kept": self.is_kept,
            "period": {
                "since": self.header.since.isoformat(),
                "until": self.header.until.isoformat(),
            },
            "orders": {"judged": self.judged, "notJudged": self.skipped.total()},
            "histories": self.histories,
            "lines": dict(self.counted.lines),
            "foreign": self.counted.foreign,
            "broken": [_broken_body(each) for each in self.broken],
            "brokenCount": self.counts.total(),
            "notJudged": [
                {"reason": why.value, "orders": count, "examples": self.examples[why]}
                for why, count in self.skipped.items()
            ],
            "promises": [self._promise_body(each) for each in PROMISES],
            "unknownLines": dict(self.unknown),
            "roots": [
                {"root": root, "at": each.root_at} for root, each in sorted(self.roots.items())
            ],
        }

    def _promise_body(self, promise: Promise) -> dict[str, Any]:
        return {
            "promise": promise.number,
            "what": promise.what,
            "broken": self.counts[promise.number],
            "judged": promise.is_provable and not lacking(promise, self.header),
            "lacks": lacking(promise, self.header),
            "never": promise.never,
        }

    def as_text(self) -> Iterator[str]:
        """Yield lines for a person."""
        for each in self.broken:
            yield from _broken_lines(each)
        if (more := self.counts.total() - len(self.broken)) > 0:
            yield f"… and {more} more"
        for why, count in self.skipped.items():
            named = ", ".join(map(_one_line, self.examples[why]))
            more_of = ", …" if count > len(self.examples[why]) else ""
            yield f"not judged: {counted(count, 'order')}, {why.value}: {named}{more_of}"
            if why in _WHAT_TO_DO:
                it = ("it", "its") if count == 1 else ("them", "their")
                yield f"    to judge {it[0]}, {_WHAT_TO_DO[why].format(its=it[1])}"
        for kind, count in self.unknown.items():
            lines = counted(count, "line")
            yield f"not judged: {lines} of kind {kind!a}, which this version does not know"
        if self.counted.foreign:
            records = counted(self.counted.foreign, "record")
            yield f"not judged: {records} of others on the same accounts"
        for promise in PROMISES:
            yield from self._unproved(promise)
        yield from self._end()

    def _unproved(self, promise: Promise) -> Iterator[str]:
        about = f"promise {promise.number} ({promise.what})"
        lacks = lacking(promise, self.header)
        if lacks:
            yield f"not judged: {about}: the file lacks {', '.join(lacks)}"
        elif not promise.is_provable:
            yield f"not judged: {about}: {promise.never}"
        elif promise.never is not None:
            yield f"not judged: of {about}: {promise.never}"

    def _end(self) -> Iterator[str]:
        since, until = self.header.since.isoformat(), self.header.until.isoformat()
        intact = counted(self.histories, "history is", "histories are")
        yield f"{intact} intact, {counted(self.judged, 'order')} judged as a whole"
        if len(self.roots) == 1:
            [root] = self.roots
            yield f"root {root} contains them; compare it with the log of the workers"
        elif self.roots:
            yield f"{len(self.roots)} roots contain them; --json lists them, for the workers' log"
        if not self.is_kept:
            counts = ", ".join(f"{number}: {n}" for number, n in sorted(self.counts.items()))
            times = counted(self.counts.total(), "time")
            yield f"BROKEN from {since} to {until}: {times} (promise {counts})"
        elif self.is_judged and not self.judged:
            yield f"nothing to judge from {since} to {until}: the file has no orders"
        elif self.is_judged:
            yield f"kept from {since} to {until}: every promise that can be judged from the file"
        else:
            yield f"no order from {since} to {until} can be judged as a whole"


def _broken_lines(found: BrokenPromise) -> Iterator[str]:
    payments = "".join(f", payment {payment}" for payment in found.payments)
    where = _one_line(f"order {found.order}{payments}")
    yield f"BROKEN promise {found.promise}, {where}: {_one_line(found.what)}"
    for each in found.evidence:
        where, number = each.place
        yield f"    {where} {number}: {_one_line(each.what)}"


def _broken_body(found: BrokenPromise) -> dict[str, Any]:
    return {
        "promise": found.promise,
        "order": found.order,
        "payments": [*found.payments],
        "what": found.what,
        "evidence": [{each.place[0]: each.place[1], "what": each.what} for each in found.evidence],
    }


def _one_line(text: str) -> str:
    """Return the begin of a text of the file, which anybody can have written, on one line."""
    if len(text) > MAX_TEXT:
        text = f"{text[:MAX_TEXT]}…"
    return text if text.isprintable() else ascii(text)
