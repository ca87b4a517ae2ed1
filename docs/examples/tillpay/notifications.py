"""Tillpay with notifications: it reports each change at once."""

import hashlib
import hmac
import json
from collections.abc import Mapping

from application.ports.gateway_notifications import (
    InvalidNotification,
    Notification,
    PaymentNotification,
    RefusedBecause,
    UnrelatedNotification,
    UnusableNotification,
)
from domain.identifiers import PaymentId
from tillpay.gateway import TillpayGateway

SIGNATURE = "tillpay-signature"


class TillpayReader:
    """Verifies what Tillpay sends to `/api/payments/webhooks/tillpay`; it signs with our key."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    async def read(self, body: bytes, headers: Mapping[str, str]) -> Notification:
        """Refuse what Tillpay has not signed."""
        ours = hmac.new(self._key, body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(ours.encode(), headers.get(SIGNATURE, "").encode()):
            raise InvalidNotification("the signature is wrong", RefusedBecause.WRONG_SIGNATURE)
        return self.read_verified(body)

    def read_verified(self, body: bytes) -> Notification:
        """Say which payment has changed; the service asks `find` what it has become."""
        unreadable = UnusableNotification(hashlib.sha256(body).hexdigest(), "it cannot be read")
        try:
            event = json.loads(body)
        except (ValueError, RecursionError):
            return unreadable
        match event:
            case {"id": str(event_id), "about": "charge", "label": str(label)}:
                return PaymentNotification(f"tillpay {event_id}"[:255], PaymentId(label))
            case {"id": str(event_id), "about": "newsletter"}:
                return UnrelatedNotification(f"tillpay {event_id}"[:255])
            case _:
                return unreadable


class NotifyingTillpay(TillpayGateway):
    """The adapter with its reader; recovery works as before."""

    def __init__(self, address: str, key: str) -> None:
        super().__init__(address, key)
        self.notification_reader = TillpayReader(key)
