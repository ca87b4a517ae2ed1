"""LoopHealth: whether every loop of a worker still runs."""

from collections.abc import Callable, Sequence
from typing import Final

from attrs import define, field

from entrypoints.worker.loops import Loop
from entrypoints.worker.metrics import WorkerMetrics

READY_SECONDS: Final = 300.0
"""A run that takes longer is unexpected. The longest one is a batch of recovery while the gateway
does not reply: 100 orders, 16 at a time, 25 s each, which is 175 s, and 40 s for each that also has
a refund to send."""

LIVE_SECONDS: Final = 600.0
"""A run that takes even longer hangs, and only a restart helps. All its work is safe to repeat."""


@define
class LoopHealth:
    """Observes the loops: when each has last ended a run, with success or not."""

    _seconds: Callable[[], float]
    """A monotonic clock."""
    _metrics: WorkerMetrics
    _idle: dict[str, float] = field(init=False, factory=dict)
    _ended_at: dict[str, float] = field(init=False, factory=dict)

    def start(self, loops: Sequence[Loop]) -> None:
        """Observe these loops, which start now."""
        self._idle = {loop.name: loop.idle_seconds for loop in loops}
        self._ended_at = dict.fromkeys(self._idle, self._seconds())
        self._metrics.start(self._idle)

    def succeeded(self, loop: str, done: int) -> None:
        """Record a run."""
        self._ended_at[loop] = self._seconds()
        self._metrics.succeeded(loop, done)

    def failed(self, loop: str) -> None:
        """Record a run that failed. It is over, so the loop does not hang."""
        self._ended_at[loop] = self._seconds()
        self._metrics.failed(loop)

    def late(self, limit: float) -> list[str]:
        """Return the loops whose current run takes longer than this many seconds."""
        now = self._seconds()
        return [
            loop
            for loop, ended_at in self._ended_at.items()
            if now - ended_at > self._idle[loop] + limit
        ]
