"""Notifications signed as PayPal signs them, with the certificates of its double."""

import base64
from datetime import datetime

from attrs import field, frozen

from adapters.gateways.paypal.certificates import Certificates
from application.ports.gateway_notifications import InvalidNotification
from payments_kit.doubles.paypal.certificates import Signer, own_signer
from payments_kit.doubles.paypal.webhooks import (
    CERTIFICATES_PATH,
    OWN_CERTIFICATE,
    certificate,
    signed_message,
)

BASE = "http://paypal.example"
WEBHOOK_ID = "8PT597110X687430LKGECATA"


@frozen
class Host:
    """Where the certificates are, with how often each address was asked for."""

    asked: list[str] = field(factory=list)

    async def fetch(self, address: str) -> bytes:
        """Return the certificate at an address."""
        self.asked.append(address)
        found = certificate(address.rpartition("/")[2])
        if found is None:
            raise InvalidNotification("no such certificate")
        return found

    def certificates(self, base: str = BASE) -> Certificates:
        """Return certificates that are fetched from here, and trusted by the double's root."""
        return Certificates(base, fetch=self.fetch, trusted=(own_signer().root,))


def signed(
    body: bytes,
    at: datetime,
    signer: Signer | None = None,
    webhook_id: str = WEBHOOK_ID,
    written: str = "%Y-%m-%dT%H:%M:%SZ",
) -> dict[str, str]:
    """Return the headers of a notification, with names in lower case."""
    signer = signer or own_signer()
    time = at.strftime(written)
    signature = signer.sign(signed_message("d5b1a3f0", time, webhook_id, body))
    return {
        "paypal-auth-algo": "SHA256withRSA",
        "paypal-cert-url": f"{BASE}{CERTIFICATES_PATH}{OWN_CERTIFICATE}",
        "paypal-transmission-id": "d5b1a3f0",
        "paypal-transmission-sig": base64.b64encode(signature).decode(),
        "paypal-transmission-time": time,
    }
