"""Scenario: the size of a world, what its actors do, and which faults may occur."""

import random
from typing import Final

from attrs import field, frozen

from payments_kit.simulation.faults import FaultKind, FaultOccurrence, PlacedFault
from payments_kit.simulation.late_faults import ANYWHERE
from payments_kit.simulation.streams import ALL, Branch, stream_of
from payments_kit.simulation.workloads import Workload, workloads_of

# Each fault is possible in a third of the runs ("swarm testing", Groce et al. 2012): runs with
# every fault make little progress, and most pairs of faults also occur without the others.
_SHARE_OF_FAULTS: Final = 0.35

_RATES: Final = (0.003, 0.02, 0.08)
"""The probability of a fault at each statement and each request: there are hundreds in a run."""

_RATES_OF_RARE: Final = (0.1, 0.3, 0.6)
"""The probability of a fault that has only a few occasions in a run."""

_FREQUENT: Final = frozenset(
    {
        FaultKind.COMMIT_REPLY_LOST,
        FaultKind.COMMITTED_THEN_GONE,
        FaultKind.SERIALIZATION_FAILURE,
        FaultKind.CONNECTION_GONE,
        FaultKind.DATABASE_SLOW,
        FaultKind.BROKER_REFUSES,
        FaultKind.PUBLISH_TIMED_OUT,
        FaultKind.CRASH,
        FaultKind.PAUSE,
        FaultKind.EVENT_REFUSED,
        FaultKind.EVENT_PARKED,
    }
)

_ADDED: Final = (
    FaultKind.GATEWAY_REFUSES,
    FaultKind.GATEWAY_CHARGES_TWICE,
    FaultKind.GATEWAY_CRAWLS,
    FaultKind.TRANSACTIONS_LOST,
    FaultKind.PAYS_BY_DEBIT,
    FaultKind.DEBIT_TOO_LATE,
    FaultKind.DEBIT_FAILS,
    FaultKind.CAPTURE_REFUSED,
    FaultKind.CAPTURED_BY_OTHERS,
    FaultKind.RELEASED_BY_OTHERS,
    FaultKind.PAYS_BY_SESSION,
    FaultKind.KEY_REFUSED,
    FaultKind.GATEWAY_REMOVED,
    FaultKind.DISPUTED,
    FaultKind.DISPUTED_AT_ONCE,
    FaultKind.DISPUTE_STATUS_NEW,
    FaultKind.MONEY_TAKEN_BACK,
    FaultKind.LOST_IN_FLIGHT,
    FaultKind.GATEWAY_HANGS,
    FaultKind.GATEWAY_CLOCK,
    FaultKind.EVENT_REFUSED,
    FaultKind.EVENT_PARKED,
    FaultKind.EXTERNAL_REFUND_PENDING,
    FaultKind.REFUND_RETURNED,
    FaultKind.REFUND_FORGOTTEN,
    FaultKind.MISCHARGED_LESS,
    FaultKind.MISCHARGED_MUCH_MORE,
    FaultKind.MISCHARGED_CURRENCY,
)
"""Newer kinds have a random stream each, so that a seed without them stays the same run."""

_IN_MOST: Final = (
    FaultKind.DEBIT_TOO_LATE,
    FaultKind.DEBIT_FAILS,
    FaultKind.PAYS_BY_SESSION,
    FaultKind.EXTERNAL_REFUND_PENDING,
    FaultKind.REFUND_RETURNED,
    FaultKind.REFUND_FORGOTTEN,
    FaultKind.REFUND_FAILS,
    FaultKind.CAPTURE_REFUSED,
    FaultKind.RELEASED_BY_OTHERS,
    FaultKind.CAPTURED_BY_OTHERS,
)
"""They have few occasions: debits only if customers pay so, and a session needs an order that is
known and a gateway that replies. So they are possible in most runs."""
_SHARE_OF_MOST: Final = 0.7

_SHARES_OF_MANUAL: Final = (0.0, 0.5, 1.0)
"""How many orders of a run are captured later: none in a third of the runs, which stay as fast."""

_SHARES_OF_EDGES: Final = (0.0, 0.0, 0.4)
"""In two of three runs, all delays are spread evenly: most of them are near no limit."""

_SHARES_OF_SECOND: Final = (0.3, 0.7)
_EVERY: Final = 5
"""Every fifth run has a second gateway, and so many of its customers choose it; a rule instead of a
chance, so that the other seeds stay the same runs."""


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

        They are those of another seed; kinds that change more than where they occur stay as they
        are.
        """
        other = scenario_of(branch.variant).rates
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


def scenario_of(seed: int) -> Scenario:
    """Return the scenario of a seed."""
    draw = random.Random(f"scenario {seed}")  # noqa: S311 - replayable on purpose
    captures = random.Random(f"captures {seed}")  # noqa: S311 - replayable on purpose
    edges = random.Random(f"edges of {seed}")  # noqa: S311 - replayable on purpose
    gateways = random.Random(f"gateways {seed}")  # noqa: S311 - replayable on purpose
    rates = {
        kind: draw.choice(_RATES if kind in _FREQUENT else _RATES_OF_RARE)
        for kind in FaultKind
        if kind not in _ADDED and draw.random() < _SHARE_OF_FAULTS
    } | _added_rates(seed)
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


def _added_rates(seed: int) -> dict[FaultKind, float]:
    rates = dict[FaultKind, float]()
    for kind in (*_ADDED, FaultKind.REFUND_FAILS):
        draw = random.Random(f"scenario {seed} {kind.name}")  # noqa: S311 - replayable on purpose
        share = _SHARE_OF_MOST if kind in _IN_MOST else _SHARE_OF_FAULTS
        if draw.random() < share:
            rates[kind] = draw.choice(_RATES if kind in _FREQUENT else _RATES_OF_RARE)
    return rates
