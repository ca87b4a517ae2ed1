"""What anybody can check of the history of an order, written without the service's code."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from domain.history import HistoryEntry


def assert_chain(entries: Iterable[HistoryEntry]) -> None:
    """Check that these are all entries of an order, unchanged and in order."""
    prev = "0" * 64
    for number, entry in enumerate(entries, start=1):
        content = {
            "seq": entry.seq,
            "at": entry.at.isoformat(timespec="microseconds"),
            "who": entry.who,
            "why": entry.why,
            "change": json.loads(entry.change),
            "prev": entry.prev,
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert (entry.seq, entry.prev) == (number, prev)
        assert entry.hash == hashlib.sha256(text.encode()).hexdigest()
        prev = entry.hash


def replayed(entries: Iterable[HistoryEntry]) -> Mapping[str, Any]:
    """Return the state that the entries end with, by path."""
    state: dict[str, Any] = {}
    for entry in entries:
        change = json.loads(entry.change)
        if "order.id" in change:
            state = {}
        for path, (before, after) in change.items():
            assert state.get(path) == before, (entry.seq, path)
            # Whose the order is, no entry says, so an owner who was replaced is an owner.
            state[path] = "set" if path == "order.terms.user" else after
    return {path: value for path, value in state.items() if value is not None}
