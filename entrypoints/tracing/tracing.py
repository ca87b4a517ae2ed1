"""Tracing: what the composition puts around the ports if spans are recorded."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from attrs import frozen

from application.ports.event_publisher import EventPublisher
from application.ports.inbound_events import InboundEvents
from application.ports.payment_gateway import GatewayAdapter
from entrypoints.http.request_tracing import RequestTracing
from entrypoints.tracing.gateway import traced_gateway
from entrypoints.tracing.messages import TracedEvents, TracedPublisher
from entrypoints.tracing.requests import TracedRequests
from entrypoints.tracing.spans import Attributes, CurrentRun, Spans
from entrypoints.tracing.statements import statement_span

Destination = Callable[[str], str]
"""Returns the full name of a subject."""


@frozen
class Tracing:
    """The spans of one process."""

    spans: Spans

    def requests(self) -> RequestTracing:
        """Return what records the spans of requests."""
        return TracedRequests(self.spans)

    def run(self, loop: str) -> CurrentRun:
        """Return the span of a run of a loop."""
        return self.spans.run(loop)

    def statement(
        self, database: Attributes, summary: str, operation: str, *, commits: bool
    ) -> AbstractContextManager[None]:
        """Return the span of a statement in this database."""
        return statement_span(self.spans, database, summary, operation, commits=commits)

    def gateway(self, adapter: GatewayAdapter, address: str | None) -> GatewayAdapter:
        """Return a gateway whose calls have spans."""
        return traced_gateway(adapter, self.spans, address)

    def publisher(self, publisher: EventPublisher, destination: Destination) -> EventPublisher:
        """Return a publisher whose events have spans."""
        return TracedPublisher(publisher, self.spans, destination)

    def events(self, events: InboundEvents, destination: Destination) -> InboundEvents:
        """Return a subscription whose deliveries have spans."""
        return TracedEvents(events, self.spans, destination)
