"""The harnesses of adapters whose customers approve before the charge."""

from typing import Protocol

from payments_kit.conformance.harness import CapturingHarness, Harness, UnreliableHarness


class SessionHarness(Harness, Protocol):
    """An adapter with `create_session`, `reference_of` and `take`."""

    async def approve(self, token: str) -> None:
        """Act as the customer: approve the session with this token; change nothing if it is."""


class CapturingSessionHarness(SessionHarness, CapturingHarness, Protocol):
    """Such an adapter that has `capture`, too."""


class UnreliableSessionHarness(SessionHarness, UnreliableHarness, Protocol):
    """Such an adapter whose connection can be made to fail."""
