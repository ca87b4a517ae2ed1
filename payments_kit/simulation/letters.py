"""Letters: order events that cannot be applied for minutes, and dead letters that are replayed."""

import random
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from attrs import define, evolve, field, frozen

from adapters.messaging.in_memory import InMemoryBroker
from adapters.messaging.in_memory.dead_letters import InMemoryDeadLetters
from application.application import UseCases
from application.ports.event_publisher import BrokerUnavailable
from application.ports.stream_positions import EventPosition
from application.use_cases.cancel_order import CancelOrder
from application.use_cases.replicate_order import ReplicateOrder
from domain.replica import OrderReplica
from payments_kit.simulation.activities import Activity
from payments_kit.simulation.faults import FaultInjector, FaultKind
from payments_kit.simulation.loop import SimulatedLoop
from payments_kit.simulation.trace import Trace

_SHORTEST: Final = 30.0
_LONGEST: Final = 300.0
"""An event is delivered for 85 s before it becomes a dead letter."""

_MAX_EXPONENT: Final = 3.0
"""The latest replay is 10 to this power of seconds after the cause has ended."""

_LAST: Final = 1500.0
"""When everything that is a dead letter is replayed once more, after all other replays."""

Key = tuple[str, int, str]


@define
class Letters:
    """Which events cannot be applied until when, as after an error in a new version."""

    loop: SimulatedLoop
    injector: FaultInjector
    trace: Trace
    broker: InMemoryBroker
    draw: random.Random
    replayed: list[bytes] = field(factory=list)
    _refused: dict[Key, float] = field(factory=dict)
    """By event: until when it cannot be applied."""

    def refusing(self, use_cases: UseCases) -> UseCases:
        """Return use cases that refuse some events."""
        if not self.injector.is_possible(FaultKind.EVENT_REFUSED):
            return use_cases
        right = use_cases.replicate_order
        replicate = _Refusing(right.retry, right.now, self)
        return evolve(use_cases, replicate_order=replicate, cancel_order=CancelOrder(replicate))

    def check(self, event: OrderReplica) -> None:
        """Return if an event can be applied now.

        Raises:
            ValueError: it cannot, as if an assertion about it had failed.
        """
        key = event.id, event.version, event.status.value
        until = self._refused.get(key)
        if until is None:
            until = 0.0
            if self.injector.occurs(FaultKind.EVENT_REFUSED, "worker"):
                until = self.loop.seconds + self.draw.uniform(_SHORTEST, _LONGEST)
                self._replay_after(until)
            self._refused[key] = until
        if self.loop.seconds < until:
            raise ValueError(f"{event.id} cannot be applied")

    def _replay_after(self, until: float) -> None:
        for seconds in (*(10 ** self.draw.uniform(0.0, _MAX_EXPONENT) for _ in "12"), _LAST):
            self.loop.call_at(until + seconds, self._begin, context=self.loop.outside)

    def _begin(self) -> None:
        self.loop.start(None, self._replay())

    async def _replay(self) -> None:
        """Replay every dead letter in any order, some of them twice."""
        letters = InMemoryDeadLetters(self.broker)
        with suppress(BrokerUnavailable):
            found = list(await letters.list(1000))
            found += [each for each in found if self.draw.random() < 0.3]
            self.draw.shuffle(found)
            for letter in found:
                self.trace.count(Activity.REPLAYS_LETTERS)
                self.trace.record("operator", f"replays dead letter {letter.id}")
                await letters.replay(letter)
                self.replayed.append(letter.data)


@frozen
class _Refusing(ReplicateOrder):
    letters: Letters

    async def __call__(
        self, events: Iterable[OrderReplica], positions: Iterable[EventPosition] = ()
    ) -> None:
        batch = list(events)
        for event in batch:
            self.letters.check(event)
        await super().__call__(batch, positions)
