"""Every notification reader keeps the promises of its port."""

import json
from collections.abc import Mapping
from datetime import timedelta

from attrs import frozen

from adapters.gateways.stripe.notifications import SIGNATURE, StripeNotificationReader
from application.ports.gateway_notifications import NotificationReader
from domain.identifiers import PaymentId
from payments_kit.doubles.stripe import charges
from payments_kit.doubles.stripe.ledger import Ledger
from payments_kit.doubles.stripe.webhooks import signature_header
from tests.builders import NOW
from tests.contracts.notification_reader import NotificationReaderContract
from tests.contracts.paypal_notifications import paypal_harness

SECRET, OTHER_SECRET = "whsec_ours", "whsec_other"


@frozen
class StripeHarness:
    """Stripe's double writes and signs the events."""

    reader: NotificationReader

    def charged(self, payment_id: PaymentId) -> bytes:
        return _charge_event({"payment_id": payment_id})

    def unrelated(self) -> bytes:
        return _charge_event({})

    def sign(self, body: bytes, *, later: timedelta = timedelta()) -> str:
        return signature_header(body, [SECRET], int((NOW + later).timestamp()))

    def forge(self, body: bytes) -> str:
        return signature_header(body, [OTHER_SECRET], int(NOW.timestamp()))

    def headers(self, signature: str) -> Mapping[str, str]:
        return {SIGNATURE: signature}


def _charge_event(metadata: dict[str, str]) -> bytes:
    ledger = Ledger()
    params = {"amount": 1000, "currency": "usd", "source": "tok_visa", "metadata": metadata}
    charges.create(ledger, params)
    (event,) = ledger.events.values()
    return json.dumps(event, indent=2).encode()


class TestStripeNotificationReader(NotificationReaderContract):
    """Stripe's webhooks."""

    harness = StripeHarness(StripeNotificationReader([SECRET], lambda: NOW))


class TestPayPalNotificationReader(NotificationReaderContract):
    """PayPal's webhooks, whose certificates are fetched."""

    harness = paypal_harness()
