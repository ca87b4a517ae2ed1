"""Places: faults that occur after a certain change of an order or of a record at a gateway."""

from collections.abc import Callable, Sequence

from attrs import define, field

from payments_kit.simulation.faults import AT_ONCE, FaultInjector, FaultKind, PlacedFault
from payments_kit.simulation.loop import SimulatedLoop
from payments_kit.simulation.outages import OUTAGES
from payments_kit.simulation.process import current_process
from payments_kit.simulation.streams import Streams


@define
class Places:
    """Counts the changes, and causes at once what has no occasions of its own."""

    loop: SimulatedLoop
    injector: FaultInjector
    begin_outage: Callable[[FaultKind], None]
    placed: Sequence[PlacedFault]
    streams: Streams
    _immediate: frozenset[int] = field(init=False)

    @_immediate.default
    def _changes_with_a_fault(self) -> frozenset[int]:
        return frozenset(each.change for each in self.placed)

    def after_change(self) -> None:
        """Note one more change."""
        self.injector.changes += 1
        self.streams.after_change(self.injector.changes)
        if self.injector.changes in self._immediate:
            for place in self.placed:
                if place.change == self.injector.changes and place.kind in AT_ONCE:
                    self._cause(place)

    def _cause(self, place: PlacedFault) -> None:
        if place.kind in OUTAGES:
            # Outside all processes, and when the commit has ended.
            outside = self.loop.outside
            self.loop.call_later(place.skipped, self.begin_outage, place.kind, context=outside)
            return
        process = current_process()
        if process and self.injector.inject(FaultKind.CRASH_ANYWHERE, process.name):
            process.crash_at_step = process.steps + 1 + place.skipped
