"""The line to Tillpay: JSON over HTTP, in time, and every failure as what it says about the money."""

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp

from application.ports.payment_gateway import GatewayUnavailable, OutcomeUnknown

Json = Mapping[str, Any]

# Less than the 15 s that a call of the port may take.
CALL_SECONDS = 14.0


class Refused(Exception):
    """Tillpay looked at the request and said no; nothing was done."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Line:
    """One account at Tillpay."""

    def __init__(self, address: str, key: str) -> None:
        self._address = address
        self._headers = {"Authorization": f"Bearer {key}"}
        self._session: aiohttp.ClientSession | None = None

    async def get(self, path: str, wanted: Mapping[str, str]) -> Json:
        """Ask something that changes nothing."""
        return await self._send("GET", path, {}, params=wanted)

    async def post(self, path: str, key: str, body: Json) -> Json:
        """Have something done, once for each key."""
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
                answer: Json = await reply.json()
        except aiohttp.ClientConnectorError:
            raise GatewayUnavailable("no connection to tillpay") from None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise OutcomeUnknown(f"no answer from tillpay: {type(error).__name__}") from None
        if reply.status == 402:
            raise Refused(answer["code"])
        if reply.status != 200:
            raise OutcomeUnknown(f"tillpay answered {reply.status}")
        return answer
