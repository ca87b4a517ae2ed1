"""AccessTokens: OAuth tokens of one PayPal application.

https://developer.paypal.com/api/rest/authentication/
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Final

from attrs import define, field

from adapters.gateways.paypal.refusals import redacted
from adapters.gateways.paypal.wire import HttpReply
from application.ports.payment_gateway import GatewayUnavailable, KeyRefused, OutcomeUnknown

PATH: Final = "/v1/oauth2/token"
FORM: Final = b"grant_type=client_credentials"

RENEW_BEFORE_SECONDS: Final = 120.0
"""How long before its end a token is renewed: longer than any request that begins with it."""

# PayPal's tokens are valid for about nine hours; one that does not say so is used for this long.
_DEFAULT_SECONDS: Final = 300.0

MAX_TOKEN: Final = 8192
"""The longest token: it must fit into a header."""

Request = Callable[[str], Awaitable[HttpReply]]
"""Sends the request for a token with these credentials.

Raises:
    GatewayUnavailable, OutcomeUnknown: there is no reply.
"""


@define
class AccessTokens:
    """Gets tokens and keeps the current one; renews it before its end, one renewal at a time."""

    _client_id: str = field(repr=False)
    _client_secret: str = field(repr=False)
    _request: Request = field(repr=False)
    _token: str | None = field(default=None, init=False, repr=False)
    _renew_at: float = field(default=0.0, init=False)
    _renewal: asyncio.Lock = field(factory=asyncio.Lock, init=False, repr=False)

    async def current(self, refused: str | None = None) -> str:
        """Return a valid token, other than one that PayPal has refused.

        Raises:
            KeyRefused: PayPal refuses our credentials.
            GatewayUnavailable: there is no token, so that nothing can be sent with it.
        """
        if (token := self._valid(refused)) is not None:
            return token
        async with self._renewal:
            # Another request may have renewed it meanwhile.
            if (token := self._valid(refused)) is not None:
                return token
            return await self._renew()

    def _valid(self, refused: str | None) -> str | None:
        is_over = asyncio.get_running_loop().time() >= self._renew_at
        return None if is_over or self._token == refused else self._token

    async def _renew(self) -> str:
        asked_at = asyncio.get_running_loop().time()
        try:
            reply = await self._request(self._credentials)
        except OutcomeUnknown as unknown:
            raise GatewayUnavailable(f"no access token: {unknown}") from None
        body = reply.body if isinstance(reply.body, dict) else {}
        token, seconds = body.get("access_token"), body.get("expires_in")
        if reply.status != 200 or not isinstance(token, str) or not _is_usable(token):
            raise _failure(reply)
        lifetime = _DEFAULT_SECONDS
        if isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0:
            lifetime = float(seconds)
        # A token of a short life is used for half of it.
        self._renew_at = asked_at + max(lifetime - RENEW_BEFORE_SECONDS, lifetime / 2)
        self._token = token
        return token

    @property
    def _credentials(self) -> str:
        pair = f"{self._client_id}:{self._client_secret}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


def _failure(reply: HttpReply) -> GatewayUnavailable:
    """Return why there is no token: https://datatracker.ietf.org/doc/html/rfc6749#section-5.2."""
    body = reply.body if isinstance(reply.body, dict) else {}
    code, words = body.get("error"), body.get("error_description")
    said = redacted(words) if isinstance(words, str) else "no message"
    if reply.status in (400, 401, 403) and isinstance(code, str):
        return KeyRefused(
            f"PayPal refuses PAYPAL_CLIENT_ID with PAYPAL_CLIENT_SECRET ({reply.status}): {said}"
        )
    return GatewayUnavailable(f"no access token: PayPal replied {reply.status}")


def _is_usable(token: str) -> bool:
    return 0 < len(token) <= MAX_TOKEN and token.isascii() and token.isprintable()
