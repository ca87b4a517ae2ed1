"""ClockWatch: compare the clock of this host with the database's."""

import math
from typing import Final

from attrs import frozen
from prometheus_client import CollectorRegistry, Gauge

from application.ports.alerts import AlertKind, Alerts
from application.ports.clock import Clock
from application.ports.unit_of_work import StorageUnavailable

MAX_OFFSET_SECONDS: Final = 2.0
"""Clocks that are synchronized (NTP) differ by milliseconds, and reading the database's clock is
exact to half a round trip. A difference of seconds means that one of the two is wrong: orders
expire by the database's clock, and a gateway's signature is valid for minutes."""


@frozen
class ClockWatch:
    """Knows how far this host's clock is ahead of the database's."""

    host_name: str
    host_now: Clock
    database_now: Clock
    alerts: Alerts

    @property
    def offset(self) -> float:
        """How many seconds this host is ahead; negative if it is behind.

        Raises:
            StorageUnavailable: the database's time is not known yet.
        """
        return (self.host_now() - self.database_now()).total_seconds()

    @property
    def problem(self) -> str | None:
        """The difference in one line, if it is too large.

        Raises:
            StorageUnavailable: the database's time is not known yet.
        """
        offset = self.offset
        if abs(offset) <= MAX_OFFSET_SECONDS:
            return None
        direction = "ahead of" if offset > 0 else "behind"
        return f"the clock of {self.host_name} is {abs(offset):,.0f} s {direction} the database's"

    def export(self, registry: CollectorRegistry) -> None:
        """Export the difference as a gauge; it is NaN while it is not known."""
        gauge = Gauge(
            "payments_clock_offset_seconds",
            "How far the clock of this host is ahead of the database's.",
            registry=registry,
        )
        gauge.set_function(self._offset_or_nan)

    def _offset_or_nan(self) -> float:
        try:
            return self.offset
        except StorageUnavailable:
            return math.nan

    async def check(self) -> None:
        """Report an alert if the difference is too large."""
        try:
            problem = self.problem
        except StorageUnavailable:
            return
        if problem is not None:
            await self.alerts.report(AlertKind.CLOCK_SKEW, self.host_name, problem)
