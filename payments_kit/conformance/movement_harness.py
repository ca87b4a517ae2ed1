"""The harness of an adapter that lists what moves on its gateway's balance."""

from datetime import datetime
from typing import Protocol

from payments_kit.conformance.harness import ChargeListingHarness


class MovementHarness(ChargeListingHarness, Protocol):
    """An adapter with `list_movements`."""

    def gateway_time(self) -> datetime:
        """Return the gateway's current time, or a little earlier."""

    async def balance(self, currency: str) -> int:
        """Return all that the gateway has of us in a currency, in minor units of ISO 4217."""


class PayoutHarness(MovementHarness, Protocol):
    """An adapter that also tells what payouts contain."""

    def gateway_time(self) -> datetime:
        """Return the gateway's current time, or a little earlier."""

    async def balance(self, currency: str) -> int:
        """Return all that the gateway has of us in a currency, in minor units of ISO 4217."""

    async def pay_out(self, currency: str) -> str:
        """Let the gateway pay out all that it has of us in a currency; return the payout's id."""
