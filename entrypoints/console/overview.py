"""`/ops`: what is unfinished now, and what the last day was like."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import define, field, frozen
from htpy import Node, a, div, li, ul
from litestar import Response
from prometheus_client import CollectorRegistry

from application.ports.alerts import Alerts
from application.ports.backlog import BacklogReader
from application.ports.clock import Clock
from application.ports.payment_figures import PaymentCount, PaymentFigures
from application.ports.unit_of_work import StorageUnavailable
from domain.payment_status import PaymentStatus
from entrypoints.console.charts import Series, bars, stacked_columns
from entrypoints.console.elements import card, nothing
from entrypoints.console.latency import latency_chart
from entrypoints.console.pages import Visit, html_response
from entrypoints.console.tiles import tiles_of
from entrypoints.monitoring.problems import read_problems

PATH: Final = "/ops"

_HOURS: Final = 24
_LABEL_EVERY: Final = 4

FRESH_FOR: Final = timedelta(seconds=30)
"""How long the counts of a day are shown again: a busy shop has millions of payments in it."""

_SERIES: Final = (
    ("Succeeded", "good", (PaymentStatus.SUCCEEDED,)),
    ("Authorized", "held", (PaymentStatus.AUTHORIZED,)),
    (
        "Open",
        "wait",
        (PaymentStatus.PROCESSING, PaymentStatus.PENDING, PaymentStatus.REQUIRES_ACTION),
    ),
    ("Review or reversed", "alert", (PaymentStatus.REVIEW, PaymentStatus.REVERSED)),
    ("Failed", "bad", (PaymentStatus.FAILED,)),
    ("Cancelled", "quiet", (PaymentStatus.CANCELLED, PaymentStatus.ABANDONED)),
)

_DAY: Final = "Payments of the last 24 hours"
_EMPTY: Final = "No payment was made in the last 24 hours."
_TOO_MANY: Final = "There are too many payments to count them in time."


@define
class RecentFigures:
    """The counts of the last day, read again after FRESH_FOR."""

    figures: PaymentFigures
    now: Clock
    _read_at: datetime | None = field(default=None, init=False)
    _counts: Sequence[PaymentCount] = field(default=(), init=False)

    async def read(self) -> tuple[datetime, Sequence[PaymentCount]]:
        """Return the first hour of the day, and its counts.

        Raises:
            StorageUnavailable: the database cannot count them.
        """
        now = self.now()
        if self._read_at is None or not timedelta(0) <= now - self._read_at < FRESH_FOR:
            self._counts = await self.figures.count(_first_hour(now), now + FRESH_FOR)
            self._read_at = now
        return _first_hour(self._read_at), self._counts


@frozen
class OverviewPage:
    """The page."""

    backlog: BacklogReader
    alerts: Alerts
    figures: RecentFigures
    registry: CollectorRegistry

    async def show(self, visit: Visit) -> Response[bytes]:
        """Show figures and charts."""
        backlog = await self.backlog.read()
        page = visit.frame("Overview", PATH).around(
            div(hx_ext="sse", sse_connect="/ops/live", sse_swap="figures")[tiles_of(backlog)],
            await self._problems(),
            div(class_="charts")[await self._charts()],
        )
        return html_response(page)

    async def _problems(self) -> Node:
        problems = await read_problems(self.backlog, self.alerts)
        if not problems:
            return None
        more = a(href="/ops/health")["All of it"]
        return card(
            "What needs you",
            ul(class_="problems")[(li[each.text] for each in problems)],
            name="problems",
            more=more,
        )

    async def _charts(self) -> Node:
        latency = card("How long a payment takes", latency_chart(self.registry), name="latency")
        try:
            first, counts = await self.figures.read()
        except StorageUnavailable:
            return [
                card("Payments of the last 24 hours", nothing(_TOO_MANY), name="hours"),
                latency,
            ]
        return [
            card(_DAY, _by_hour(first, counts), name="hours"),
            card("Declines by code", _declines(counts), name="declines"),
            latency,
        ]


def _first_hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=_HOURS - 1)


def _by_hour(first: datetime, counts: Sequence[PaymentCount]) -> Node:
    hours = [first + timedelta(hours=number) for number in range(_HOURS)]
    numbers = Counter[tuple[datetime, PaymentStatus]]()
    for each in counts:
        numbers[each.hour, each.status] += each.number
    series = [
        Series(name, tone, [sum(numbers[hour, each] for each in statuses) for hour in hours])
        for name, tone, statuses in _SERIES
    ]
    labels = [f"{hour:%H:00}" for hour in hours]
    return stacked_columns("Payments by hour (UTC)", labels, series, _LABEL_EVERY, _EMPTY)


def _declines(counts: Sequence[PaymentCount]) -> Node:
    codes = Counter[str]()
    for each in counts:
        if each.status is PaymentStatus.FAILED:
            codes[each.code or "without a code"] += each.number
    return bars("Declines by code", dict(codes.most_common(8)), "No payment was declined.")
