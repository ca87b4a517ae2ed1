"""The figures of unfinished work, which are sent again as long as a page is open."""

from collections.abc import Sequence
from datetime import timedelta

from attrs import frozen
from htpy import Element, Node, a, div, span

from application.ports.backlog import MAX_COUNTED, Backlog
from domain.payment_status import PaymentStatus
from entrypoints.console.texts import duration


@frozen
class Tile:
    """One figure."""

    name: str
    number: int
    path: str
    age: timedelta | None = None
    """How long the oldest has waited."""
    is_problem: bool = False
    """Whether an operator must do something as soon as there is one."""


def tiles_of(backlog: Backlog) -> Element:
    """Return the figures of a backlog."""
    return div(class_="tiles")[(_tile(each) for each in _figures(backlog))]


def _figures(backlog: Backlog) -> Sequence[Tile]:
    unfinished = backlog.unfinished
    calm = (PaymentStatus.REVIEW, PaymentStatus.PENDING, PaymentStatus.AUTHORIZED)
    count = {each: unfinished.get(each, 0) for each in PaymentStatus}
    opened = {each: number for each, number in unfinished.items() if each not in calm}
    # The list of payments has one status at a time: the one that most of them have.
    commonest = max(opened, key=count.__getitem__, default=PaymentStatus.PROCESSING)
    by_status = "/ops/payments?status={}".format
    review = count[PaymentStatus.REVIEW]
    return (
        Tile("In review", review, "/ops/reviews", is_problem=True),
        Tile(
            "Without an outcome",
            sum(opened.values()),
            by_status(commonest.value),
            backlog.oldest_open,
        ),
        Tile("Pending", count[PaymentStatus.PENDING], by_status("pending"), backlog.oldest_pending),
        Tile("Authorized", count[PaymentStatus.AUTHORIZED], by_status("authorized")),
        Tile("Refunds pending", backlog.refunds_pending, "/ops/health", backlog.oldest_refund),
        Tile("Refunds failed", backlog.refunds_failed, "/ops/health", is_problem=True),
        Tile("Events to publish", backlog.events_waiting, "/ops/health", backlog.oldest_event),
        Tile("Differences", backlog.differences, "/ops/differences", is_problem=True),
    )


def _tile(tile: Tile) -> Node:
    number = f"{tile.number:,}" if tile.number <= MAX_COUNTED else f"> {MAX_COUNTED:,}"
    tone = "alert" if tile.is_problem and tile.number else None
    return a(class_="tile", href=tile.path, data_tone=tone)[
        span(class_="tile-name")[tile.name],
        span(class_="tile-number")[number],
        span(class_="detail")[_age(tile)],
    ]


def _age(tile: Tile) -> str:
    if tile.age is None or not tile.number:
        return "\u00a0"
    return f"the oldest for {duration(tile.age)}"
