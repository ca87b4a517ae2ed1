"""The Stripe double in its own process, ruled over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from tests.system.waiting import until

# What moves money, and nothing that prepares or looks at it.
CHARGES: Final = r"^/v1/(payment_intents|charges)$"
REFUNDS: Final = r"^/v1/refunds$"

# It answers in milliseconds; while it is frozen nobody asks it.
ANSWER_SECONDS: Final = 30.0


class Gateway:
    """The control API of the double. Use it as an async context manager."""

    def __init__(self, url: str, webhook_secret: str) -> None:
        self._url = url
        self._secret = webhook_secret
        self._before: dict[str, int] = {}
        self._delivered_before = 0

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
            connector=aiohttp.TCPConnector(force_close=True),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def tell(self, method: str, control: str, /, **body: Any) -> Any:
        """Have it do something; its answer."""
        async with self._session.request(
            method, f"{self._url}/_double/{control}", json=body or None
        ) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def fail(self, kind: str, path: str = CHARGES, **more: Any) -> None:
        """Let the next request on that path go wrong; see the double's faults.py for the kinds."""
        self._before[kind] = (await self.happened()).get(kind, 0)
        await self.tell("POST", "faults", kind=kind, path=path, **more)

    async def struck(self, kind: str) -> None:
        """Wait until the fault asked for last has come about."""

        async def look() -> None:
            assert (await self.happened()).get(kind, 0) > self._before[kind], f"no {kind} yet"

        await until(look)

    async def heal(self) -> None:
        """Let nothing go wrong any more."""
        await self.tell("DELETE", "faults")

    async def happened(self) -> dict[str, int]:
        """How often each fault really happened."""
        return dict((await self.tell("GET", "faults"))["happened"])

    async def charges(self, order_id: str) -> list[Any]:
        """The charges that took money for an order."""
        return [
            charge
            for charge in (await self.tell("GET", "ledger"))["charges"]
            if charge["metadata"].get("order_id") == order_id and charge["status"] == "succeeded"
        ]

    async def refunds(self, order_id: str) -> list[Any]:
        """The refunds that gave money of an order back."""
        return [
            refund
            for refund in (await self.tell("GET", "ledger"))["refunds"]
            if refund["metadata"].get("order_id") == order_id and refund["status"] == "succeeded"
        ]

    async def authenticate(self, reference: str, result: str = "succeeded") -> None:
        """The customer has been with their bank."""
        await self.tell("POST", "complete_authentication", payment_intent=reference, result=result)

    async def charge_by_hand(self, form: bytes) -> None:
        """Somebody else charges on the same account."""
        headers = {
            "Authorization": "Bearer sk_test_somebodyElse",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        async with self._session.post(
            f"{self._url}/v1/charges", data=form, headers=headers
        ) as answer:
            assert answer.status == 200, await answer.text()

    @asynccontextmanager
    async def notifying(
        self, address: str, *, secret: str | None = None, **manner: Any
    ) -> AsyncIterator[None]:
        """Have notices sent to a replica, in the manner asked for, until the block ends."""
        ordinary = {
            "paused": False,
            "duplicate": 1,
            "delay": 0.0,
            "reorder": False,
            "forged": None,
        }
        url = f"{address}/api/payments/webhooks/stripe"
        self._delivered_before += len(await self.deliveries())
        await self.tell("POST", "webhooks/manner", **(ordinary | manner))
        await self.tell("POST", "webhooks", url=url, secret=secret or self._secret)
        try:
            yield
        finally:
            await self.tell("DELETE", "webhooks")
            await self.tell("POST", "webhooks/manner", **ordinary)

    async def deliveries(self, kind: str = "") -> list[Any]:
        """What became of the notices since `notifying` began; of those of one kind."""
        found = (await self.tell("GET", "webhooks"))["deliveries"][self._delivered_before :]
        return [each for each in found if each["type"].startswith(kind)]
