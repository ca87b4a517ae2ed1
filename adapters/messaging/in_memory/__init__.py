"""The messaging adapters in memory: the reference implementation of the messaging ports."""

from adapters.messaging.in_memory.broker import (
    ACK_WAIT,
    DUPLICATE_WINDOW,
    Checkpoint,
    InMemoryBroker,
    InMemorySubscription,
)
from adapters.messaging.in_memory.consumer import StoredMessage
from adapters.messaging.in_memory.dead_letters import InMemoryDeadLetters
from adapters.messaging.in_memory.event_log import InMemoryEventLog
from adapters.messaging.in_memory.lag import InMemoryInboundLag
from adapters.messaging.in_memory.publisher import InMemoryPublisher

__all__ = [
    "ACK_WAIT",
    "DUPLICATE_WINDOW",
    "Checkpoint",
    "InMemoryBroker",
    "InMemoryDeadLetters",
    "InMemoryEventLog",
    "InMemoryInboundLag",
    "InMemoryPublisher",
    "InMemorySubscription",
    "StoredMessage",
]
