"""Compose what operators read of NATS: dead letters, and how far events were read."""

import contextlib
from collections.abc import AsyncIterator

from adapters.messaging.jetstream.dead_letters import JetStreamDeadLetters
from adapters.messaging.jetstream.lag import JetStreamInboundLag
from application.ports.inbound_events import DeadLetters
from application.ports.inbound_lag import InboundLag
from entrypoints.composition.broker import broker_of, streams_of
from entrypoints.settings import Settings


@contextlib.asynccontextmanager
async def open_dead_letters(settings: Settings) -> AsyncIterator[DeadLetters]:
    """Open the dead letters; their methods raise BrokerUnavailable if NATS cannot be reached."""
    async with broker_of(settings) as broker:
        yield JetStreamDeadLetters(broker, streams_of(settings, broker))


@contextlib.asynccontextmanager
async def open_lag(settings: Settings) -> AsyncIterator[InboundLag]:
    """Open the lag; it raises BrokerUnavailable if NATS cannot be reached."""
    async with broker_of(settings) as broker:
        yield JetStreamInboundLag(broker, streams_of(settings, broker))
