"""Scenario: the size of a world, what its actors do, and which faults may occur."""

import random
from enum import Enum
from typing import Final

from attrs import evolve, field, frozen

from payments_kit.simulation.faults import FaultKind, FaultOccurrence, PlacedFault
from payments_kit.simulation.late_faults import ANYWHERE
from payments_kit.simulation.possible_faults import (
    SLOW_CAPTURES,
    busy_rates_of,
    delayed_rates_of,
    rates_of,
)
from payments_kit.simulation.streams import ALL, Branch, stream_of
from payments_kit.simulation.workloads import Workload, workloads_of

_SHARES_OF_MANUAL: Final = (0.0, 0.5, 1.0)
"""How many orders of a run are captured later: none in a third of the runs, which stay as fast."""

_SHARES_OF_EDGES: Final = (0.0, 0.0, 0.4)
"""In two of three runs, all delays are spread evenly: most of them are near no limit."""

_SHARES_OF_SECOND: Final = (0.3, 0.7)
_EVERY: Final = 5
"""Every fifth run has a second gateway, and so many of its customers choose it; a rule instead of a
chance, so that the other seeds stay the same runs."""


class Kind(Enum):
    """What is usual in a run; the value is its name in a recipe."""

    PLAIN = "plain"
    """A third of all faults, which often prevent a charge."""
    BUSY = "busy"
    """Few of them; more happens to each order, which is changed and ended while it is paid."""
    DELAYED = "delayed"
    """As busy, but requests may arrive at the gateway hours late, when the order may be paid."""

    __hash__ = object.__hash__


@frozen
class Scenario:
    """A complete description of a run: equal scenarios are equal runs, step by step."""

    seed: int
    orders: int = 3
    customers: int = 2
    """The maximum number of customers of one order."""
    burst: bool = False
    """Whether the customers of an order arrive at the same moment, not within seconds."""
    serves: int = 2
    workers: int = 2
    latency: float = 0.0
    """The longest round trip in seconds; 0: each takes one step and no time."""
    seconds: float = 60.0
    """How long the actors act and faults occur; afterwards no fault occurs any more."""
    cancels: float = 0.3
    """The probability that an order is cancelled."""
    refunds: float = 0.2
    """How often an operator refunds: this many times in five seconds."""
    webhooks: bool = True
    """Whether the gateway sends notifications."""
    manual: float = 0.0
    """The probability that the money of an order is authorized, and captured later."""
    ships: float = 0.7
    """The probability that such an order is shipped."""
    merchant: float = 0.0
    """How often an operator captures or releases: this many times in five seconds."""
    second: float = 0.0
    """How often a customer chooses the second gateway; 0: there is only one."""
    edges: float = 0.0
    """The probability that a delay ends at the edge of a time limit."""
    kind: Kind = Kind.PLAIN
    rates: dict[FaultKind, float] = field(factory=dict)
    """The possible faults and their probabilities."""
    workloads: frozenset[Workload] = frozenset()
    """What else happens, which most runs do not have."""
    absent: frozenset[str] = frozenset()
    """Orders and customers that do not take part; used to make a failing run smaller."""
    suppressed: frozenset[FaultOccurrence] = frozenset()
    """Occurrences that do not happen; used to make a failing run smaller."""
    only: frozenset[FaultOccurrence] | None = None
    """The only occurrences that happen; None: all."""
    placed: tuple[PlacedFault, ...] = ()
    """Faults that occur besides those of the rates."""
    branches: tuple[Branch, ...] = ()
    """Where streams leave the decisions of the seed."""

    def rates_after(self, branch: Branch) -> dict[FaultKind, float]:
        """Return the rates from a branch of all streams on.

        They are those of another seed and the same kind of run. Faults that change more than where
        they occur stay as they are.
        """
        other = usual_scenario(branch.variant, self.kind).rates
        kept = {kind: rate for kind, rate in self.rates.items() if kind not in ANYWHERE}
        return kept | {kind: rate for kind, rate in other.items() if kind in ANYWHERE}

    @property
    def later(self) -> frozenset[FaultKind]:
        """The faults that a branch adds."""
        branches = [each for each in self.branches if each.stream == ALL]
        return frozenset(kind for each in branches for kind in self.rates_after(each))

    def stream(self, name: str) -> random.Random:
        """Return the random stream of this name."""
        return stream_of(name, self.seed, self.branches)


def plain_scenario_of(seed: int) -> Scenario:
    """Return the plain scenario of a seed."""
    draw = random.Random(f"scenario {seed}")  # noqa: S311 - replayable on purpose
    captures = random.Random(f"captures {seed}")  # noqa: S311 - replayable on purpose
    edges = random.Random(f"edges of {seed}")  # noqa: S311 - replayable on purpose
    gateways = random.Random(f"gateways {seed}")  # noqa: S311 - replayable on purpose
    rates = rates_of(seed, draw)
    return Scenario(
        seed=seed,
        orders=draw.choice((1, 2, 3, 4, 6)),
        customers=draw.choice((1, 2, 3)),
        burst=draw.random() < 0.4,
        serves=draw.choice((1, 2, 3)),
        workers=draw.choice((1, 2)),
        latency=draw.choice((0.0, 0.0, 0.02, 1.0)),
        seconds=draw.choice((20.0, 40.0, 60.0)),
        cancels=draw.choice((0.0, 0.3, 0.8)),
        refunds=draw.choice((0.0, 0.2, 0.6)),
        webhooks=draw.random() < 0.7,
        rates=rates,
        manual=captures.choice(_SHARES_OF_MANUAL),
        ships=captures.choice((0.0, 0.5, 0.9)),
        merchant=captures.choice((0.0, 0.5, 2.0)),
        edges=edges.choice(_SHARES_OF_EDGES),
        second=0.0 if seed % _EVERY else gateways.choice(_SHARES_OF_SECOND),
        workloads=workloads_of(seed),
    )


def busy_scenario_of(seed: int) -> Scenario:
    """Return another scenario of a seed: few faults before the charge, and many after it."""
    draw = random.Random(f"busy {seed}")  # noqa: S311 - replayable on purpose
    return evolve(
        plain_scenario_of(seed),
        kind=Kind.BUSY,
        rates=busy_rates_of(draw),
        orders=draw.choice((1, 2)),
        seconds=draw.choice((40.0, 60.0)),
        cancels=draw.choice((0.3, 0.8)),
        refunds=draw.choice((0.3, 1.0)),
        merchant=draw.choice((0.0, 1.0, 3.0)),
    )


def delayed_scenario_of(seed: int) -> Scenario:
    """Return another busy scenario of a seed: requests arrive late, and customers pay again."""
    draw = random.Random(f"delayed {seed}")  # noqa: S311 - replayable on purpose
    rates = delayed_rates_of(draw)
    busy = evolve(busy_scenario_of(seed), kind=Kind.DELAYED, rates=rates, customers=3)
    if not rates.keys() >= {*SLOW_CAPTURES}:
        return busy
    # All orders are captured later, often, and most are cancelled, so that the two meet.
    return evolve(busy, manual=1.0, merchant=3.0, cancels=0.8)


_USUAL: Final = {
    Kind.PLAIN: plain_scenario_of,
    Kind.BUSY: busy_scenario_of,
    Kind.DELAYED: delayed_scenario_of,
}

_IN_TURN: Final = (Kind.DELAYED, Kind.PLAIN, Kind.BUSY)


def usual_scenario(seed: int, kind: Kind) -> Scenario:
    """Return the scenario of a seed and a kind of run."""
    return _USUAL[kind](seed)


def kind_of(seed: int) -> Kind:
    """Return the kind of a seed's run: each kind in turn."""
    return _IN_TURN[seed % len(_IN_TURN)]


def scenario_of(seed: int) -> Scenario:
    """Return the scenario of a seed."""
    return usual_scenario(seed, kind_of(seed))
