"""What Tillpay's adapter is tested with."""

import contextlib
from collections.abc import AsyncIterator, Mapping

from application.ports.payment_gateway import CardToken
from domain.payment import Payment
from tillpay.gateway import TillpayGateway
from tillpay_double import KEY, Tillpay

STEPS = {
    "charge": "POST /charges",
    "find": "GET /charges",
    "refund": "POST /refunds",
    "find_refund": "GET /refunds",
}
NOWHERE = "http://127.0.0.1:1"  # a port that nothing listens on


class TillpayHarness:
    """The adapter, its test cards, and Tillpay's own books."""

    succeeding_token = CardToken("card_good")
    declined_token = CardToken("card_empty")

    def __init__(self, tillpay: Tillpay) -> None:
        self.tillpay = tillpay
        self.gateway = TillpayGateway(tillpay.address, KEY)
        self.unreachable = TillpayGateway(NOWHERE, KEY)

    async def charges(self, payment: Payment) -> int:
        """Count them in Tillpay's own books."""
        return len(self._taken(payment))

    async def given_back(self, payment: Payment) -> int:
        """Add it up in Tillpay's own books."""
        charges = [charge["id"] for charge in self._taken(payment)]
        return sum(it["amount"] for it in self.tillpay.refunds if it["charge"] in charges)

    def _taken(self, payment: Payment) -> list[dict[str, object]]:
        return [
            charge
            for charge in self.tillpay.charges
            if charge["label"] == payment.id and not charge["declined"]
        ]

    def lose_reply(self, step: str) -> None:
        """Have Tillpay hang up instead of answering."""
        self.tillpay.replies_to_lose[STEPS[step]] += 1

    def lose_request(self, step: str) -> None:
        """Have Tillpay hang up before it does anything."""
        self.tillpay.requests_to_lose[STEPS[step]] += 1


@contextlib.asynccontextmanager
async def make_gateway(_environment: Mapping[str, str]) -> AsyncIterator[TillpayHarness]:
    """Make a Tillpay of its own for every test."""
    async with Tillpay().listening() as tillpay:
        harness = TillpayHarness(tillpay)
        try:
            yield harness
        finally:
            await harness.gateway.close()
            await harness.unreachable.close()
