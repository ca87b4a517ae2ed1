"""PayPal's signatures of webhooks; https://developer.paypal.com/api/rest/webhooks/rest/.

The signature is over `transmission id|transmission time|webhook id|CRC32 of the body`.
"""

import base64
import json
import time
import uuid
import zlib
from collections.abc import Iterable
from typing import ClassVar, Final, Literal, get_args

from attrs import define

from payments_kit.doubles.deliveries import Deliveries, Endpoint
from payments_kit.doubles.paypal.certificates import foreign_signer, own_signer
from payments_kit.doubles.paypal.errors import Json
from payments_kit.doubles.paypal.ledger import written

Forgery = Literal[
    "wrong_key",
    "wrong_webhook",
    "tampered",
    "unsigned",
    "malformed",
    "foreign_chain",
    "foreign_host",
    "wrong_algorithm",
    "stale",
]
CERTIFICATES_PATH: Final = "/v1/notifications/certs/"
OWN_CERTIFICATE, FOREIGN_CERTIFICATE = "CERT-double-0001", "CERT-double-0666"
_ATTACKER: Final = "https://api.paypal.com.attacker.example"
STALE_SECONDS: Final = 30 * 86400  # PayPal repeats a delivery for three days


@define
class Webhooks(Deliveries):
    """The endpoints, whose ids are PayPal's webhook ids, and the deliveries."""

    type_field: ClassVar[str] = "event_type"
    forgeries: ClassVar[tuple[str, ...]] = get_args(Forgery)
    address: str = "https://api-m.sandbox.paypal.com"
    """Where the certificates are; the double's own address while it is served."""

    def register(
        self, url: str, webhook_id: str | None = None, enabled_events: Iterable[str] = ("*",)
    ) -> Endpoint:
        """Add an endpoint."""
        name = webhook_id or f"{len(self.endpoints) + 1:017d}"
        self.endpoints[name] = Endpoint(name, url, list(enabled_events))
        return self.endpoints[name]

    def sealed(
        self, event: Json, endpoint: Endpoint, forged: str | None
    ) -> tuple[bytes, dict[str, str]]:
        """Return the bytes to send and their headers; a forgery is wrong in exactly one way."""
        body = json.dumps(event).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "PayPal/AUHD-214.0-1"}
        if forged == "unsigned":
            return body, headers
        foreign = forged in ("wrong_key", "foreign_chain")
        signer = foreign_signer() if foreign else own_signer()
        webhook_id = "0FORGED" if forged == "wrong_webhook" else endpoint.id
        transmission = str(uuid.uuid4())
        at = written(time.time() - (STALE_SECONDS if forged == "stale" else 0))
        signature = signer.sign(signed_message(transmission, at, webhook_id, body))
        encoded = base64.b64encode(signature).decode()
        if forged == "tampered":
            body = body.replace(b'"event_version": "1.0"', b'"event_version": "1.1"')
        return body, headers | {
            "PAYPAL-AUTH-ALGO": "MD5" if forged == "wrong_algorithm" else "SHA256withRSA",
            "PAYPAL-CERT-URL": self._certificate_address(forged),
            "PAYPAL-TRANSMISSION-ID": transmission,
            "PAYPAL-TRANSMISSION-SIG": "?" if forged == "malformed" else encoded,
            "PAYPAL-TRANSMISSION-TIME": at,
            "PAYPAL-AUTH-VERSION": "v2",
        }

    def _certificate_address(self, forged: str | None) -> str:
        host = _ATTACKER if forged == "foreign_host" else self.address
        name = FOREIGN_CERTIFICATE if forged == "foreign_chain" else OWN_CERTIFICATE
        return f"{host}{CERTIFICATES_PATH}{name}"


def certificate(name: str) -> bytes | None:
    """Return the certificate chain of this name, if there is one."""
    if name == OWN_CERTIFICATE:
        return own_signer().chain
    return foreign_signer().chain if name == FOREIGN_CERTIFICATE else None


def signed_message(transmission: str, at: str, webhook_id: str, body: bytes) -> bytes:
    """Return what PayPal signs."""
    return f"{transmission}|{at}|{webhook_id}|{zlib.crc32(body)}".encode()
