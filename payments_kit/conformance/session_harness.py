"""The harnesses of adapters whose customers approve before the charge."""

from typing import Protocol

from domain.payment import Payment
from payments_kit.conformance.harness import CapturingHarness, Harness, Step, UnreliableHarness


class SessionHarness(Harness, Protocol):
    """An adapter with `create_session`, `reference_of` and `take`."""

    async def approve(self, token: str) -> None:
        """Act as the customer: approve the session with this token; change nothing if it is."""


class CapturingSessionHarness(SessionHarness, CapturingHarness, Protocol):
    """Such an adapter that has `capture`, too."""

    async def approve(self, token: str) -> None:
        """Act as the customer: approve the session with this token; change nothing if it is."""

    async def held_amount(self, payment: Payment) -> int:
        """How many minor units of this payment are authorized and neither captured nor released."""


class UnreliableSessionHarness(SessionHarness, UnreliableHarness, Protocol):
    """Such an adapter whose connection can be made to fail."""

    async def approve(self, token: str) -> None:
        """Act as the customer: approve the session with this token; change nothing if it is."""

    def lose_reply(self, step: Step) -> None:
        """Let the next such request be executed, and its reply be lost."""

    def lose_request(self, step: Step) -> None:
        """Let the next such request be lost: it is not executed, and there is no reply."""
