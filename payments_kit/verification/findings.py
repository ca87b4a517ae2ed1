"""What is said about a file: promises that were broken, and what was not judged."""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, unique
from typing import Final

from attrs import frozen

from payments_kit.verification.listing import LISTED

MAX_EVIDENCE: Final = 20
"""Lines that are listed for one broken promise; an order has rarely more."""

_WORDS: Final = re.compile(r"[^\s\[\]()'\",;]+")


@frozen
class Record:
    """A line of the file, in the words of a report."""

    number: int
    what: str
    ids: frozenset[str]
    """The payments, charges, refunds and events that it is about."""

    @property
    def place(self) -> tuple[str, int]:
        """Whether it is a line of the file or a record of a listing, and which one."""
        return ("line", self.number) if self.number < LISTED else ("listed", self.number - LISTED)


@frozen
class BrokenPromise:
    """A promise that was broken, and the lines that show it."""

    promise: int
    order: str
    what: str
    payments: Sequence[str]
    evidence: Sequence[Record]


@unique
class NotJudged(Enum):
    """Why an order was not judged as a whole; its history was."""

    BEGAN_BEFORE = "began before the period"
    CHANGED_AFTER = "changed at the end of the period, or after it"
    IN_PROGRESS = "not finished yet"
    EVENT_WAITING = "has an event that was not published yet"
    NO_HISTORY = "has no history in the file, so our books are not known"
    OTHER_MODE = "has payments of the other mode (test or live) than the gateway was asked about"
    BROKEN_HISTORY = "has a broken history, of which no books can be made"
    UNKNOWN_VALUE = "has a value that this version does not know"


def broken_promise(
    violation: str,
    order: str,
    payment_ids: Iterable[str],
    records: Sequence[Record],
    at: int | None = None,
) -> BrokenPromise:
    """Return what the specification reports, with the lines about what it names.

    `at` is the line that has shown it, if it is one.
    """
    number, _, what = violation.partition(": ")
    named = {word.rstrip(":.") for word in _WORDS.findall(what)} | {*_WORDS.findall(what)}
    about = [each for each in records if at == each.number or (at is None and each.ids & named)]
    if at is None and not about:
        about = [*records]
    paid = [payment for payment in payment_ids if payment in named]
    if not paid:
        shown = {name for each in about for name in each.ids}
        paid = [payment for payment in payment_ids if payment in shown]
    return BrokenPromise(int(number), order, what, paid, about[:MAX_EVIDENCE])


def by_promise(broken: Iterable[BrokenPromise]) -> Mapping[int, int]:
    """Return how often each promise was broken."""
    counts = dict[int, int]()
    for each in broken:
        counts[each.promise] = counts.get(each.promise, 0) + 1
    return counts
