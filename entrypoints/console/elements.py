"""The elements that all pages share: badges, amounts, times, ids, tables."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from attrs import frozen
from htpy import (
    Element,
    Node,
    a,
    bdi,
    button,
    code,
    dd,
    div,
    dl,
    dt,
    h2,
    p,
    section,
    span,
    table,
    tbody,
    td,
    th,
    thead,
    time,
    tr,
)

from domain.payment import Payment
from entrypoints.console.texts import absolute, amount_text, relative, words

_PLAIN_ID: Final = re.compile("[A-Za-z0-9_-]+")

_TONES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("succeeded", "complete", "won", "prevented", "ok"), "good"),
    **dict.fromkeys(("failed", "lost", "parked"), "bad"),
    **dict.fromkeys(("processing", "pending", "requires_action", "open"), "wait"),
    **dict.fromkeys(("review", "reversed"), "alert"),
    **dict.fromkeys(("authorized", "created"), "held"),
}
"""How each status looks; one that is not here is grey."""


def badge(status: str, tone: str | None = None) -> Element:
    """Return a status."""
    return span(class_="badge", data_tone=tone or _TONES.get(status, "quiet"))[words(status)]


def amount(minor_units: int | None, currency: str | None) -> Node:
    """Return an amount; a dash if there is none."""
    if minor_units is None or currency is None:
        return "–"
    return span(class_="amount")[amount_text(minor_units, currency)]


def moment(at: datetime | None, now: datetime) -> Node:
    """Return a time, absolute and relative; a dash if it is not known."""
    if at is None:
        return "–"
    return time(datetime=at.isoformat(), class_="moment")[
        span[absolute(at)], " ", span(class_="ago", data_ago=True)[relative(at, now)]
    ]


def moment_of(text: str | None, now: datetime) -> Node:
    """Return a time that is a text in ISO 8601."""
    return moment(None if text is None else datetime.fromisoformat(text), now)


def id_of(value: str | None, name: str = "id") -> Node:
    """Return an id that can be copied; a dash if there is none."""
    if value is None:
        return "–"
    return span(class_="id")[
        code[bdi[value]],
        button(
            type="button", class_="copy", hidden=True, data_copy=value, aria_label=f"Copy {name}"
        ),
    ]


def link_to_order(order_id: str) -> Element:
    """Return a link to the page of an order."""
    return a(class_="id", href=order_path(order_id), title=order_id)[code[bdi[order_id]]]


def order_path(order_id: str, **query: str) -> str:
    """Return the path of an order; ids of other systems may have characters that no path has."""
    if _PLAIN_ID.fullmatch(order_id):
        return f"/ops/orders/{order_id}{'?' * bool(query)}{urlencode(query)}"
    return f"/ops/order?{urlencode({'id': order_id, **query})}"


def payment_path(payment: Payment, **query: str) -> str:
    """Return the path of a payment on the page of its order."""
    return f"{order_path(payment.order_id, **query)}#payment-{payment.id}"


def card(title: str, *content: Node, name: str | None = None, more: Node = None) -> Element:
    """Return a section with a heading."""
    return section(class_="card", aria_labelledby=name)[
        div(class_="card-head")[h2(id=name)[title], more], content
    ]


def facts(*pairs: tuple[str, Node]) -> Element:
    """Return names with their values."""
    return dl(class_="facts")[(div[dt[name], dd[value]] for name, value in pairs)]


@frozen
class Column:
    """A column of a table; amounts and numbers are aligned at the right."""

    title: str
    is_number: bool = False
    is_minor: bool = False
    """Whether a phone has no room for it."""
    is_hidden: bool = False
    """Whether its title is for screen readers only."""

    @property
    def kind(self) -> str | None:
        """The class of its cells."""
        return "number" if self.is_number else "minor" if self.is_minor else None


def listing(
    caption: str, columns: Sequence[Column], rows: Iterable[Sequence[Node]], empty: Node
) -> Element:
    """Return a table that can be scrolled sideways, or what to say if it has no rows."""
    lines = list(rows)
    if not lines:
        return nothing(empty)
    titles = (
        th(scope="col", class_=each.kind)[
            span(class_="visually-hidden")[each.title] if each.is_hidden else each.title
        ]
        for each in columns
    )
    return div(class_="table stack", role="group", aria_label=caption, tabindex="0")[
        table[
            thead[tr[titles]],
            tbody[(tr[_cells(columns, each)] for each in lines)],
        ]
    ]


def _cells(columns: Sequence[Column], row: Sequence[Node]) -> Iterable[Element]:
    for column, value in zip(columns, row, strict=True):
        yield td(class_=column.kind, data_title=column.title)[value]


def nothing(*text: Node) -> Element:
    """Return what an empty list says."""
    return div(class_="empty")[p[text]]


def note(tone: str, *content: Node) -> Element:
    """Return a message about what has just happened; screen readers say it at once."""
    role = "alert" if tone == "bad" else "status"
    return div(class_="note", data_tone=tone, role=role)[content]
