"""The harness of Tillpay's adapter, for `pytest --gateway`."""

import contextlib
from collections.abc import AsyncIterator, Mapping

from application.ports.payment_gateway import CardToken
from domain.payment import Payment
from tillpay.gateway import TillpayGateway
from tillpay_double import KEY, Tillpay


@contextlib.asynccontextmanager
async def make_gateway(_environment: Mapping[str, str]) -> AsyncIterator["TillpayHarness"]:
    """Start a new double for each test."""
    async with Tillpay().listening() as tillpay:
        harness = TillpayHarness(tillpay)
        try:
            yield harness
        finally:
            for adapter in harness.adapters:
                await adapter.close()


class TillpayHarness:
    """The adapter, its test cards, and Tillpay's own records."""

    succeeding_token = CardToken("card_good")
    declined_token = CardToken("card_empty")

    def __init__(self, tillpay: Tillpay) -> None:
        self.tillpay = tillpay
        self.adapters: list[TillpayGateway] = []
        self.gateway = self._adapter(tillpay.address)

    async def charge_count(self, payment: Payment) -> int:
        """Count the charges in Tillpay's own records."""
        return len(self._captured(payment))

    async def refunded_amount(self, payment: Payment) -> int:
        """Add up the refunds in Tillpay's own records."""
        charges = [charge["id"] for charge in self._captured(payment)]
        return sum(it["amount"] for it in self.tillpay.refunds if it["charge"] in charges)

    def _captured(self, payment: Payment) -> list[dict[str, object]]:
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
        """Let Tillpay hang up after it has executed the request."""
        self.tillpay.replies_to_lose[REQUESTS[step]] += 1

    def lose_request(self, step: str) -> None:
        """Let Tillpay hang up before it executes the request."""
        self.tillpay.requests_to_lose[REQUESTS[step]] += 1


REQUESTS = {
    "charge": "POST /charges",
    "find": "GET /charges",
    "refund": "POST /refunds",
    "find_refund": "GET /refunds",
}
