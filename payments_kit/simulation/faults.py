"""What may go wrong, in the words of whom it happens to; and the dice that decide when it does."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from enum import Enum

from attrs import frozen


class FaultKind(Enum):
    """What the real parts do on bad days; docs/proof.md tells of each."""

    COMMIT_REPLY_LOST = "committed, and the reply was lost"
    COMMITTED_THEN_GONE = "committed, and the connection was gone"
    SERIALIZATION_FAILURE = "serialization failure"
    CONNECTION_GONE = "database connection gone"
    DATABASE_SLOW = "a slow statement"
    DATABASE_DOWN = "the database goes down"
    PUBLISH_REPLY_LOST = "stored, and the publisher was not told"
    PUBLISH_TIMED_OUT = "the broker stopped answering in the middle of a batch"
    BROKER_REFUSES = "broker connection gone"
    BROKER_DOWN = "the broker goes down"
    REORDERED = "delivered in another order"
    REDELIVERED = "delivered again after the acknowledgement"
    DUPLICATED = "published twice by the orders side"
    IDS_FORGOTTEN = "the broker forgets which ids it has seen"
    GATEWAY_UNREACHABLE = "connection refused by the gateway"
    GATEWAY_RATE_LIMITED = "429 from the gateway"
    GATEWAY_REQUEST_LOST = "nothing done at the gateway, and no reply"
    GATEWAY_REPLY_LOST = "done at the gateway, and the reply was lost"
    GATEWAY_LANDS_LATE = "no reply from the gateway, and it lands later"
    GATEWAY_ERROR = "nothing done at the gateway, and a 500 stored"
    GATEWAY_ERROR_AFTER = "done at the gateway, and a 500 stored"
    GATEWAY_SLOW = "the gateway is slow"
    GATEWAY_DOWN = "the gateway goes down"
    GATEWAY_MISCHARGES = "the gateway takes another amount"
    REFUND_FAILS = "the bank sends a refund back"
    EXTERNAL_REFUND = "somebody gives money back at the gateway's own pages"
    NOTICE_LOST = "a notice is lost"
    NOTICE_TWICE = "a notice comes twice"
    NOTICE_LATE = "a notice comes late"
    CRASH = "crashes"
    CRASH_ANYWHERE = "crashes at any await"
    PAUSE = "stops for longer than a lease"
    CLOCK_SKEW = "clocks differ"
    HANG_UP = "the customer hangs up"

    # Enum's own is Python code, and dice are rolled thousands of times a run.
    __hash__ = object.__hash__


@frozen
class FaultOccurrence:
    """The n-th time, from 1, that a mishap happens in a run."""

    kind: FaultKind
    number: int


class FaultInjector:
    """Decides what goes wrong. Each mishap has dice of its own, so that sparing one hardly moves another."""

    def __init__(
        self,
        seed: int,
        rates: Mapping[FaultKind, float],
        spared: frozenset[FaultOccurrence],
        tell: Callable[[str, str], None],
        who: Callable[[], str],
        only: frozenset[FaultOccurrence] | None = None,
    ) -> None:
        self._rates = dict(rates)
        self._spared = spared
        self._only = only
        self._tell = tell
        self._who = who
        self._streams = {
            kind: random.Random(f"{kind.name} {seed}")  # noqa: S311 - replayable on purpose
            for kind in rates
        }
        self._numbers: Counter[FaultKind] = Counter()
        self.happened: Counter[FaultKind] = Counter()
        self.strikes: list[FaultOccurrence] = []
        self.is_healed = False

    def strikes_now(self, kind: FaultKind, whom: str = "") -> bool:
        """Whether this goes wrong now; for whoever is running, if nobody is named."""
        rate = self._rates.get(kind)
        if rate is None or self.is_healed or self._streams[kind].random() >= rate:
            return False
        return self.let_happen(kind, whom)

    def let_happen(self, kind: FaultKind, whom: str = "") -> bool:
        """Count one more of these; False if it is to be spared this time."""
        self._numbers[kind] += 1
        strike = FaultOccurrence(kind, self._numbers[kind])
        if self.is_healed or strike in self._spared:
            return False
        if self._only is not None and strike not in self._only:
            return False
        self.happened[kind] += 1
        self.strikes.append(strike)
        self._tell(whom or self._who(), f"({kind.value})")
        return True

    def may(self, kind: FaultKind) -> bool:
        """Whether this can go wrong at all in this run."""
        return kind in self._rates

    def between(self, kind: FaultKind, least: float, most: float) -> float:
        """How long, how far: evenly between the two."""
        return self._streams[kind].uniform(least, most)

    def stream(self, kind: FaultKind) -> random.Random:
        """The mishap's own dice."""
        return self._streams[kind]
