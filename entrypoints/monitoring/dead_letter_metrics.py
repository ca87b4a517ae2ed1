"""The stored dead letters, as Prometheus gauges and for `payments doctor`."""

from datetime import datetime, timedelta
from typing import Final

from attrs import frozen
from prometheus_client import CollectorRegistry, Gauge

from application.ports.clock import Clock
from application.ports.inbound_events import DeadLetterCount, DeadLetters
from entrypoints.monitoring.next_steps import DEAD_LETTERS
from entrypoints.monitoring.problems import Problem

REFRESH_SECONDS: Final = 15.0
"""As often as the backlog; it costs three requests to NATS."""

RECENT: Final = timedelta(days=7)
"""Dead letters stay in their stream for 90 days, also those that are handled. A week without a new
one means that the cause has ended, and was long enough to read the line."""


@frozen
class DeadLetterMetrics:
    """The gauges. All workers export the same values: aggregate them with max."""

    number: Gauge
    newest: Gauge
    oldest: Gauge

    @classmethod
    def on(cls, registry: CollectorRegistry) -> "DeadLetterMetrics":
        """Register the gauges."""
        return cls(
            Gauge("payments_dead_letters", "Dead letters in their stream.", registry=registry),
            Gauge(
                "payments_dead_letters_newest_timestamp_seconds",
                "When the newest dead letter was recorded; 0 if there is none.",
                registry=registry,
            ),
            Gauge(
                "payments_dead_letters_oldest_timestamp_seconds",
                "When the oldest dead letter was recorded; 0 if there is none.",
                registry=registry,
            ),
        )

    async def refresh(self, letters: DeadLetters) -> None:
        """Count the dead letters and set the gauges; they keep their values if that fails.

        Raises:
            BrokerUnavailable: NATS cannot be reached.
        """
        count = await letters.count()
        self.number.set(count.number)
        self.newest.set(_timestamp(count.newest_at))
        self.oldest.set(_timestamp(count.oldest_at))


def dead_letter_problem(count: DeadLetterCount, now: Clock) -> Problem | None:
    """Return the problem if there are recent dead letters."""
    if count.newest_at is None or count.newest_at < now() - RECENT:
        return None
    text = f"{count.number:,} dead letters, the newest of {count.newest_at:%Y-%m-%d %H:%M:%S} UTC"
    return Problem(DEAD_LETTERS, text)


def _timestamp(moment: datetime | None) -> float:
    return moment.timestamp() if moment is not None else 0.0
