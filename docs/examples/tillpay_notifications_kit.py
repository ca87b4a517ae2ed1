"""The harness of Tillpay's adapter with notifications, for `pytest --gateway`."""

import contextlib
import hashlib
import hmac
import json
from collections.abc import Mapping

from domain.payment import Payment
from tillpay.notifications import SIGNATURE, NotifyingTillpay
from tillpay_double import KEY
from tillpay_kit import TillpayHarness, opened


def make_gateway(
    _environment: Mapping[str, str],
) -> contextlib.AbstractAsyncContextManager[TillpayHarness]:
    """Return a harness for each test."""
    return opened(NotifyingHarness)


class NotifyingHarness(TillpayHarness):
    """The same with what Tillpay sends, written and signed as Tillpay does it."""

    kind = NotifyingTillpay

    async def notification(self, payment: Payment) -> bytes:
        """Write what Tillpay reports about a charge."""
        return json.dumps({"id": "7", "about": "charge", "label": payment.id}).encode()

    def signed(self, body: bytes) -> Mapping[str, str]:
        """Sign with the key that both sides know."""
        return {SIGNATURE: hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()}
