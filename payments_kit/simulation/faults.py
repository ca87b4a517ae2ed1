"""Faults: what may fail in a run, and the injector that decides when it fails."""

import random
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import Enum
from typing import Final

from attrs import frozen

from payments_kit.simulation.edges import NO_EDGES

_CERTAIN: Final = -1.0
"""Below every rate, 0 included."""


class FaultKind(Enum):
    """The faults of databases, brokers, gateways and processes; docs/proof.md describes them."""

    COMMIT_REPLY_LOST = "committed, and the reply was lost"
    COMMITTED_THEN_GONE = "committed, and the connection was lost"
    SERIALIZATION_FAILURE = "serialization failure"
    CONNECTION_GONE = "database connection lost"
    DATABASE_SLOW = "slow statement"
    DATABASE_DOWN = "database down"
    PUBLISH_REPLY_LOST = "message stored, and the confirmation was lost"
    PUBLISH_TIMED_OUT = "broker stopped replying in the middle of a batch"
    BROKER_REFUSES = "broker connection lost"
    BROKER_DOWN = "broker down"
    REORDERED = "messages delivered in another order"
    REDELIVERED = "message delivered again after its acknowledgement"
    DUPLICATED = "order event published twice"
    IDS_FORGOTTEN = "broker forgets its message ids"
    GATEWAY_UNREACHABLE = "gateway refuses the connection"
    GATEWAY_RATE_LIMITED = "gateway replies 429"
    GATEWAY_REQUEST_LOST = "gateway request lost"
    GATEWAY_REPLY_LOST = "gateway request carried out, and the reply was lost"
    GATEWAY_ARRIVES_LATE = "no reply from the gateway, and the request arrives later"
    GATEWAY_ERROR = "gateway request not carried out, and a 500 stored"
    GATEWAY_ERROR_AFTER = "gateway request carried out, and a 500 stored"
    GATEWAY_SLOW = "gateway slow"
    GATEWAY_DOWN = "gateway down"
    GATEWAY_MISCHARGES = "gateway captures another amount"
    REFUND_FAILS = "bank rejects a refund"
    EXTERNAL_REFUND = "refund in the gateway's dashboard"
    NOTIFICATION_LOST = "notification lost"
    NOTIFICATION_TWICE = "notification sent twice"
    NOTIFICATION_LATE = "notification late"
    CRASH = "crash at a statement or request"
    CRASH_ANYWHERE = "crash at any await"
    PAUSE = "process paused for longer than a lease"
    CLOCK_SKEW = "clocks differ"
    CLIENT_DISCONNECTS = "customer disconnects"
    GATEWAY_REFUSES = "gateway refuses the shop"
    KEY_REFUSED = "gateway refuses the key"
    GATEWAY_REMOVED = "process without one of the gateways in its settings"
    TRANSACTIONS_LOST = "standby promoted without the last transactions"
    GATEWAY_CHARGES_TWICE = "gateway captures the money twice"
    GATEWAY_CRAWLS = "gateway answers everything slowly for a while"
    PAYS_BY_DEBIT = "payment pending, because the customer pays by bank debit"
    DEBIT_TOO_LATE = "debit that the gateway can no longer cancel"
    DEBIT_FAILS = "bank returns a debit"
    SIGNAL_LOST = "signal of new events lost"
    CAPTURE_REFUSED = "gateway refuses a capture"
    CAPTURED_BY_OTHERS = "capture in the gateway's dashboard"
    RELEASED_BY_OTHERS = "release in the gateway's dashboard"
    PAYS_BY_SESSION = "payment that its customer approves at the gateway"
    DISPUTED = "customer disputes a payment"
    DISPUTED_AT_ONCE = "dispute before the payment is known to have succeeded"
    DISPUTE_STATUS_NEW = "dispute with an unknown status"
    LOST_IN_FLIGHT = "standby promoted while a refund or a capture is on its way"
    GATEWAY_HANGS = "gateway carries everything out, and answers nothing for a while"
    GATEWAY_CLOCK = "gateway's clock differs from the database's"
    EVENT_PARKED = "event that the broker rejects, until an operator publishes it again"
    EVENT_REFUSED = "order event that cannot be applied for minutes"
    EXTERNAL_REFUND_PENDING = "refund in the gateway's dashboard that waits for a bank"
    REFUND_RETURNED = "bank returns a refund that had succeeded"
    REFUND_FORGOTTEN = "refund that the gateway has no record of any more"
    MISCHARGED_LESS = "gateway captures less"
    MISCHARGED_MUCH_MORE = "gateway captures a hundred times as much"
    MISCHARGED_CURRENCY = "gateway captures another currency"
    MONEY_TAKEN_BACK = "bank takes money back without a dispute"

    # Enum's own hash is Python code, and the injector is asked thousands of times in a run.
    __hash__ = object.__hash__


@frozen
class FaultOccurrence:
    """The n-th occurrence, from 1, of a fault in a run."""

    kind: FaultKind
    number: int


@frozen
class PlacedFault:
    """A fault that occurs at a certain place, whatever the rate of its kind is."""

    kind: FaultKind
    change: int
    """After so many changes of orders and of records at the gateways."""
    skipped: int = 0
    """How many later occasions pass before it occurs."""


LOSSES: Final = (FaultKind.TRANSACTIONS_LOST, FaultKind.LOST_IN_FLIGHT)
"""The database loses its last transactions."""

AT_ONCE: Final = frozenset(
    {
        FaultKind.DATABASE_DOWN,
        FaultKind.BROKER_DOWN,
        FaultKind.GATEWAY_DOWN,
        FaultKind.GATEWAY_CRAWLS,
        FaultKind.GATEWAY_HANGS,
        FaultKind.TRANSACTIONS_LOST,
        FaultKind.REDELIVERED,
        FaultKind.IDS_FORGOTTEN,
        FaultKind.CRASH_ANYWHERE,
    }
)
"""Where these are placed, they occur at once (places.py); the others at their next occasion."""


class FaultInjector:
    """Decides which faults occur.

    Each kind has a random stream of its own, so that suppressing one kind hardly changes another.
    """

    def __init__(
        self,
        stream: Callable[[str], random.Random],
        rates: Mapping[FaultKind, float],
        suppressed: frozenset[FaultOccurrence],
        record: Callable[[str, str], None],
        current_name: Callable[[], str],
        only: frozenset[FaultOccurrence] | None = None,
        placed: Sequence[PlacedFault] = (),
        later: Collection[FaultKind] = (),
    ) -> None:
        self._suppressed = suppressed
        self._only = only
        self._record = record
        self._current_name = current_name
        self._rates = rates
        kinds = dict.fromkeys([*rates, *(each.kind for each in placed), *later])
        self._streams = {kind: stream(kind.name) for kind in kinds}
        self._chances = {kind: (rates.get(kind, 0.0), self._streams[kind].random) for kind in kinds}
        self.changes = 0
        """How often an order, or a record at a gateway, has changed so far."""
        for kind in {each.kind for each in placed} - AT_ONCE:
            places = [each for each in placed if each.kind is kind]
            self._chances[kind] = rates.get(kind, 0.0), self._draw_with(kind, places)
        self.counts: Counter[FaultKind] = Counter()
        """How often each kind was due, suppressed or not."""
        self.happened: Counter[FaultKind] = Counter()
        self.occurrences: list[FaultOccurrence] = []
        self.edges = NO_EDGES
        self.is_healed = False
        """Whether no fault occurs any more."""

    def change_rates(self, rates: Mapping[FaultKind, float]) -> None:
        """Continue with other rates; kinds that were not `later` must have been possible before."""
        self._rates = rates
        for kind, (_, draw) in self._chances.items():
            self._chances[kind] = rates.get(kind, 0.0), draw

    def occurs(self, kind: FaultKind, where: str = "") -> bool:
        """Decide whether this fault occurs now; `where` is the current process if empty."""
        chance = self._chances.get(kind)
        if chance is None or self.is_healed:
            return False
        rate, draw = chance
        return draw() < rate and self.inject(kind, where)

    def inject(self, kind: FaultKind, where: str = "") -> bool:
        """Count one more occurrence; return False if this one is suppressed."""
        self.counts[kind] += 1
        occurrence = FaultOccurrence(kind, self.counts[kind])
        if self.is_healed or occurrence in self._suppressed:
            return False
        if self._only is not None and occurrence not in self._only:
            return False
        self.happened[kind] += 1
        self.occurrences.append(occurrence)
        self._record(where or self._current_name(), f"({kind.value})")
        return True

    def _draw_with(self, kind: FaultKind, places: list[PlacedFault]) -> Callable[[], float]:
        """Return draws that are below every rate where the fault is placed."""
        draw = self._streams[kind].random
        waiting = sorted(places, key=lambda each: (-each.change, -each.skipped))
        passed = 0

        def draw_or_occur() -> float:
            nonlocal passed
            drawn = draw()
            if not waiting or self.changes < waiting[-1].change:
                return drawn
            passed += 1
            if passed <= waiting[-1].skipped:
                return drawn
            waiting.pop()
            passed = 0
            return _CERTAIN

        return draw_or_occur

    def is_drawn(self, kind: FaultKind) -> bool:
        """Whether this fault may occur at a time that is drawn, not only where it is placed."""
        return kind in self._rates

    def is_possible(self, kind: FaultKind) -> bool:
        """Whether this fault can occur at all in this run."""
        return kind in self._chances

    def uniform(self, kind: FaultKind, low: float, high: float) -> float:
        """Draw a number from the random stream of the kind."""
        return self._streams[kind].uniform(low, high)

    def stream(self, kind: FaultKind) -> random.Random:
        """Return the random stream of the kind."""
        return self._streams[kind]
