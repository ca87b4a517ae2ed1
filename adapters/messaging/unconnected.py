"""UnconnectedPublisher: for processes that leave every event to the outbox."""

from collections.abc import Sequence

from application.ports.event_publisher import BrokerUnavailable, OutboxEntry, PublishResult


class UnconnectedPublisher:
    """Publishes nothing, and says so."""

    async def publish(self, entries: Sequence[OutboxEntry]) -> PublishResult:
        """Raise BrokerUnavailable."""
        raise BrokerUnavailable("this process has no connection to NATS")
