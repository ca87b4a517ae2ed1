"""Places: faults that occur after a certain change of an order or of a record at a gateway."""

from collections.abc import Callable
from typing import Final

from attrs import define, field

from payments_kit.simulation.faults import AT_ONCE, FaultInjector, FaultKind, PlacedFault
from payments_kit.simulation.late_faults import ANYWHERE
from payments_kit.simulation.loop import SimulatedLoop
from payments_kit.simulation.outages import OUTAGES
from payments_kit.simulation.process import current_process
from payments_kit.simulation.scenario import Scenario
from payments_kit.simulation.streams import ALL, Branch, Streams

_SOON: Final = 30.0
"""Within how many seconds the outages of a branch begin: while most of what it changes lasts."""


@define
class Places:
    """Counts the changes, branches off, and causes what has no occasions of its own."""

    loop: SimulatedLoop
    injector: FaultInjector
    begin_outage: Callable[[FaultKind], None]
    scenario: Scenario
    streams: Streams
    _places: frozenset[int] = field(init=False)

    @_places.default
    def _changes_with_a_place(self) -> frozenset[int]:
        placed, branches = self.scenario.placed, self.scenario.branches
        return frozenset([each.change for each in placed] + [each.change for each in branches])

    def after_change(self) -> None:
        """Note one more change."""
        self.injector.changes += 1
        number = self.injector.changes
        if number not in self._places:
            return
        for branch in self.scenario.branches:
            if branch.change == number:
                self.streams.branch_off(branch)
                if branch.stream == ALL:
                    self._change_rates(branch)
        for place in self.scenario.placed:
            if place.change == number and place.kind in AT_ONCE:
                self._cause(place)

    def _change_rates(self, branch: Branch) -> None:
        rates = self.scenario.rates_after(branch)
        self.injector.change_rates(rates)
        for kind in OUTAGES:
            if kind in rates and kind in ANYWHERE:
                after = self.injector.uniform(kind, 0.0, _SOON)
                self.loop.call_later(after, self.begin_outage, kind, context=self.loop.outside)

    def _cause(self, place: PlacedFault) -> None:
        if place.kind in OUTAGES:
            # Outside all processes, and when the commit has ended.
            outside = self.loop.outside
            self.loop.call_later(place.skipped, self.begin_outage, place.kind, context=outside)
            return
        process = current_process()
        if process and self.injector.inject(FaultKind.CRASH_ANYWHERE, process.name):
            process.crash_at_step = process.steps + 1 + place.skipped
