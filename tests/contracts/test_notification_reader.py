"""Every reader of notices keeps the promises of its port."""

import json
from datetime import UTC, datetime, timedelta

from attrs import frozen

from adapters.gateways.stripe.notifications import StripeNotificationReader
from application.ports.gateway_notifications import NotificationReader
from domain.identifiers import PaymentId
from payments_kit.doubles.stripe import charges
from payments_kit.doubles.stripe.ledger import Ledger
from payments_kit.doubles.stripe.webhooks import signature_header
from tests.contracts.notification_reader import GatewayNoticesContract

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECRET, OTHER_SECRET = "whsec_ours", "whsec_somebody_s"


@frozen
class StripeHarness:
    """Stripe's double writes the events and signs them."""

    notifications: NotificationReader

    def charged(self, payment_id: PaymentId) -> bytes:
        return _event_of_a_charge({"payment_id": payment_id})

    def unrelated(self) -> bytes:
        return _event_of_a_charge({})

    def sign(self, body: bytes, *, later: timedelta = timedelta()) -> str:
        return signature_header(body, [SECRET], int((NOW + later).timestamp()))

    def sign_as_stranger(self, body: bytes) -> str:
        return signature_header(body, [OTHER_SECRET], int(NOW.timestamp()))


def _event_of_a_charge(metadata: dict[str, str]) -> bytes:
    ledger = Ledger()
    params = {"amount": 1000, "currency": "usd", "source": "tok_visa", "metadata": metadata}
    charges.create(ledger, params)
    (event,) = ledger.events.values()
    return json.dumps(event, indent=2).encode()


class TestStripeNotices(GatewayNoticesContract):
    """Stripe's webhooks."""

    harness = StripeHarness(StripeNotificationReader([SECRET], lambda: NOW))
