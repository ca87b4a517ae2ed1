"""Possible faults: which a seed has, and how often they occur."""

import random
from collections.abc import Iterable
from typing import Final

from payments_kit.simulation.faults import FaultKind

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

_OBSTACLES: Final = (
    *(FaultKind.COMMITTED_THEN_GONE, FaultKind.CONNECTION_GONE, FaultKind.DATABASE_SLOW),
    *(FaultKind.DATABASE_DOWN, FaultKind.PUBLISH_TIMED_OUT, FaultKind.BROKER_REFUSES),
    *(FaultKind.BROKER_DOWN, FaultKind.REDELIVERED, FaultKind.IDS_FORGOTTEN),
    *(FaultKind.GATEWAY_UNREACHABLE, FaultKind.GATEWAY_RATE_LIMITED),
    *(FaultKind.GATEWAY_REQUEST_LOST, FaultKind.GATEWAY_REPLY_LOST),
    *(FaultKind.GATEWAY_ARRIVES_LATE, FaultKind.GATEWAY_ERROR, FaultKind.GATEWAY_ERROR_AFTER),
    *(FaultKind.GATEWAY_SLOW, FaultKind.GATEWAY_DOWN, FaultKind.GATEWAY_CRAWLS),
    *(FaultKind.GATEWAY_HANGS, FaultKind.GATEWAY_CLOCK, FaultKind.GATEWAY_REFUSES),
    *(FaultKind.GATEWAY_REMOVED, FaultKind.KEY_REFUSED, FaultKind.CRASH),
    *(FaultKind.CRASH_ANYWHERE, FaultKind.PAUSE, FaultKind.CLOCK_SKEW),
    *(FaultKind.CLIENT_DISCONNECTS, FaultKind.TRANSACTIONS_LOST, FaultKind.LOST_IN_FLIGHT),
    *(FaultKind.EVENT_REFUSED, FaultKind.EVENT_PARKED),
)
"""They can stop a payment before the gateway has charged it. With a third of them at once, nothing
is charged in three of four runs, and so nothing can happen to the money."""

_OBSTACLES_AT_ONCE: Final = (1, 2, 3)

SLOW_CAPTURES: Final = (FaultKind.GATEWAY_SLOW, FaultKind.CAPTURE_REFUSED)
"""A capture that takes long and is refused meets other changes of its order, such as its end."""

_DELAYS: Final[tuple[tuple[FaultKind, ...], ...]] = (
    (),
    (FaultKind.TRANSACTIONS_LOST,),
    (FaultKind.PAUSE,),
    SLOW_CAPTURES,
    (FaultKind.GATEWAY_MISCHARGES,),
    (FaultKind.MISCHARGED_CURRENCY,),
)
"""What else is possible in a run in which requests arrive late."""

_SHARE_OF_OTHERS: Final = 0.5


def rates_of(seed: int, draw: random.Random) -> dict[FaultKind, float]:
    """Draw the faults of a seed and their rates."""
    return {
        kind: draw.choice(_RATES if kind in _FREQUENT else _RATES_OF_RARE)
        for kind in FaultKind
        if kind not in _ADDED and draw.random() < _SHARE_OF_FAULTS
    } | _added_rates(seed)


def busy_rates_of(draw: random.Random) -> dict[FaultKind, float]:
    """Draw few obstacles, and half of the faults that happen to money."""
    return _rates_with(draw, draw.sample(_OBSTACLES, draw.choice(_OBSTACLES_AT_ONCE)))


def delayed_rates_of(draw: random.Random) -> dict[FaultKind, float]:
    """Draw requests that arrive late as the main obstacle, and the others as for a busy run."""
    return _rates_with(draw, (FaultKind.GATEWAY_ARRIVES_LATE, *draw.choice(_DELAYS)))


def _rates_with(draw: random.Random, obstacles: Iterable[FaultKind]) -> dict[FaultKind, float]:
    others = (kind for kind in FaultKind if kind not in _OBSTACLES)
    kinds = {*obstacles, *(kind for kind in others if draw.random() < _SHARE_OF_OTHERS)}
    return {
        kind: draw.choice(_RATES if kind in _FREQUENT else _RATES_OF_RARE)
        for kind in FaultKind
        if kind in kinds
    }


def _added_rates(seed: int) -> dict[FaultKind, float]:
    rates = dict[FaultKind, float]()
    for kind in (*_ADDED, FaultKind.REFUND_FAILS):
        draw = random.Random(f"scenario {seed} {kind.name}")  # noqa: S311 - replayable on purpose
        share = _SHARE_OF_MOST if kind in _IN_MOST else _SHARE_OF_FAULTS
        if draw.random() < share:
            rates[kind] = draw.choice(_RATES if kind in _FREQUENT else _RATES_OF_RARE)
    return rates
