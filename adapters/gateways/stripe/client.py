"""StripeApi: the official SDK's async client with our timeouts, and without its logs."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Literal

import aiohttp
import stripe
from attrs import define, field
from stripe import _util as stripe_logging

from adapters.gateways.stripe.errors import RequestRefused, translated
from adapters.gateways.stripe.objects import Json
from application.ports.payment_gateway import CALL_SECONDS, GatewayUnavailable, OutcomeUnknown

CONNECT_SECONDS: Final = 3.0
"""How long opening a connection may take: milliseconds, plus 1 s for each lost SYN."""

READ_SECONDS: Final = 8.0
"""How long a request that changes nothing may take."""

PAGE: Final = 100  # the maximum; https://docs.stripe.com/api/pagination

# Telemetry writes a file under HOME and sends timings to Stripe.
stripe.enable_telemetry = False


def _silence_sdk() -> None:
    """Drop the SDK's log records below WARNING: they contain card tokens, secrets and bodies.

    A filter is used because a log level can be reset. The environment variable STRIPE_LOG is
    ignored because it makes the SDK print without the logging module.
    """
    logging.getLogger("stripe").addFilter(lambda record: record.levelno >= logging.WARNING)
    stripe.log = None
    stripe_logging.STRIPE_LOG = None


_silence_sdk()


@define
class StripeApi:
    """The API of one Stripe account; bound to the event loop that first uses it."""

    _key: str = field(repr=False)
    _base_address: str = stripe.DEFAULT_API_BASE
    _session: aiohttp.ClientSession | None = field(default=None, init=False, repr=False)
    _client: stripe.StripeClient | None = field(default=None, init=False, repr=False)

    @property
    def livemode(self) -> bool:
        """Whether the key moves real money (https://docs.stripe.com/keys)."""
        return self._key.startswith(("sk_live_", "rk_live_"))

    async def get(self, path: str, within: float = READ_SECONDS, **params: Any) -> Json:
        """Send a request that changes nothing, with a timeout in seconds.

        Raises:
            RequestRefused, GatewayUnavailable, OutcomeUnknown: see `translated`.
        """
        return await self._send("get", path, within, params)

    async def post(self, path: str, within: float, key: str | None = None, **params: Any) -> Json:
        """Send a request that is executed once for each key, with a timeout in seconds.

        Raises:
            RequestRefused, GatewayUnavailable, OutcomeUnknown: see `translated`.
        """
        if key is not None:
            params["idempotency_key"] = key
        return await self._send("post", path, within, params)

    async def list(self, path: str, **params: Any) -> AsyncIterator[Json]:
        """Yield all objects of a list, newest first.

        Raises:
            RequestRefused, GatewayUnavailable, OutcomeUnknown: see `translated`.
        """
        while True:
            page = await self.get(path, limit=PAGE, **params)
            items = page.get("data")
            if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
                raise OutcomeUnknown("Stripe's list cannot be read")
            for item in items:
                yield item
            if page.get("has_more") is not True or not items:
                return
            params["starting_after"] = items[-1].get("id")

    async def check(self, path: str) -> None:
        """Check that Stripe accepts our API key.

        Raises:
            OutcomeUnknown: it does not, or cannot be reached; in one line.
        """
        async with querying():
            await self.get(path, limit=1)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = self._client = None

    async def _send(
        self, method: Literal["get", "post"], path: str, within: float, params: dict[str, Any]
    ) -> Json:
        try:
            async with asyncio.timeout(within):
                response = await self._connected().raw_request_async(method, path, **params)
        except Exception as error:
            failure = translated(error)
        else:
            if isinstance(response.data, dict):
                return response.data
            failure = OutcomeUnknown("Stripe's reply is not an object")
        # Raised outside of `except`: the SDK's error quotes the request, and must not be chained.
        raise failure

    def _connected(self) -> stripe.StripeClient:
        if self._client is None:
            trusted = ssl.create_default_context(cafile=stripe.ca_bundle_path)
            # No limit: requests that wait for a bank must not delay others.
            connector = aiohttp.TCPConnector(limit=0, ssl=trusted)
            self._session = aiohttp.ClientSession(connector=connector)
            timeout = aiohttp.ClientTimeout(total=CALL_SECONDS, sock_connect=CONNECT_SECONDS)
            self._client = stripe.StripeClient(
                self._key,
                base_addresses={"api": self._base_address.rstrip("/")},
                max_network_retries=0,
                http_client=stripe.AIOHTTPClient(timeout=timeout, session=self._session),
            )
        return self._client


@asynccontextmanager
async def bounded() -> AsyncIterator[None]:
    """End a call of the port within CALL_SECONDS.

    Raises:
        OutcomeUnknown: the call takes longer.
    """
    try:
        async with asyncio.timeout(CALL_SECONDS):
            yield
    except TimeoutError:
        raise OutcomeUnknown("Stripe did not reply in time") from None


@asynccontextmanager
async def querying() -> AsyncIterator[None]:
    """Limit the time of a query, which changes nothing.

    Raises:
        OutcomeUnknown: the query fails in any way.
    """
    try:
        async with bounded():
            yield
    except (RequestRefused, GatewayUnavailable) as error:
        raise OutcomeUnknown(str(error)) from None
