"""The history of an order as a list of what has happened, the newest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from htpy import Node, bdi, div, li, ol, p

from entrypoints.console.elements import moment_of, nothing
from entrypoints.order_document import HistoryBody

_TONES: Final = (
    *(
        ("dispute open", "alert"),
        ("failed", "bad"),
        ("lost", "bad"),
        ("review", "alert"),
        ("reversed", "alert"),
    ),
    *(("succeeded", "good"), ("complete", "good"), ("authorized", "held"), ("won", "good")),
    *(("processing", "wait"), ("pending", "wait"), ("requires_action", "wait")),
)
"""How the point of an entry looks, by a word in it; the first one counts."""


def timeline(history: Sequence[HistoryBody], now: datetime) -> Node:
    """Return the entries of a history."""
    if not history:
        return nothing("Nothing was recorded yet.")
    return ol(class_="timeline")[(_entry(each, now) for each in reversed(history))]


def _entry(entry: HistoryBody, now: datetime) -> Node:
    return li(data_tone=_tone(entry.what))[
        p(class_="what")[bdi[entry.what.replace("_", " ")]],
        p(class_="reason")[bdi[entry.reason]] if entry.reason else None,
        div(class_="detail")[bdi[entry.who], " ", moment_of(entry.at, now)],
    ]


def _tone(what: str) -> str:
    return next((tone for word, tone in _TONES if word in what), "quiet")
