"""History: every change of an order as an entry that contains the hash of the one before it.

Anybody with the entries of an order can check that none was changed, dropped or moved, with nothing
but SHA-256. docs/audit.md describes the format for other programs.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple

from domain.actor import SERVICE, Actor
from domain.canonical_json import canonical_json, canonical_text
from domain.change_text import text_of
from domain.order import Order
from domain.order_changes import moment

GENESIS: Final = "0" * 64
"""What the first entry has as the hash of its predecessor."""

# Copying it takes half as long as looking the algorithm up anew.
_EMPTY: Final = sha256()

STATE_FOUND: Final = "state found: what changed it was not recorded"
"""Why an entry lists the state of an order that has changed without an entry: before histories were
kept, or by a process of an earlier release."""

CREATED_AGAIN: Final = "order created again: it was deleted, and its history was not"
"""Why an entry has the state of an order that was not stored although it has a history."""


class HistoryHead(NamedTuple):
    """Where the history of an order ends; a tuple, as each commit makes one."""

    seq: int
    """The number of the newest entry; the first one has 1."""
    hash: str
    revision: int
    """Which revision of the order the entries describe."""


class HistoryEntry(NamedTuple):
    """One change of an order; a tuple, as each commit makes one."""

    seq: int
    content: str
    """What is hashed: canonical JSON of everything but the hash."""
    hash: str
    """As it was computed, or as it is stored; `is_intact` compares it."""

    @classmethod
    def of(
        cls, seq: int, at: datetime, who: str, why: str, change: str, prev: str
    ) -> "HistoryEntry":
        """Return an entry with the hash of its content.

        Args:
            seq: its number; the first one has 1.
            at: when the order changed.
            who: who changed it.
            why: the reason.
            change: the changes as canonical JSON: an object with `[before, after]` of each path.
            prev: the hash of the entry before it.
        """
        content = content_of(seq, at, who, why, change, prev)
        return cls(seq, content, _hash(content))

    @property
    def is_intact(self) -> bool:
        """Whether the hash is that of the content."""
        return self.hash == _hash(self.content)

    @property
    def at(self) -> datetime:
        """When the order changed."""
        return _read(self.content).at

    @property
    def who(self) -> str:
        """Who changed it."""
        return _read(self.content).who

    @property
    def why(self) -> str:
        """The reason."""
        return _read(self.content).why

    @property
    def change(self) -> str:
        """The changes as canonical JSON: an object with `[before, after]` of each path."""
        return _read(self.content).change

    @property
    def prev(self) -> str:
        """The hash of the entry before it."""
        return _read(self.content).prev


def content_of(seq: int, at: datetime, who: str, why: str, change: str, prev: str) -> str:
    """Return what is hashed of an entry."""
    return (
        f'{{"at":"{moment(at)}","change":{change},"prev":"{prev}"'
        f',"seq":{seq},"who":{canonical_text(who)},"why":{canonical_text(why)}}}'
    )


class _Content(NamedTuple):
    at: datetime
    change: str
    prev: str
    who: str
    why: str


# A program has changed what is stored, so that it is no entry any more; its hash shows that.
_UNREADABLE: Final = _Content(datetime.min.replace(tzinfo=UTC), "{}", "", "", "unreadable")


@lru_cache(maxsize=1)  # the properties of an entry are read one after the other
def _read(content: str) -> _Content:
    try:
        match json.loads(content):
            case {"at": str(at), "change": dict(change), "prev": str(prev), **others}:
                who, why = str(others["who"]), str(others["why"])
                when = datetime.fromisoformat(at).astimezone(UTC)
                return _Content(when, canonical_json(change), prev, who, why)
            case _:
                pass
    except (ValueError, KeyError, OverflowError, RecursionError):
        pass
    return _UNREADABLE


def _hash(content: str) -> str:
    digest = _EMPTY.copy()
    digest.update(content.encode())
    return digest.hexdigest()


class Recorded(NamedTuple):
    """What a commit adds to the history of an order."""

    entries: Sequence[HistoryEntry]
    head: HistoryHead | None
    """Where it ends then; None if there is none."""


def record(
    before: Order | None,
    after: Order,
    head: HistoryHead | None,
    revision: int,
    actor: Actor,
    at: datetime,
) -> Recorded:
    """Return what the history says about a change of an order; nothing if nothing has changed.

    Args:
        before: the order as it was read; None if it is new.
        after: the order as it is written.
        head: where its history ended when it was read.
        revision: which revision was read; the one that is written follows it.
        actor: who changes it.
        at: when.
    """
    change = text_of(before, after)
    is_unrecorded = head is None or head.revision != revision
    if change is None:
        # A state that nobody has recorded is recorded with the next change.
        if head is None or is_unrecorded:
            return Recorded((), head)
        return Recorded((), HistoryHead(head.seq, head.hash, revision + 1))
    seq, prev = (0, GENESIS) if head is None else (head.seq, head.hash)
    entries: list[HistoryEntry] = []
    if before and is_unrecorded and (state := text_of(None, before)):
        entries.append(HistoryEntry.of(seq + 1, at, SERVICE, STATE_FOUND, state.change, prev))
        seq, prev = seq + 1, entries[0].hash
    is_lost = before is None and head is not None
    why = CREATED_AGAIN if is_lost else actor.reason or change.words
    entries.append(HistoryEntry.of(seq + 1, at, actor.who, why, change.change, prev))
    return Recorded(entries, HistoryHead(seq + 1, entries[-1].hash, revision + 1))
