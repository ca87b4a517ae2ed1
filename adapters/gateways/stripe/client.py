"""The line to Stripe: the official SDK's async client, with our time limits, our keys and no chatter."""

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

from adapters.gateways.stripe.errors import Refused, translated
from adapters.gateways.stripe.objects import Json
from application.ports.payment_gateway import CALL_SECONDS, GatewayUnavailable, OutcomeUnknown

CONNECT_SECONDS: Final = 3.0
"""A connection opens in milliseconds or not at all; a lost SYN is sent again after 1 s."""

READ_SECONDS: Final = 8.0
"""How long a question that changes nothing may take."""

PAGE: Final = 100  # the most that https://docs.stripe.com/api/pagination allows

# It would write a file under HOME and send timings along.
stripe.enable_telemetry = False


def _hush() -> None:
    """Let the SDK tell nothing below a warning: it logs card tokens, client secrets and bodies.

    A filter, since a level could be set back; and the environment's STRIPE_LOG is not heard, since
    it makes the SDK print past all logging.
    """
    logging.getLogger("stripe").addFilter(lambda record: record.levelno >= logging.WARNING)
    stripe.log = None
    stripe_logging.STRIPE_LOG = None


_hush()


@define
class StripeApi:
    """One account at Stripe. It belongs to the event loop that uses it first."""

    _key: str = field(repr=False)
    _base_address: str = stripe.DEFAULT_API_BASE
    _session: aiohttp.ClientSession | None = field(default=None, init=False, repr=False)
    _client: stripe.StripeClient | None = field(default=None, init=False, repr=False)

    @property
    def livemode(self) -> bool:
        """Whether the key moves real money (https://docs.stripe.com/keys)."""
        return self._key.startswith(("sk_live_", "rk_live_"))

    async def get(self, path: str, within: float = READ_SECONDS, **params: Any) -> Json:
        """Ask something that changes nothing.

        Raises:
            Refused, GatewayUnavailable, OutcomeUnknown: see `translated`.
        """
        return await self._send("get", path, within, params)

    async def post(self, path: str, within: float, key: str | None = None, **params: Any) -> Json:
        """Have something done, once for each key; seconds until we stop waiting for the answer.

        Raises:
            Refused, GatewayUnavailable, OutcomeUnknown: see `translated`.
        """
        if key is not None:
            params["idempotency_key"] = key
        return await self._send("post", path, within, params)

    async def list(self, path: str, **params: Any) -> AsyncIterator[Json]:
        """Everything on a list, page by page, the newest first.

        Raises:
            Refused, GatewayUnavailable, OutcomeUnknown: see `translated`.
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
        """Show that Stripe is there and takes our key.

        Raises:
            GatewayUnavailable, OutcomeUnknown: it is not, or does not; in one line.
        """
        async with looking():
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
            failure = OutcomeUnknown("Stripe's answer is no object")
        # Outside of `except`: the SDK's error quotes what was sent, and must not be chained.
        raise failure

    def _connected(self) -> stripe.StripeClient:
        if self._client is None:
            trusted = ssl.create_default_context(cafile=stripe.ca_bundle_path)
            # No limit: charges that wait for a bank must not make others wait.
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
    """End a call of the port in time, whatever it is doing."""
    try:
        async with asyncio.timeout(CALL_SECONDS):
            yield
    except TimeoutError:
        raise OutcomeUnknown("Stripe did not answer in time") from None


@asynccontextmanager
async def looking() -> AsyncIterator[None]:
    """Bound a question; that Stripe did not let itself be asked leaves the answer unknown."""
    try:
        async with bounded():
            yield
    except (Refused, GatewayUnavailable) as unanswered:
        raise OutcomeUnknown(str(unanswered)) from None
