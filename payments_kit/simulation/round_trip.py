"""RoundTrip: the time between a request to a server and its reply."""

import asyncio
from collections.abc import Callable

from attrs import frozen

from payments_kit.simulation.faults import FaultInjector, FaultKind
from payments_kit.simulation.loop import SimulatedLoop, yield_once
from payments_kit.simulation.process import SimulatedProcess, current_process


@frozen
class RoundTrip:
    """Takes its time, while the process may crash or be paused."""

    loop: SimulatedLoop
    injector: FaultInjector
    latency: float
    """The longest round trip in seconds; 0: each takes one step and no time."""
    on_crash: Callable[[SimulatedProcess], None]

    async def __call__(self) -> None:
        """Wait for one round trip."""
        process = current_process()
        if process is not None:
            if self.injector.occurs(FaultKind.CRASH, process.name):
                process.crash()
                self.on_crash(process)
            elif self.injector.occurs(FaultKind.PAUSE, process.name):
                self.loop.pause(process, self.injector.uniform(FaultKind.PAUSE, 4.0, 90.0))
        if self.latency:
            await asyncio.sleep(self.loop.draw() * self.latency)
        else:
            await yield_once()
