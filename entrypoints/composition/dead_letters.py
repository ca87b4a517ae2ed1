"""Compose the dead letters, for commands and for operators' requests."""

import contextlib
from collections.abc import AsyncIterator

from adapters.messaging.jetstream.dead_letters import JetStreamDeadLetters
from application.ports.inbound_events import DeadLetters
from entrypoints.composition.broker import broker_of, streams_of
from entrypoints.settings import Settings


@contextlib.asynccontextmanager
async def open_dead_letters(settings: Settings) -> AsyncIterator[DeadLetters]:
    """Open the dead letters; their methods raise BrokerUnavailable if NATS cannot be reached."""
    async with broker_of(settings) as broker:
        yield JetStreamDeadLetters(broker, streams_of(settings, broker))
