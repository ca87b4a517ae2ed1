"""Scenario: how large a world is, what people do in it, and what may go wrong; all of it from one seed."""

import random
from typing import Final

from attrs import field, frozen

from payments_kit.simulation.faults import FaultKind, FaultOccurrence

# A mishap is possible in a third of the runs, which ones is drawn ("swarm testing", Groce et al. 2012):
# runs in which everything goes wrong never get far, and most pairs of mishaps meet alone now and then.
_SHARE_OF_MISHAPS: Final = 0.35

_RATES: Final = (0.003, 0.02, 0.08)
"""How likely a possible mishap is at each statement and each request to the broker: hundreds a run."""

_RATES_OF_RARE: Final = (0.1, 0.3, 0.6)
"""How likely it is where a run gives it a handful of occasions only."""

_OFTEN: Final = frozenset(
    {
        *(
            FaultKind.COMMIT_REPLY_LOST,
            FaultKind.COMMITTED_THEN_GONE,
            FaultKind.SERIALIZATION_FAILURE,
        ),
        *(FaultKind.CONNECTION_GONE, FaultKind.DATABASE_SLOW, FaultKind.BROKER_REFUSES),
        *(FaultKind.PUBLISH_TIMED_OUT, FaultKind.CRASH, FaultKind.PAUSE),
    }
)


@frozen
class Scenario:
    """One run, fully described: the same scenario is the same run, step by step."""

    seed: int
    orders: int = 3
    customers: int = 2
    """At the most, for one order at the same time."""
    burst: bool = False
    """Whether the customers of an order come in the very same moment, rather than within seconds."""
    serves: int = 2
    workers: int = 2
    latency: float = 0.0
    """Seconds that a round trip takes at the most; 0: it takes one step and no time."""
    seconds: float = 60.0
    """How long people act and things go wrong; afterwards everything heals."""
    cancels: float = 0.3
    """How likely an order is cancelled."""
    refunds: float = 0.2
    """How likely an operator gives money back."""
    webhooks: bool = True
    """Whether the gateway tells us anything by itself."""
    rates: dict[FaultKind, float] = field(factory=dict)
    absent: frozenset[str] = frozenset()
    """Orders and customers that would be there and are not."""
    spared: frozenset[FaultOccurrence] = frozenset()
    """What would go wrong and does not. Both are how a failing run is made smaller."""
    only: frozenset[FaultOccurrence] | None = None
    """The only things that may go wrong, if not everything may."""


def scenario_of(seed: int) -> Scenario:
    """The scenario that a seed stands for."""
    draw = random.Random(f"scenario {seed}")  # noqa: S311 - replayable on purpose
    rates = {
        kind: draw.choice(_RATES if kind in _OFTEN else _RATES_OF_RARE)
        for kind in FaultKind
        if draw.random() < _SHARE_OF_MISHAPS
    }
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
    )
