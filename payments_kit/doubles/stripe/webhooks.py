"""Stripe's signatures of webhooks, and their endpoints.

https://docs.stripe.com/webhooks#verify-manually and https://docs.stripe.com/webhooks#retries
"""

import hashlib
import hmac
import json
import time
from collections.abc import Iterable
from typing import ClassVar, Literal, get_args

from attrs import define, field

from payments_kit.doubles.deliveries import Deliveries, Endpoint
from payments_kit.doubles.stripe.errors import Json

Forgery = Literal["wrong_secret", "tampered", "stale", "future", "unsigned", "malformed"]
BEYOND_TOLERANCE = 3600  # seconds; the SDK's default tolerance is 300 s


@define
class Webhooks(Deliveries):
    """The endpoints with their secrets, and the deliveries."""

    type_field: ClassVar[str] = "type"
    forgeries: ClassVar[tuple[str, ...]] = get_args(Forgery)
    secrets: dict[str, list[str]] = field(factory=dict)
    """The secrets of each endpoint: two during a rotation."""

    def register(
        self, url: str, secrets: Iterable[str], enabled_events: Iterable[str] = ("*",)
    ) -> Endpoint:
        """Add an endpoint."""
        endpoint = Endpoint(f"we_{len(self.endpoints) + 1}", url, list(enabled_events))
        self.endpoints[endpoint.id] = endpoint
        self.secrets[endpoint.id] = list(secrets)
        return endpoint

    def sealed(
        self, event: Json, endpoint: Endpoint, forged: str | None
    ) -> tuple[bytes, dict[str, str]]:
        """Return the bytes to send and their headers; a forgery is wrong in exactly one way."""
        return signed(json.dumps(event, indent=2).encode(), self.secrets[endpoint.id], forged)


def signed(
    payload: bytes, secrets: list[str], forged: str | None = None
) -> tuple[bytes, dict[str, str]]:
    """Return the bytes to send and their headers; a forgery is wrong in exactly one way."""
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Stripe/1.0"}
    if forged == "unsigned":
        return payload, headers
    at = int(time.time())
    if forged == "stale":
        at -= BEYOND_TOLERANCE
    elif forged == "future":
        at += BEYOND_TOLERANCE
    if forged == "wrong_secret":
        secrets = ["whsec_forged"]
    header = signature_header(payload, secrets, at)
    if forged == "tampered":
        payload = payload.replace(b'"livemode": false', b'"livemode": true ')
    elif forged == "malformed":
        header = "t=now,v1"
    return payload, headers | {"Stripe-Signature": header}


def signature_header(payload: bytes, secrets: Iterable[str], at: int) -> str:
    """Return the Stripe-Signature header for a time in seconds since 1970."""
    digests = [
        hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256).hexdigest()
        for secret in secrets
    ]
    return ",".join([f"t={at}", *(f"v1={digest}" for digest in digests)])
