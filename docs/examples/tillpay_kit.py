"""The harness of Tillpay's adapter, for `pytest --gateway`."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from application.ports.payment_gateway import CardToken
from domain.payment import Payment
from domain.refund import Refund
from tillpay.gateway import TillpayGateway
from tillpay_double import KEY, Tillpay


def make_gateway(
    _environment: Mapping[str, str],
) -> contextlib.AbstractAsyncContextManager["TillpayHarness"]:
    """Return a harness for each test."""
    return opened(TillpayHarness)


@contextlib.asynccontextmanager
async def opened(kind: type["TillpayHarness"]) -> AsyncIterator["TillpayHarness"]:
    """Start a new double, and stop it at the end."""
    async with Tillpay().listening() as tillpay:
        harness = kind(tillpay)
        try:
            yield harness
        finally:
            for adapter in harness.adapters:
                await adapter.close()


class TillpayHarness:
    """The adapter, its test cards, and Tillpay's own records."""

    kind: type[TillpayGateway] = TillpayGateway
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
        made = [it for it in self.tillpay.refunds if it["charge"] in charges]
        return sum(refund["amount"] for refund in made if refund["state"] != "failed")

    def _captured(self, payment: Payment) -> list[dict[str, Any]]:
        charges = [it for it in self.tillpay.charges if it["label"] == payment.id]
        return [charge for charge in charges if charge["state"] == "paid"]

    def _adapter(self, address: str) -> TillpayGateway:
        self.adapters.append(self.kind(address, KEY))
        return self.adapters[-1]

    async def settle_refund(self, payment: Payment, refund: Refund, succeeded: bool) -> None:
        """Let the bank pay a refund, or return it."""
        for each in self.tillpay.refunds:
            if each["label"] == refund.key and each["state"] == "pending":
                each["state"] = "paid" if succeeded else "failed"

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

    def stall(self, step: str) -> None:
        """Let Tillpay keep the connection open and not answer."""
        self.tillpay.requests_to_stall[REQUESTS[step]] += 1

    def answer(self, step: str, status: int) -> None:
        """Let Tillpay answer with an error."""
        self.tillpay.answers[REQUESTS[step]].append(status)

    def pending(self) -> None:
        """Let Tillpay accept the next charge before the bank has decided."""
        self.tillpay.undecided += 1


REQUESTS = {
    "charge": "POST /charges",
    "find": "GET /charges",
    "refund": "POST /refunds",
    "find_refund": "GET /refunds",
}
