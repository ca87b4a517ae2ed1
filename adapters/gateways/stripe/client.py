"""StripeApi: requests to Stripe with our timeouts and errors; it logs nothing."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Literal

import aiohttp
from attrs import define, field

from adapters.gateways.calls import TimeLeft, time_left, together
from adapters.gateways.outward import Route
from adapters.gateways.stripe.errors import KeyUnknown, RequestRefused, of_reply, translated
from adapters.gateways.stripe.objects import Json
from adapters.gateways.stripe.wire import API_ADDRESS, authorities, exchange, headers_for
from application.ports.payment_gateway import (
    CALL_SECONDS,
    LOOKUP_SECONDS,
    GatewayUnavailable,
    KeyRefused,
    LookupRefused,
    OutcomeUnknown,
)

CHECK_SECONDS: Final = 8.0
"""How long each question of a health check may take."""

PAGE: Final = 100  # the maximum; https://docs.stripe.com/api/pagination


@define
class StripeApi:
    """The API of one Stripe account; bound to the event loop that first uses it.

    Raises:
        InvalidSetting: a variable about proxies or authorities cannot be used.
    """

    _key: str = field(repr=False)
    _base_address: str = API_ADDRESS
    _route: Route = field(init=False, repr=False)
    _session: aiohttp.ClientSession | None = field(default=None, init=False, repr=False)
    _headers: Mapping[str, str] = field(init=False, repr=False)

    @_route.default
    def _find_route(self) -> Route:
        return Route.to(self._base_address, authorities())

    @_headers.default
    def _make_headers(self) -> Mapping[str, str]:
        return headers_for(self._key)

    @property
    def livemode(self) -> bool:
        """Whether the key moves real money (https://docs.stripe.com/keys)."""
        return self._key.startswith(("sk_live_", "rk_live_"))

    async def get(self, path: str, within: float = LOOKUP_SECONDS, **params: Any) -> Json:
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
        return await self._send("post", path, within, params, key)

    async def list(self, path: str, **params: Any) -> AsyncIterator[Json]:
        """Yield all objects of a list, newest first.

        Raises:
            RequestRefused, GatewayUnavailable, OutcomeUnknown: see `translated`.
        """
        cursor: str | None = None
        while True:
            items, cursor = await self.page(path, cursor, **params)
            for item in items:
                yield item
            if cursor is None:
                return

    async def page(
        self, path: str, cursor: str | None, **params: Any
    ) -> tuple[Sequence[Json], str | None]:
        """Return a page of a list, newest first, and the cursor of the next one, if there is one.

        Raises:
            RequestRefused, GatewayUnavailable, OutcomeUnknown: see `translated`.
        """
        if cursor is not None:
            params["starting_after"] = cursor
        page = await self.get(path, limit=PAGE, **params)
        items = page.get("data")
        if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
            raise OutcomeUnknown("Stripe's list cannot be read")
        if page.get("has_more") is not True or not items:
            return items, None
        last = items[-1].get("id")
        if not isinstance(last, str):
            raise OutcomeUnknown("Stripe's list has an object without an id")
        return items, last

    async def check(self, *paths: str) -> None:
        """Check that our API key is accepted, and that it may read each of these lists.

        Raises:
            OutcomeUnknown: it may not, or Stripe cannot be reached; in one line.
        """
        async with querying():  # which raises LookupRefused for an unknown key
            problems = await together(*(self._forbidden(path) for path in paths))
        if found := list(filter(None, problems)):
            raise LookupRefused("; ".join(found))

    async def _forbidden(self, path: str) -> str | None:
        """Return why our key may not read a list; None if it may.

        Raises:
            KeyUnknown: it may read none.
            GatewayUnavailable, OutcomeUnknown: see `get`.
        """
        try:
            await self.get(path, within=CHECK_SECONDS, limit=1)
        except KeyUnknown:
            raise
        except KeyRefused as refused:
            return f"{path}: {refused}"
        return None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(
        self,
        method: Literal["get", "post"],
        path: str,
        within: float,
        params: Mapping[str, Any],
        key: str | None = None,
    ) -> Json:
        if self._session is None:
            self._session = self._route.open_session()
        url = self._base_address.rstrip("/") + path
        failure: Exception
        try:
            async with asyncio.timeout(within):
                reply = await exchange(self._session, method, url, self._headers, params, key)
        except Exception as error:
            failure = translated(error)
        else:
            if 200 <= reply.status < 300 and isinstance(reply.body, dict):
                return reply.body
            failure = of_reply(reply)
        # Raised outside of `except`: an error of the client may quote the request, and must not
        # be chained.
        raise failure


@asynccontextmanager
async def bounded(seconds: float = CALL_SECONDS) -> AsyncIterator[TimeLeft]:
    """End a call of the port within this time; yield how much of it is left.

    Raises:
        OutcomeUnknown: the call takes longer.
    """
    try:
        async with asyncio.timeout(seconds):
            yield time_left(seconds)
    except TimeoutError:
        raise OutcomeUnknown("Stripe did not reply in time") from None


@asynccontextmanager
async def querying() -> AsyncIterator[None]:
    """Limit the time of a query, which changes nothing.

    Raises:
        LookupRefused: Stripe refuses it, so that it is useless to ask again.
        OutcomeUnknown: the query fails in any other way.
    """
    try:
        async with bounded(LOOKUP_SECONDS):
            yield
    except (RequestRefused, KeyRefused) as refused:
        raise LookupRefused(str(refused)) from None
    except GatewayUnavailable as error:
        raise OutcomeUnknown(str(error)) from None
