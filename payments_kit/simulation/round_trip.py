"""RoundTrip: the time between a request to a server and its reply."""

from collections.abc import Awaitable, Callable
from typing import Final

from attrs import field, frozen

from adapters.messaging.in_memory.broker import DUPLICATE_WINDOW
from payments_kit.simulation.faults import FaultInjector, FaultKind
from payments_kit.simulation.loop import SimulatedLoop, yield_once
from payments_kit.simulation.pauses import sleep
from payments_kit.simulation.process import CURRENT, SimulatedProcess

_LONGEST_PAUSE: Final = DUPLICATE_WINDOW.total_seconds() + 1.0
"""The longest at the edge of a limit: a broker has forgotten the ids of its messages then."""


@frozen
class RoundTrip:
    """Takes its time, while the process may crash or be paused."""

    loop: SimulatedLoop
    injector: FaultInjector
    latency: float
    """The longest round trip in seconds; 0: each takes one step and no time."""
    on_crash: Callable[[SimulatedProcess], None]
    _may_end: bool = field(init=False)
    """Whether a process may crash or be paused: every step of every adapter asks."""

    @_may_end.default
    def _crash_or_pause_is_possible(self) -> bool:
        return any(map(self.injector.is_possible, (FaultKind.CRASH, FaultKind.PAUSE)))

    def __call__(self) -> Awaitable[None]:
        """Begin one round trip, and return its end."""
        if self._may_end and (process := CURRENT.get()) is not None:
            self._perhaps_end(process)
        if self.latency:
            return sleep(self.loop, self.loop.draw() * self.latency)
        return yield_once()

    def _perhaps_end(self, process: SimulatedProcess) -> None:
        if self.injector.occurs(FaultKind.CRASH, process.name):
            process.crash()
            self.on_crash(process)
        elif self.injector.occurs(FaultKind.PAUSE, process.name):
            seconds = self.injector.uniform(FaultKind.PAUSE, 4.0, 90.0)
            self.loop.pause(process, self.injector.edges.of(seconds, _LONGEST_PAUSE))
