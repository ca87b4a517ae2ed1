"""BrokerFaults: the faults between a process and the broker."""

from collections.abc import Sequence

from attrs import define

from adapters.messaging.in_memory import InMemoryBroker, StoredMessage
from application.ports.event_publisher import BrokerUnavailable
from domain.events import EventId
from payments_kit.simulation.faults import FaultInjector, FaultKind
from payments_kit.simulation.loop import SimulatedLoop
from payments_kit.simulation.round_trip import RoundTrip


@define
class BrokerFaults:
    """Raises the port's error at the steps of the in-memory broker, and reorders deliveries."""

    loop: SimulatedLoop
    injector: FaultInjector
    round_trip: RoundTrip
    down_until: float = 0.0

    def go_down(self, seconds: float) -> None:
        """Refuse every request for a while."""
        self.down_until = max(self.down_until, self.loop.seconds + seconds)

    async def step(self, step: str) -> None:
        """Wait for a round trip, which may fail.

        Raises:
            BrokerUnavailable: the request failed, or was carried out and the reply is lost.
        """
        is_down = self.loop.seconds < self.down_until
        await self.round_trip()
        if is_down:
            raise BrokerUnavailable("the broker is down")
        if step.startswith("published"):
            if self.injector.occurs(FaultKind.PUBLISH_TIMED_OUT):
                raise BrokerUnavailable("no reply")
        elif self.injector.occurs(FaultKind.BROKER_REFUSES):
            raise BrokerUnavailable("connection lost")

    def loses_reply(self, event_id: EventId) -> bool:
        """Whether the confirmation of a stored event is lost."""
        return self.injector.occurs(FaultKind.PUBLISH_REPLY_LOST, event_id)

    def arrange(self, messages: Sequence[StoredMessage]) -> Sequence[StoredMessage]:
        """Return the messages in the order of their delivery."""
        if len(messages) < 2 or not self.injector.occurs(FaultKind.REORDERED, "broker"):
            return messages
        stream = self.injector.stream(FaultKind.REORDERED)
        shuffled = list(messages)
        stream.shuffle(shuffled)
        # A shorter batch separates events that would otherwise be merged in one commit.
        return shuffled[: stream.randint(1, len(shuffled))]


def redeliver_one(broker: InMemoryBroker, injector: FaultInjector) -> None:
    """Make the broker deliver one message again, even if it was acknowledged."""
    stream = injector.stream(FaultKind.REDELIVERED)
    durable = stream.choice(sorted(broker._consumers))
    delivered = sorted(broker._consumers[durable].deliveries)
    if delivered:
        broker.deliver_again(durable, stream.choice(delivered))
