"""Access tokens for client credentials; https://developer.paypal.com/api/rest/authentication/."""

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from attrs import define, field

from payments_kit.doubles.paypal.errors import Json, by_status, oauth_failure
from payments_kit.doubles.paypal.ledger import Ledger

CLIENT_ID, CLIENT_SECRET = "double-client", "double-secret"
TOKEN_SECONDS: Final = 32_400  # nine hours, as in the example of PayPal's documentation


@define
class Tokens:
    """The credentials that are accepted, and the tokens that were given for them."""

    credentials: dict[str, str] = field(factory=lambda: {CLIENT_ID: CLIENT_SECRET})
    """The secret of each client id."""
    seconds: float = TOKEN_SECONDS
    """How long a new token is valid."""
    until: dict[str, float] = field(factory=dict)
    """When each token ends."""

    def give(self, ledger: Ledger, headers: Mapping[str, str], form: Mapping[str, str]) -> Json:
        """Return a new token, as `POST /v1/oauth2/token` does."""
        client = self._client(headers.get("Authorization", ""))
        if form.get("grant_type") != "client_credentials":
            raise oauth_failure(400, "unsupported_grant_type", "unsupported grant_type")
        token = f"A21AA{ledger.new_id(40)}"
        self.until[token] = ledger.time() + self.seconds
        return {
            "scope": "https://uri.paypal.com/services/payments/payment/authcapture",
            "access_token": token,
            "token_type": "Bearer",
            "app_id": f"APP-{client}",
            "expires_in": int(self.seconds),
            "nonce": f"{ledger.timestamp()}{ledger.new_id(20)}",
        }

    def check(self, ledger: Ledger, headers: Mapping[str, str]) -> None:
        """Refuse a request without a valid token."""
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or self.until.get(token, 0.0) <= ledger.time():
            raise by_status(401)

    def expire(self) -> None:
        """End all tokens before their time."""
        self.until.clear()

    def _client(self, header: str) -> str:
        scheme, _, encoded = header.partition(" ")
        try:
            client, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            client, secret = "", ""
        known = self.credentials.get(client)
        if scheme != "Basic" or known is None or known != secret:
            raise oauth_failure(401, "invalid_client", "Client Authentication failed")
        return client
