"""The interface of a harness: an orders service in a test, and hooks that control it.

Every harness implements `Harness`; the others as far as the service can be observed. The service
may be in any language: a harness may use its HTTP interface, its database and its broker.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol


class Harness(Protocol):
    """An orders service."""

    async def create_order(self, price: Decimal) -> str:
        """Create an order that is not paid and not about to expire; return its id."""

    async def cancel_order(self, order_id: str) -> None:
        """Cancel an order, as its customer does."""

    async def deliver(self, subject: str, data: bytes, event_id: str) -> bool:
        """Deliver an event once; return whether the service acknowledged it."""

    async def status(self, order_id: str) -> str:
        """The status of an order: created, complete, refunded or cancelled."""


class CompletingHarness(Harness, Protocol):
    """A service whose deliveries to customers can be counted."""

    async def completions(self, order_id: str) -> int:
        """How often an order was delivered, such as its tickets were sent."""


class CrashingHarness(Harness, Protocol):
    """A service that can be made to crash."""

    async def crash_before_ack(self, subject: str, data: bytes, event_id: str) -> None:
        """Deliver an event; crash after the commit and before the ack, and start again."""


class CrashingCompletingHarness(Harness, Protocol):
    """Both of it."""

    async def completions(self, order_id: str) -> int:
        """How often an order was delivered, such as its tickets were sent."""

    async def crash_before_ack(self, subject: str, data: bytes, event_id: str) -> None:
        """Deliver an event; crash after the commit and before the ack, and start again."""


class ExpiringHarness(Harness, Protocol):
    """A service whose orders expire."""

    async def expire_order(self, order_id: str) -> None:
        """Let an order's time to pay be over, and the service do what it does then."""


class ReportingHarness(Harness, Protocol):
    """A service that tells people what it cannot solve."""

    async def reports(self) -> Sequence[str]:
        """What people were told: alerts, dead letters, or lines of the log."""


class PublishingHarness(Harness, Protocol):
    """A service whose own events can be read."""

    async def published(self, order_id: str) -> Sequence[tuple[str, bytes]]:
        """The subjects and bodies of the events that were published about an order, in order."""
