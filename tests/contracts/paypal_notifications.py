"""PayPal's notifications for the contract of the readers: written and signed like PayPal's."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from attrs import frozen

from adapters.gateways.paypal.labels import LabelKey, payment_label
from adapters.gateways.paypal.notifications import PayPalNotificationReader
from application.ports.gateway_notifications import NotificationReader
from domain.identifiers import PaymentId
from payments_kit.doubles.paypal.certificates import foreign_signer
from tests.adapters.gateways.paypal_signing import WEBHOOK_ID, Host, signed
from tests.builders import a_payment

KEY = LabelKey.of("secret")
NOW = datetime.now(UTC)
"""The double's certificates are made when they are needed."""


@frozen
class PayPalHarness:
    """PayPal's double has the certificates. The signature is all headers, as JSON."""

    reader: NotificationReader

    def charged(self, payment_id: PaymentId) -> bytes:
        return _capture_event(payment_label(a_payment(payment_id), KEY))

    def unrelated(self) -> bytes:
        return _capture_event("basket 7")

    def sign(self, body: bytes, *, later: timedelta = timedelta()) -> str:
        return json.dumps(signed(body, NOW + later))

    def forge(self, body: bytes) -> str:
        return json.dumps(signed(body, NOW, foreign_signer()))

    def headers(self, signature: str) -> Mapping[str, str]:
        try:
            headers = json.loads(signature)
        except ValueError:
            headers = None
        if isinstance(headers, dict):
            return {name: str(value) for name, value in headers.items()}
        return signed(b"", NOW) | {"paypal-transmission-sig": signature}


def paypal_harness() -> PayPalHarness:
    """Return a harness."""
    certificates = Host().certificates()
    return PayPalHarness(
        PayPalNotificationReader(WEBHOOK_ID, certificates, lambda: NOW, livemode=False, key=KEY)
    )


def _capture_event(label: str) -> bytes:
    resource = {
        "id": "3C679366HH908993F",
        "status": "COMPLETED",
        "amount": {"currency_code": "USD", "value": "100.00"},
        "custom_id": label,
        "supplementary_data": {"related_ids": {"order_id": "5O190127TN364715T"}},
        "links": [],
    }
    event = {
        "id": "WH-58D329510W468432D-8HN650336L201105X",
        "event_type": "PAYMENT.CAPTURE.COMPLETED",
        "resource_type": "capture",
        "resource": resource,
    }
    return json.dumps(event, indent=2).encode()
