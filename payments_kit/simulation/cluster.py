"""Cluster: the serve and worker processes of a run, and their restarts after crashes."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Final

from attrs import define, field

from application.application import UseCases
from domain.identifiers import PaymentId
from payments_kit.simulation.faults import FaultInjector, FaultKind
from payments_kit.simulation.letters import Letters
from payments_kit.simulation.loop import SimulatedLoop
from payments_kit.simulation.process import SimulatedProcess
from payments_kit.simulation.processes import CLAIMED, Serve, Worker, open_serve, open_worker
from payments_kit.simulation.runtime import SimulatedRuntime
from payments_kit.simulation.trace import Trace

_LATEST_START: Final = 61.0
"""In seconds after a crash, at the edge of a limit: longer than the lease of a request."""


@define
class Cluster:
    """Starts processes, and starts them again after a crash."""

    loop: SimulatedLoop
    injector: FaultInjector
    trace: Trace
    runtime: SimulatedRuntime
    stream: Callable[[str], random.Random]
    """Returns the random stream of a name."""
    letters: Letters
    serves: list[Serve] = field(factory=list)
    workers: list[Worker] = field(factory=list)
    _draw: random.Random = field(init=False)
    _starts: Counter[str] = field(factory=Counter)
    _payment_ids: "count[int]" = field(factory=lambda: count(1))

    def __attrs_post_init__(self) -> None:
        self._draw = self.stream("cluster")

    def start(self, serves: int, workers: int) -> None:
        """Start this many processes."""
        for number in range(1, serves + 1):
            self._start_serve(f"serve{number}")
        for number in range(1, workers + 1):
            self._start_worker(f"worker{number}")

    def new_process(self, name: str) -> tuple[SimulatedProcess, UseCases]:
        """Start a process that does nothing yet; compose its use cases."""
        self._starts[name] += 1
        process = SimulatedProcess(f"{name}/{self._starts[name]}")
        if self._occurs(FaultKind.CRASH_ANYWHERE, process):
            # Evenly over the orders of magnitude: many crash soon, some late.
            exponent = self.injector.uniform(FaultKind.CRASH_ANYWHERE, 1.0, 3.7)
            process.crash_at_step = int(10**exponent)
        skew = timedelta()
        if self._occurs(FaultKind.CLOCK_SKEW, process):
            skew = timedelta(seconds=self.injector.uniform(FaultKind.CLOCK_SKEW, -1.5, 1.5))
        names = self.runtime.gateway_names
        if len(names) > 1 and self.injector.occurs(FaultKind.GATEWAY_REMOVED, process.name):
            names = names[:1]
        use_cases = self.runtime.use_cases(process, skew, self._new_id, names)
        return process, self.letters.refusing(use_cases)

    def new_serve(self, name: str) -> Serve:
        """Start a serve process."""
        return open_serve(self.runtime, *self.new_process(name))

    def new_worker(self, name: str) -> Worker:
        """Start a worker whose loops do not run yet."""
        process, use_cases = self.new_process(name)
        return open_worker(self.runtime, process, use_cases, self.stream(process.name))

    def choose_serve(self) -> Serve | None:
        """Return one of the running serve processes; None if all have crashed."""
        running = [each for each in self.serves if not each.process.is_crashed]
        return self._draw.choice(running) if running else None

    def on_crash(self, process: SimulatedProcess) -> None:
        """Close the connections of a crashed process, and start it again later."""
        self.trace.record(process.name, "crashed")
        for serve in self.serves:
            if serve.process is process:
                for request in serve.unanswered:
                    if not request.done():
                        request.set_exception(ConnectionResetError())
        name = process.name.partition("/")[0]
        start = self._start_serve if name.startswith("serve") else self._start_worker
        after = 10 ** self._draw.uniform(-1.0, 1.3)
        after = self.injector.edges.of(after, _LATEST_START)
        self.loop.call_later(after, start, name, context=self.loop.outside)

    def stop_workers(self) -> None:
        """Stop all workers, let no process crash any more, and keep at least one serve process."""
        for worker in self.workers:
            worker.shut_down()
            worker.process.crash_at_step = None
        for serve in self.serves:
            serve.process.crash_at_step = None
        if all(serve.process.is_crashed for serve in self.serves):
            self._start_serve("serve0")

    def _start_serve(self, name: str) -> None:
        self.serves = [each for each in self.serves if not each.process.is_crashed]
        self.serves.append(self.new_serve(name))

    def _start_worker(self, name: str) -> None:
        if self.injector.is_healed:
            return  # one worker finishes what is left
        worker = self.new_worker(name)
        self.workers.append(worker)
        self.loop.start(worker.process, worker.run())

    def _occurs(self, kind: FaultKind, process: SimulatedProcess) -> bool:
        return self.injector.is_drawn(kind) and self.injector.inject(kind, process.name)

    def _new_id(self) -> str:
        name = f"p{next(self._payment_ids)}"
        claimed = CLAIMED.get()
        if claimed is not None:
            claimed.append(PaymentId(f"{name}{self.runtime.database.identity}"))
        return name
