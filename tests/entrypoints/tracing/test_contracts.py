"""What has spans keeps the promises of its port."""

import pytest
from attrs import asdict

from application.ports.inbound_events import InboundEvents
from tests.contracts.brokers import Broker, InMemoryTestBroker, broker_in_memory
from tests.contracts.event_publisher import EventPublisherContract
from tests.contracts.inbound_events import InboundEventsContract
from tests.entrypoints.tracing.recorded import Recorded

RECORDED = Recorded.new()


class TracedBroker(InMemoryTestBroker):
    """The broker in memory, whose messages have spans."""

    def subscribe(self, durable: str = "payments") -> InboundEvents:
        return RECORDED.tracing.events(super().subscribe(durable), str)


@pytest.fixture
def broker() -> Broker:
    """Return the broker, in place of those of the contracts."""
    parts = asdict(broker_in_memory(), recurse=False)
    publisher = RECORDED.tracing.publisher(parts["publisher"], str)
    return TracedBroker(**parts | {"publisher": publisher})


class TestTracedPublisher(EventPublisherContract):
    """The promises of an event publisher."""


class TestTracedEvents(InboundEventsContract):
    """The promises of a subscription."""
