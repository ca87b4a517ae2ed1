"""Workloads that only some runs have: what happens rarely, and what should never happen."""

import random
from enum import Enum
from typing import Final


class Workload(Enum):
    """A group of activities that only some runs have, so that the others stay as fast."""

    MISTAKES = "requests that cannot be right"
    FOREIGN = "notifications that are not about this service's payments, or cannot be read"
    TELLS_REFUNDED = "each notification says how much of its charge was refunded, as Stripe's do"
    RECONCILES = "the books are reconciled beside everything else"
    DECIDES = "an operator decides about each payment in review, days later or twice"

    LIMITS = "too many declined cards block their user or address"

    READS = "users read payments, their own and others"

    __hash__ = object.__hash__


_SHARES: Final = {
    Workload.MISTAKES: 0.15,
    Workload.FOREIGN: 0.15,
    Workload.TELLS_REFUNDED: 0.15,
    Workload.RECONCILES: 0.1,  # a listing of everything costs as many steps as ten payments
    Workload.LIMITS: 0.08,
    Workload.READS: 0.1,
    Workload.DECIDES: 0.5,  # few runs have a payment in review
}
"""In how many runs each takes part."""


def workloads_of(seed: int) -> frozenset[Workload]:
    """Draw which of them a run has; each has a random stream of its own."""
    return frozenset(
        each
        for each, share in _SHARES.items()
        if random.Random(f"{each.name} {seed}").random() < share  # noqa: S311 - replayable
    )
