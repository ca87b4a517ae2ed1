"""InboundLag: how many events of other services wait to be applied."""

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen


@frozen
class StreamLag:
    """What a durable consumer has not ended yet of one stream."""

    stream: str
    consumer: str
    waiting: int
    """Events that were not delivered yet."""
    delivered: int
    """Events that were delivered, and neither acknowledged nor stored as dead letters."""


class InboundLag(Protocol):
    """Reads the lag.

    Promises, checked by tests/contracts/inbound_lag.py on every adapter: reading changes nothing,
    and creates no stream or consumer that is missing; such a one is absent.
    """

    async def read(self) -> Sequence[StreamLag]:
        """Return the lag of each consumer in each of its streams.

        Raises:
            BrokerUnavailable: the broker cannot be reached.
        """
