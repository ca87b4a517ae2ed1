"""The harness of Tillpay's adapter with captures, for `pytest --gateway`."""

import contextlib
from collections.abc import Mapping

from domain.payment import Payment
from tillpay.captures import CapturingTillpay
from tillpay_kit import REQUESTS, TillpayHarness, opened

REQUESTS.update({"capture": "POST /captures", "cancel": "POST /releases"})


def make_gateway(
    _environment: Mapping[str, str],
) -> contextlib.AbstractAsyncContextManager[TillpayHarness]:
    """Return a harness for each test."""
    return opened(CapturingHarness)


class CapturingHarness(TillpayHarness):
    """The same with authorizations."""

    kind = CapturingTillpay

    async def captured_amount(self, payment: Payment) -> int:
        """Add up what is captured in Tillpay's own records."""
        return self._amount(payment, "paid")

    async def held_amount(self, payment: Payment) -> int:
        """Add up what is held in Tillpay's own records."""
        return self._amount(payment, "held")

    async def expire(self, payment: Payment) -> None:
        """Let the bank release the money."""
        for charge in self.tillpay.charges:
            if charge["label"] == payment.id and charge["state"] == "held":
                charge |= {"state": "released", "code": "expired"}

    def _amount(self, payment: Payment, state: str) -> int:
        charges = [it for it in self.tillpay.charges if it["label"] == payment.id]
        return sum(charge["amount"] for charge in charges if charge["state"] == state)
