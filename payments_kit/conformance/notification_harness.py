"""The harness of an adapter that reads the notifications of its gateway."""

from collections.abc import Mapping
from typing import Protocol

from domain.payment import Payment
from payments_kit.conformance.harness import Harness


class NotificationHarness(Harness, Protocol):
    """An adapter with `notification_reader`, at a gateway that signs what it reports."""

    async def notification(self, payment: Payment) -> bytes:
        """Return the body of what the gateway reports about a payment that was charged."""

    def signed(self, body: bytes) -> Mapping[str, str]:
        """Return the headers with which the gateway sends a body; their names in lower case."""
