"""StripeControl: the control API of the Stripe double, which runs in its own process."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
from attrs import define, field

from tests.system.waiting import eventually

# The requests that move money, as opposed to those that prepare or read.
CHARGES: Final = r"^/v1/(payment_intents|charges)$"
REFUNDS: Final = r"^/v1/refunds$"

# A charge that is executed when the test releases it.
HELD: Final[Mapping[str, Any]] = {"kind": "slow", "seconds": 600}

DEFAULT_DELIVERY: Final = {"paused": False, "duplicate": 1, "reorder": False}


@define
class StripeControl:
    """A client of the control API."""

    session: aiohttp.ClientSession
    url: str
    webhook_secret: str
    _counts_before: dict[str, int] = field(factory=dict)
    _deliveries_before: int = 0

    async def control(self, method: str, path: str, /, **body: Any) -> Any:
        """Call the control API; return its JSON."""
        url = f"{self.url}/_double/{path}"
        async with self.session.request(method, url, json=body or None) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def add_fault(self, kind: str, path: str = CHARGES, **more: Any) -> None:
        """Make the next request to that path fail; the double's faults.py lists the kinds.

        The default are requests that charge, not those that list what was charged.
        """
        if path == CHARGES:
            more.setdefault("method", "POST")
        self._counts_before[kind] = (await self.fault_counts()).get(kind, 0)
        await self.control("POST", "faults", kind=kind, path=path, **more)

    async def wait_for_fault(self, kind: str) -> None:
        """Wait until the fault of this kind that was added last has occurred."""

        async def has_occurred() -> None:
            assert (await self.fault_counts()).get(kind, 0) > self._counts_before[kind], kind

        await eventually(has_occurred)

    async def release(self) -> None:
        """Let the slow requests that have arrived be executed now."""
        await self.control("POST", "release")

    async def clear_faults(self) -> None:
        await self.control("DELETE", "faults")

    async def fault_counts(self) -> dict[str, int]:
        return dict((await self.control("GET", "faults"))["happened"])

    async def charges(self, order_id: str) -> list[Any]:
        return await self._succeeded("charges", order_id)

    async def refunds(self, order_id: str) -> list[Any]:
        return await self._succeeded("refunds", order_id)

    async def _succeeded(self, kind: str, order_id: str) -> list[Any]:
        """Return the charges or refunds of an order that moved money."""
        return [
            each
            for each in (await self.control("GET", "ledger"))[kind]
            if each["metadata"].get("order_id") == order_id
            and each["status"] == "succeeded"
            and each.get("captured", True)
        ]

    async def charge_keys(self, order_id: str) -> list[str]:
        """Return the idempotency key of every request that could charge this order."""
        recent = (await self.control("GET", "requests"))["recent"]
        return [
            each["key"]
            for each in recent
            if each["method"] == "POST"
            and re.search(CHARGES, each["path"])
            and f"'order_id': '{order_id}'" in str(each.get("params"))
        ]

    async def authenticate(self, payment_intent: str, result: str = "succeeded") -> None:
        """Complete the customer's authentication at their bank."""
        authentication = {"payment_intent": payment_intent, "result": result}
        await self.control("POST", "complete_authentication", **authentication)

    async def confirmation_token(self, method: Mapping[str, str]) -> str:
        """Return what Stripe's script makes of what the customer entered."""
        made = await self.request("test_helpers/confirmation_tokens", urlencode(method))
        return str(made["id"])

    async def answer_bank(self, address: str, result: str = "succeeded") -> str:
        """Answer on the page of the bank; return where it sends the customer."""
        url = f"{address}?result={result}"
        async with self.session.get(url, allow_redirects=False) as sent:
            return sent.headers["Location"]

    async def finish_debits(self, order_id: str, result: str = "succeeded") -> None:
        """Let the bank decide about the debits of an order."""
        for charge in (await self.control("GET", "ledger"))["charges"]:
            if charge["metadata"].get("order_id") == order_id and charge["status"] == "pending":
                await self.control("POST", "finish", charge=charge["id"], result=result)

    async def charge_externally(self, form: str) -> None:
        """Charge on the same account from outside the service."""
        await self.request("charges", form)

    async def request(self, path: str, form: str = "") -> Any:
        """Send a request to the account from outside the service, as its dashboard does."""
        headers = {
            "Authorization": "Bearer sk_test_external",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        url = f"{self.url}/v1/{path}"
        async with self.session.post(url, data=form.encode(), headers=headers) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def listed(self, path: str) -> list[Any]:
        """Return what a list of the account contains, as its owner exports it."""
        headers = {"Authorization": "Bearer sk_test_external"}
        url = f"{self.url}/v1/{path}?limit=100"
        async with self.session.get(url, headers=headers) as response:
            assert response.status == 200, await response.text()
            found: list[Any] = (await response.json())["data"]
            return found

    @asynccontextmanager
    async def webhooks_to(
        self, address: str, *, secret: str | None = None, **delivery: Any
    ) -> AsyncIterator[None]:
        """Send webhooks to a `serve` process; `delivery` are changes of DEFAULT_DELIVERY."""
        self._deliveries_before += len(await self.deliveries())
        await self.control("POST", "webhooks/delivery", **(DEFAULT_DELIVERY | delivery))
        url = f"{address}/api/payments/webhooks/stripe"
        await self.control("POST", "webhooks", url=url, secret=secret or self.webhook_secret)
        try:
            yield
        finally:
            await self.control("DELETE", "webhooks")
            await self.control("POST", "webhooks/delivery", **DEFAULT_DELIVERY)

    async def deliveries(self) -> list[Any]:
        """Return the deliveries since `webhooks_to` began."""
        every: list[Any] = (await self.control("GET", "webhooks"))["deliveries"]
        return every[self._deliveries_before :]

    async def deliver(self, **delivery: Any) -> set[int]:
        """Deliver now what is waiting, or `events`; return the last HTTP status of each."""
        delivered = (await self.control("POST", "deliver", **delivery))["deliveries"]
        return {each["statuses"][-1] for each in delivered}

    async def wait_for_deliveries(self) -> None:
        async def all_are_accepted() -> None:
            states = {each["state"] for each in await self.deliveries()}
            assert states == {"delivered"}, states

        await eventually(all_are_accepted)
