"""Compose what is connected to NATS: the runtime of the worker and of the operator's commands."""

import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from attrs import frozen

from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.dead_letters import JetStreamDeadLetters
from adapters.messaging.jetstream.namespace import Namespace
from adapters.messaging.jetstream.plans import Plans
from adapters.messaging.jetstream.publisher import JetStreamPublisher
from adapters.messaging.jetstream.streams import Streams
from application.ports.event_publisher import EventPublisher
from entrypoints.composition.nats_settings import naming_variables, security_of
from entrypoints.composition.runtime import Runtime, open_runtime
from entrypoints.settings import Settings

if TYPE_CHECKING:
    from entrypoints.tracing.tracing import Tracing


@frozen
class Messaging:
    """The connection to NATS, and what is read and written over it."""

    broker: JetStreamConnection
    streams: Streams
    dead_letters: JetStreamDeadLetters


def broker_of(settings: Settings) -> JetStreamConnection:
    """Return a connection that is not open yet.

    Raises:
        InvalidSetting: the address, or a file, cannot be used.
    """
    namespace = Namespace(settings.nats_subject_prefix, settings.nats_jetstream_domain)
    with naming_variables():
        return JetStreamConnection(
            settings.nats_url, security=security_of(settings), namespace=namespace
        )


def streams_of(settings: Settings, broker: JetStreamConnection) -> Streams:
    """Return the streams with our subjects."""
    return Streams(broker, Plans.on(settings.capture_subject))


@contextlib.asynccontextmanager
async def open_connected(
    settings: Settings, tracing: "Tracing | None" = None
) -> AsyncIterator[tuple[Runtime, Messaging]]:
    """Open a runtime that publishes to NATS; the connection is made in the background.

    Raises:
        InvalidSetting: the address of NATS, a file or a gateway plug-in cannot be used.
    """
    broker = broker_of(settings)
    streams = streams_of(settings, broker)
    publisher: EventPublisher = JetStreamPublisher(broker, streams)
    if tracing is not None:
        publisher = tracing.publisher(publisher, broker.namespace.subject)
    async with open_runtime(settings, publisher, tracing) as runtime, broker:
        yield runtime, Messaging(broker, streams, JetStreamDeadLetters(broker, streams))
