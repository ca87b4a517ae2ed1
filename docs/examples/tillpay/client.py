"""Tillpay's API over HTTP, with a time limit and an error for each kind of failure."""

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp

from application.ports.payment_gateway import GatewayUnavailable, KeyRefused, OutcomeUnknown

Json = Mapping[str, Any]

# Less than the 15 s that a call of the port may take; Tillpay's banks answer within 5 s.
CALL_SECONDS = 8.0


class RequestRefused(Exception):
    """Tillpay refused the request; nothing was done."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Client:
    """The API of one Tillpay account."""

    def __init__(self, address: str, key: str) -> None:
        self._address = address
        self._headers = {"Authorization": f"Bearer {key}"}
        self._session: aiohttp.ClientSession | None = None

    async def get(self, path: str, query: Mapping[str, str]) -> Json:
        """Send a request that changes nothing."""
        return await self._send("GET", path, {}, params=query)

    async def post(self, path: str, key: str, body: Json) -> Json:
        """Send a request that is executed once for each key."""
        return await self._send("POST", path, {"Idempotency-Key": key}, json=body)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str], **content: Any
    ) -> Json:
        if self._session is None:
            self._session = aiohttp.ClientSession(self._address, headers=self._headers)
        try:
            async with (
                asyncio.timeout(CALL_SECONDS),
                self._session.request(method, path, headers=headers, **content) as reply,
            ):
                body: Json = await reply.json()
        except aiohttp.ClientConnectorError:
            raise GatewayUnavailable("no connection to Tillpay") from None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise OutcomeUnknown(f"no reply from Tillpay: {type(error).__name__}") from None
        if reply.status == 402:
            raise RequestRefused(body["code"])
        if reply.status in (401, 403):
            raise KeyRefused(f"Tillpay refuses our key: {reply.status}")
        if reply.status == 429:
            raise GatewayUnavailable("too many requests")
        if reply.status != 200:
            raise OutcomeUnknown(f"Tillpay replied {reply.status}")
        return body
