"""NATS JetStream, through nats-py."""

from adapters.messaging.jetstream.check import BrokerCheckResult as BrokerCheckResult
from adapters.messaging.jetstream.check import check as check
from adapters.messaging.jetstream.connection import JetStreamConnection as JetStreamConnection
from adapters.messaging.jetstream.dead_letters import JetStreamDeadLetters as JetStreamDeadLetters
from adapters.messaging.jetstream.publisher import JetStreamPublisher as JetStreamPublisher
from adapters.messaging.jetstream.streams import Streams as Streams
from adapters.messaging.jetstream.subscription import (
    JetStreamSubscription as JetStreamSubscription,
)
