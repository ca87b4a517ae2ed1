"""`/ops/health`: what needs an operator, the outbox, and how far the events of others were read."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from attrs import frozen
from htpy import Node, bdi, code, div, li, p, strong, ul
from litestar import Response

from application.ports.alerts import Alerts
from application.ports.backlog import MAX_COUNTED, Backlog, BacklogItem, BacklogKind
from application.ports.event_publisher import BrokerUnavailable
from application.ports.inbound_lag import StreamLag
from entrypoints.console.elements import Column, card, facts, listing, moment, note, nothing
from entrypoints.console.pages import Visit, html_response
from entrypoints.console.ports import ConsolePorts
from entrypoints.console.texts import duration, words
from entrypoints.monitoring.problems import Problem, read_problems

PATH: Final = "/ops/health"

_OLDEST: Final = 20
"""How many of each kind are listed; the figures above say how many there are."""

# Connecting takes some milliseconds; the page must not wait for a broker that is down.
_SECONDS: Final = 5.0

_LAG: Final = (
    *(Column("Stream"), Column("Consumer"), Column("Not delivered", is_number=True)),
    Column("Delivered, not ended", is_number=True),
)
_BACKLOG: Final = (
    *(Column("Since"), Column("What"), Column("Id"), Column("Belongs to"), Column("Detail")),
)


@frozen
class HealthPage:
    """The page."""

    ports: ConsolePorts
    alerts: Alerts

    async def show(self, visit: Visit) -> Response[bytes]:
        """Show it all as it is now."""
        backlog = await self.ports.backlog.read()
        oldest = await self.ports.backlog.find_oldest(_OLDEST)
        problems = await read_problems(self.ports.backlog, self.alerts)
        page = visit.frame("Health", PATH).around(
            div(class_="stacked")[
                card("What needs you", _problems(problems), name="problems"),
                card("Events of ours", _outbox(backlog), name="outbox"),
                card("Events of others", await self._lag(), name="lag"),
                card("The backlog", _backlog(oldest, visit.now), name="backlog"),
            ]
        )
        return html_response(page)

    async def _lag(self) -> Node:
        try:
            async with asyncio.timeout(_SECONDS), self.ports.open_lag() as lag:
                found = await lag.read()
        except BrokerUnavailable as error:
            return note("bad", "Nothing is known about our consumers in NATS: ", bdi[str(error)])
        except TimeoutError:
            return note("bad", "NATS did not answer in time about our consumers.")
        rows = (_lag_row(each) for each in found)
        return listing("Lag", _LAG, rows, "No worker has read events of others yet.")


def _lag_row(lag: StreamLag) -> Sequence[Node]:
    return (
        code[bdi[lag.stream]],
        code[bdi[lag.consumer]],
        f"{lag.waiting:,}",
        f"{lag.delivered:,}",
    )


def _problems(problems: Sequence[Problem]) -> Node:
    if not problems:
        return nothing("Nothing needs an operator.")
    return ul(class_="problems")[
        (
            li[strong[words(each.name)], p[bdi[each.text]], p(class_="hint")[f"→ {each.next_step}"]]
            for each in problems
        )
    ]


def _outbox(backlog: Backlog) -> Node:
    oldest = backlog.oldest_event
    return facts(
        ("Waiting to be published", _number(backlog.events_waiting)),
        ("The oldest waits for", "–" if oldest is None else duration(oldest)),
        ("Parked: can never be published", _number(backlog.events_parked)),
        ("Deferred notifications", _number(backlog.notifications_deferred)),
        ("Unusable notifications", _number(backlog.notifications_unusable)),
    )


def _backlog(oldest: Sequence[BacklogItem], now: datetime) -> Node:
    rows = (
        (
            moment(each.since, now),
            words(each.kind.value),
            code[bdi[each.id]],
            code[bdi[each.belongs_to]],
            bdi[each.detail],
        )
        for each in oldest
        if each.kind is not BacklogKind.DIFFERENCE
    )
    return listing("Backlog", _BACKLOG, rows, "Nothing is unfinished.")


def _number(count: int) -> str:
    return f"{count:,}" if count <= MAX_COUNTED else f"more than {MAX_COUNTED:,}"
