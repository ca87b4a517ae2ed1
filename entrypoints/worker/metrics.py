"""The Prometheus metrics of a worker's loops and of the events it receives."""

import time
from collections.abc import Callable, Iterable

from attrs import field, frozen
from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

from application.ports.inbound_events import StreamProgress


@frozen
class WorkerMetrics:
    """The metrics of one worker; it implements LoopObserver of loops.py."""

    runs: Counter
    failures: Counter
    done: Counter
    last_success: Gauge
    events: Counter
    waiting: Gauge
    _seconds: Callable[[], float] = time.time
    """Returns the time since 1970."""
    _counted: dict[tuple[str, str], Counter] = field(factory=dict)
    """The counters of `events`, which are slow to find."""

    @classmethod
    def on(
        cls, registry: CollectorRegistry, seconds: Callable[[], float] = time.time
    ) -> "WorkerMetrics":
        """Register the metrics."""
        ProcessCollector(registry=registry)
        loop = ("loop",)
        return cls(
            runs=Counter(
                "payments_worker_runs", "Runs of a loop that ended.", loop, registry=registry
            ),
            failures=Counter(
                "payments_worker_failures", "Runs of a loop that failed.", loop, registry=registry
            ),
            done=Counter(
                "payments_worker_done",
                "What the runs have done: events received or published, orders checked.",
                loop,
                registry=registry,
            ),
            last_success=Gauge(
                "payments_worker_last_success_timestamp_seconds",
                "When a run of the loop last succeeded.",
                loop,
                registry=registry,
            ),
            events=Counter(
                "payments_inbound_events",
                "Deliveries of inbound events: applied, retried, or stored as a dead letter.",
                ("subject", "result"),
                registry=registry,
            ),
            waiting=Gauge(
                "payments_inbound_events_waiting",
                "Events of a stream that a durable consumer of ours has not ended yet.",
                ("stream", "consumer"),
                registry=registry,
            ),
            seconds=seconds,
        )

    def start(self, loops: Iterable[str]) -> None:
        """Show the loops, all at zero."""
        for loop in loops:
            for metric in (self.runs, self.failures, self.done, self.last_success):
                metric.labels(loop)

    def succeeded(self, loop: str, done: int) -> None:
        """Count a run."""
        self.runs.labels(loop).inc()
        self.done.labels(loop).inc(done)
        self.last_success.labels(loop).set(self._seconds())

    def failed(self, loop: str) -> None:
        """Count a run that failed."""
        self.runs.labels(loop).inc()
        self.failures.labels(loop).inc()

    def count_event(self, subject: str, result: str) -> None:
        """Count a delivery; the subscriptions limit the subjects."""
        key = subject, result
        counted = self._counted.get(key) or self.events.labels(subject, result)
        self._counted[key] = counted
        counted.inc()

    def observe_progress(self, progress: StreamProgress) -> None:
        """Show how many events of a stream wait."""
        self.waiting.labels(progress.stream, progress.consumer).set(progress.waiting)
