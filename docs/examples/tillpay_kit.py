"""What Tillpay's adapter is tested with."""

import contextlib
from collections.abc import AsyncIterator, Mapping

from application.ports.payment_gateway import CardToken
from domain.payment import Payment
from tillpay.gateway import TillpayGateway
from tillpay_double import KEY, Tillpay


@contextlib.asynccontextmanager
async def make_gateway(_environment: Mapping[str, str]) -> AsyncIterator["TillpayHarness"]:
    """Make a Tillpay of its own for every test."""
    async with Tillpay().listening() as tillpay:
        harness = TillpayHarness(tillpay)
        try:
            yield harness
        finally:
            for adapter in harness.adapters:
                await adapter.close()


class TillpayHarness:
    """The adapter, its test cards, and Tillpay's own books."""

    succeeding_token = CardToken("card_good")
    declined_token = CardToken("card_empty")

    def __init__(self, tillpay: Tillpay) -> None:
        self.tillpay = tillpay
        self.adapters: list[TillpayGateway] = []
        self.gateway = self._adapter(tillpay.address)

    async def charges(self, payment: Payment) -> int:
        """Count them in Tillpay's own books."""
        return len(self._taken(payment))

    async def given_back(self, payment: Payment) -> int:
        """Add it up in Tillpay's own books."""
        charges = [charge["id"] for charge in self._taken(payment)]
        return sum(it["amount"] for it in self.tillpay.refunds if it["charge"] in charges)

    def _taken(self, payment: Payment) -> list[dict[str, object]]:
        charges = [it for it in self.tillpay.charges if it["label"] == payment.id]
        return [charge for charge in charges if not charge["declined"]]

    def _adapter(self, address: str) -> TillpayGateway:
        self.adapters.append(TillpayGateway(address, KEY))
        return self.adapters[-1]

    @property
    def unreachable(self) -> TillpayGateway:
        """An adapter with an address where nothing listens."""
        return self._adapter("http://127.0.0.1:1")

    def lose_reply(self, step: str) -> None:
        """Have Tillpay hang up instead of answering."""
        self.tillpay.replies_to_lose[REQUESTS[step]] += 1

    def lose_request(self, step: str) -> None:
        """Have Tillpay hang up before it does anything."""
        self.tillpay.requests_to_lose[REQUESTS[step]] += 1


REQUESTS = {
    "charge": "POST /charges",
    "find": "GET /charges",
    "refund": "POST /refunds",
    "find_refund": "GET /refunds",
}
