"""PayPalApi: requests to PayPal with our timeouts and errors; it logs nothing."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import certifi
from attrs import define, field

from adapters.gateways.outward import Route
from adapters.gateways.paypal.access_tokens import FORM, PATH, AccessTokens
from adapters.gateways.paypal.errors import RequestRefused, of_reply, translated
from adapters.gateways.paypal.labels import LabelKey
from adapters.gateways.paypal.objects import Json
from adapters.gateways.paypal.wire import (
    LIVE_ADDRESS,
    HttpReply,
    Method,
    encoded,
    exchange,
    is_live,
)
from application.ports.payment_gateway import (
    LOOKUP_SECONDS,
    GatewayUnavailable,
    KeyRefused,
    LookupRefused,
    OutcomeUnknown,
)

CHECK_SECONDS: Final = 8.0
"""How long a health check may take."""

TOKEN_SECONDS: Final = 5.0
"""How long a renewal of the access token may take."""

# Nobody is refused this order: it does not exist.
_NO_ORDER: Final = "/v2/checkout/orders/PAYMENTSDOCTOR"

_JSON: Final = {"Content-Type": "application/json", "Accept": "application/json"}
_WHOLE: Final = {"Prefer": "return=representation"}
_FORM_HEADERS: Final = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Accept": "application/json",
    "User-Agent": "payments",
}


def _without_slash(address: str) -> str:
    return address.rstrip("/")


@define
class PayPalApi:
    """The API of one PayPal account; bound to the event loop that first uses it.

    Raises:
        InvalidSetting: a variable about proxies or authorities cannot be used.
    """

    client_id: str
    _client_secret: str = field(repr=False)
    base_address: str = field(default=LIVE_ADDRESS, converter=_without_slash)
    _route: Route = field(init=False, repr=False)
    _tokens: AccessTokens = field(init=False, repr=False)
    _session: aiohttp.ClientSession | None = field(default=None, init=False, repr=False)

    @_route.default
    def _find_route(self) -> Route:
        return Route.to(self.base_address, certifi.where())

    @_tokens.default
    def _make_tokens(self) -> AccessTokens:
        return AccessTokens(self.client_id, self._client_secret, self._request_token)

    @property
    def livemode(self) -> bool:
        """Whether it moves real money."""
        return is_live(self.base_address)

    @property
    def label_key(self) -> LabelKey:
        """What our labels of objects are sealed with."""
        return LabelKey.of(self._client_secret)

    async def get(self, path: str, within: float = LOOKUP_SECONDS) -> Json:
        """Send a request that changes nothing, with a timeout in seconds.

        Raises:
            RequestRefused, GatewayUnavailable, OutcomeUnknown: see `of_reply`.
        """
        return await self._send("GET", path, within)

    async def post(
        self,
        path: str,
        within: float,
        key: str | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Json:
        """Send a request that is executed once for each key, with a timeout in seconds.

        Raises:
            RequestRefused, GatewayUnavailable, OutcomeUnknown: see `of_reply`.
        """
        headers = _WHOLE if key is None else {**_WHOLE, "PayPal-Request-Id": key}
        return await self._send("POST", path, within, headers, encoded(body or {}))

    async def patch(self, path: str, within: float, changes: list[dict[str, str]]) -> None:
        """Change an object (RFC 6902), with a timeout in seconds.

        Raises:
            RequestRefused, GatewayUnavailable, OutcomeUnknown: see `of_reply`.
        """
        await self._send("PATCH", path, within, body=encoded(changes))

    async def check(self) -> None:
        """Check that PayPal accepts our credentials, and that they may be used for orders.

        Raises:
            OutcomeUnknown: they may not, or PayPal cannot be reached; in one line.
        """
        try:
            await self.get(_NO_ORDER, CHECK_SECONDS)
        except RequestRefused as refused:
            if refused.error.status != 404:
                raise LookupRefused(str(refused)) from None
        except KeyRefused as refused:
            raise LookupRefused(str(refused)) from None
        except GatewayUnavailable as error:
            raise OutcomeUnknown(str(error)) from None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(
        self,
        method: Method,
        path: str,
        within: float,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Json:
        now = asyncio.get_running_loop().time
        ends_at = now() + within
        token = await self._token(within)
        reply = await self._exchange(method, path, token, headers, body, ends_at - now())
        if reply.status == 401:
            # It was not executed. PayPal may end a token before its time.
            token = await self._token(ends_at - now(), refused=token)
            reply = await self._exchange(method, path, token, headers, body, ends_at - now())
        if 200 <= reply.status < 300 and isinstance(reply.body, dict):
            return reply.body
        if reply.status == 204:
            return {}
        raise of_reply(reply)

    async def _token(self, within: float, refused: str | None = None) -> str:
        """Return an access token.

        Raises:
            GatewayUnavailable: there is none, so that nothing was sent.
        """
        try:
            async with asyncio.timeout(min(within, TOKEN_SECONDS)):
                return await self._tokens.current(refused)
        except TimeoutError:
            raise GatewayUnavailable("no access token: PayPal did not reply in time") from None

    async def _request_token(self, credentials: str) -> HttpReply:
        headers = {**_FORM_HEADERS, "Authorization": credentials}
        return await self._reply("POST", PATH, headers, FORM)

    async def _exchange(
        self,
        method: Method,
        path: str,
        token: str,
        headers: Mapping[str, str] | None,
        body: bytes | None,
        within: float,
    ) -> HttpReply:
        sent = {
            **_JSON,
            **(headers or {}),
            "Authorization": f"Bearer {token}",
            "User-Agent": "payments",
        }
        failure: Exception
        try:
            async with asyncio.timeout(within):
                return await self._reply(method, path, sent, body)
        except TimeoutError as error:
            failure = translated(error)
        raise failure

    async def _reply(
        self, method: Method, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> HttpReply:
        if self._session is None:
            self._session = self._route.open_session()
        failure: Exception
        try:
            return await exchange(self._session, method, self.base_address + path, headers, body)
        except Exception as error:
            failure = translated(error)
        # Raised outside of `except`: an error of the client may quote the request, and must not
        # be chained.
        raise failure
