"""Histories of one order that lack something or were changed: promise 11, broken in each way."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve

from payments_kit.simulation.model.records import History
from tests.simulation.histories import EMPTY, PRICE

BEGIN: Final = {
    "order.id": [None, "o1"],
    "order.version": [None, 0],
    "order.status": [None, "created"],
    "order.terms.price": [None, {"currency": PRICE.currency, "minor_units": PRICE.minor_units}],
}
CHANGE: Final = {"order.version": [0, 0]}


def chain(*changes: Mapping[str, Any], **fields: Any) -> list[str]:
    """Return lines with these changes; `fields` replaces some of each line."""
    prev, lines = "0" * 64, list[str]()
    for seq, change in enumerate(changes, start=1):
        line = {
            "seq": seq,
            "at": "2026-01-01T12:00:00.000000+00:00",
            "who": "orders",
            "why": "it is",
            "change": change,
        }
        line |= {"prev": prev, **fields}
        text = json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        prev = hashlib.sha256(text.encode()).hexdigest()
        lines.append(json.dumps(line | {"hash": prev}))
    return lines


def recorded(lines: list[str]) -> History:
    """Return a shop with an order that has this history."""
    return evolve(EMPTY, histories={"o1": lines})


RECORDED: Final = recorded(chain(BEGIN, CHANGE, CHANGE))

_LINES: Final = chain(BEGIN, CHANGE, CHANGE)

RECORDINGS: Final = {
    "a change without any history": (
        recorded([]),
        ("11: order o1 has no history",),
    ),
    "a change that is in the books alone": (
        recorded(chain({**BEGIN, "order.version": [None, 7]})),
        ("11: order.version of order o1 is 0, and the history says 7",),
    ),
    "an entry that was dropped": (
        recorded([_LINES[0], _LINES[2]]),
        ("11: entry 2 of order o1 does not follow the one before it",),
    ),
    "an entry that was changed": (
        recorded([_LINES[0].replace("it is", "it was"), *_LINES[1:]]),
        ("11: entry 1 of order o1 does not follow the one before it",),
    ),
    "an entry without anybody": (
        recorded(chain(BEGIN, who="")),
        ("11: entry 1 of order o1 does not say when, who and why",),
    ),
    "a change that was not recorded": (
        recorded(chain(BEGIN, BEGIN)),
        ("11: what has changed order o1 before entry 2 was not recorded",),
    ),
}
