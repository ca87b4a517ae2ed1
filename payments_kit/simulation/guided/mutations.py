"""Mutations: runs near another one."""

import random
from collections.abc import Callable
from typing import Final

from attrs import evolve

from payments_kit.simulation.faults import FaultKind, PlacedFault
from payments_kit.simulation.guided.runs import GuidedRun
from payments_kit.simulation.scenario import Scenario, usual_scenario
from payments_kit.simulation.streams import ALL, LOOP, Branch

MAX_CHANGES: Final = 8
"""The most faults that are placed, and the most branches; more are hard to read."""

_AGAIN: Final = 0.5
"""How often one more mutation follows."""

_SPLITS: Final = 0.7
"""How often everything is decided otherwise after the moment."""

_AFTER_THE_MOMENT: Final = 0.7
"""How often something is changed just after the moment at which the run is interesting."""

_SEEDS: Final = 2**32
_VARIANTS: Final = 1_000_000

_SHARED_FIELDS: Final = (
    *("burst", "serves", "workers", "latency", "cancels", "refunds", "webhooks"),
    *("manual", "ships", "merchant", "second", "edges", "workloads"),
)

_PLACED: Final = tuple(kind for kind in FaultKind if kind is not FaultKind.CLOCK_SKEW)
"""Clocks do not differ from a moment on."""

_STREAMS: Final = (
    *("orders", "operator", "merchant", "reviews", "banks", "debits", "webhooks", "cluster"),
    *("disputes", "edges", "outages"),
)


def mutate(run: GuidedRun, moment: int, draw: random.Random) -> Scenario:
    """Return a scenario near the one of this run, whose change `moment` is interesting."""
    if draw.random() < _SPLITS:
        return _split(run, moment, draw)
    scenario = run.scenario
    while True:
        mutation = draw.choices(_MUTATIONS, _WEIGHTS)[0]
        scenario = mutation(scenario, run, moment, draw)
        if draw.random() >= _AGAIN:
            return scenario


def _split(run: GuidedRun, moment: int, draw: random.Random) -> Scenario:
    """Return a run that is the same until the moment, and another one from there on."""
    s, at = run.scenario, max(1, moment + draw.choice((-1, 0, 0, 1)))
    earlier = [each for each in s.branches if each.change < at][-MAX_CHANGES + 1 :]
    placed = tuple(each for each in s.placed if each.change < at)
    branch = Branch(ALL, at, draw.randint(1, _VARIANTS))
    return evolve(s, placed=placed, branches=(*earlier, branch))


def _place(run: GuidedRun, moment: int, draw: random.Random) -> int:
    if draw.random() < _AFTER_THE_MOMENT:
        return max(0, moment + draw.choice((-1, 0, 0, 0, 1, 1, 2, 3)))
    return draw.randint(0, run.changes)


def _placed_fault(s: Scenario, run: GuidedRun, moment: int, draw: random.Random) -> Scenario:
    if len(s.placed) >= MAX_CHANGES:
        return _without_a_change(s, run, moment, draw)
    skipped = draw.choice((0, 0, 0, 1, 2, 5))
    place = PlacedFault(draw.choice(_PLACED), _place(run, moment, draw), skipped)
    return evolve(s, placed=(*s.placed, place))


def _other_decisions(s: Scenario, run: GuidedRun, moment: int, draw: random.Random) -> Scenario:
    if len(s.branches) >= MAX_CHANGES:
        return _without_a_change(s, run, moment, draw)
    stream = LOOP if draw.random() < 0.5 else _stream(run, draw)
    branch = Branch(stream, _place(run, moment, draw), draw.randint(1, _VARIANTS))
    return evolve(s, branches=(*s.branches, branch))


def _stream(run: GuidedRun, draw: random.Random) -> str:
    actors = [name for name in run.names if name.startswith("customer")]
    kinds = [kind.name for kind in run.scenario.rates]
    plans = [f"captures of {name}" for name in run.names if name.startswith("order")]
    return draw.choice(draw.choice([each for each in (actors, kinds, plans, _STREAMS) if each]))


def _other_rate(s: Scenario, _run: GuidedRun, _moment: int, draw: random.Random) -> Scenario:
    """Add a fault with the rate that it has in another seed, or remove one."""
    if s.rates and draw.random() < 0.4:
        without = draw.choice([*s.rates])
        return evolve(
            s, rates={kind: rate for kind, rate in s.rates.items() if kind is not without}
        )
    other = usual_scenario(draw.randrange(_SEEDS), s.kind).rates
    kind = draw.choice([*other] or [*s.rates])
    return evolve(s, rates={**s.rates, kind: other.get(kind) or s.rates[kind]})


def _other_size(s: Scenario, _run: GuidedRun, _moment: int, draw: random.Random) -> Scenario:
    other, name = usual_scenario(draw.randrange(_SEEDS), s.kind), draw.choice(_SHARED_FIELDS)
    return evolve(s, **{name: getattr(other, name)})


def _without_a_change(s: Scenario, _run: GuidedRun, _moment: int, draw: random.Random) -> Scenario:
    number = draw.randrange(len(s.placed) + len(s.branches) or 1)
    placed = tuple(each for index, each in enumerate(s.placed) if index != number)
    number -= len(s.placed)
    branches = tuple(each for index, each in enumerate(s.branches) if index != number)
    return evolve(s, placed=placed, branches=branches)


_Mutation = Callable[[Scenario, GuidedRun, int, random.Random], Scenario]

_MUTATIONS: Final[tuple[_Mutation, ...]] = (
    *(_placed_fault, _other_decisions, _other_rate, _other_size, _without_a_change),
)
_WEIGHTS: Final = (4, 4, 3, 1, 1)
