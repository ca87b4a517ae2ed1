"""PayPal's API and the control API over HTTP, for the tests of this folder."""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import aiohttp

from payments_kit.doubles.paypal import CLIENT_ID, CLIENT_SECRET

# Every wait has a limit; on a quiet machine these take milliseconds.
SECONDS = 60.0
ORDERS, PAYMENTS = "/v2/checkout/orders", "/v2/payments"
RETURN_URL, CANCEL_URL = "https://shop.example/return?order=1", "https://shop.example/cancel"


def usd(value: str) -> dict[str, str]:
    return {"currency_code": "USD", "value": value}


def an_order(intent: str = "CAPTURE", amount: Any = None, **unit: Any) -> dict[str, Any]:
    """The body of an order with one purchase unit, as PayPal's documentation shows it."""
    context = {"return_url": RETURN_URL, "cancel_url": CANCEL_URL, "user_action": "PAY_NOW"}
    return {
        "intent": intent,
        "purchase_units": [{"amount": amount or usd("100.00"), **unit}],
        "payment_source": {"paypal": {"experience_context": context}},
    }


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true."""
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)


class Api:
    """A client with an access token."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.session = session
        self.token = ""
        self.headers: dict[str, str] = {}
        """The headers of the latest reply."""
        self.keys = 0

    async def sign_in(self) -> None:
        given = await self.ask_for_token(CLIENT_ID, CLIENT_SECRET)
        self.token = given["access_token"]

    async def ask_for_token(
        self, client: str, secret: str, status: int = 200, grant: str = "client_credentials"
    ) -> Any:
        """Use the token endpoint."""
        encoded = base64.b64encode(f"{client}:{secret}".encode()).decode()
        async with self.session.post(
            f"{self.url}/v1/oauth2/token",
            data={"grant_type": grant},
            headers={"Authorization": f"Basic {encoded}"},
        ) as reply:
            assert reply.status == status, await reply.text()
            return await reply.json()

    async def __call__(
        self, method: str, path: str, status: int = 200, body: Any = None, **headers: str
    ) -> Any:
        """Send a request, and return the JSON of its reply, or None if it has none."""
        sent = {"Authorization": f"Bearer {self.token}", "Prefer": "return=representation"}
        if method != "GET":
            sent["Content-Type"] = "application/json"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in sent.items() if value}
        data = body if isinstance(body, bytes) else _encoded(body)
        async with self.session.request(
            method, f"{self.url}{path}", headers=sent, data=data
        ) as reply:
            text = await reply.text()
            self.headers = dict(reply.headers)
            assert reply.status == status, text
            return await reply.json() if text else None

    async def issue(
        self, method: str, path: str, status: int, body: Any = None, **more: str
    ) -> Any:
        """Send a request that is refused, and return the issue and its field."""
        error = await self(method, path, status, body, **more)
        assert error["debug_id"] == self.headers["Paypal-Debug-Id"]
        detail = error["details"][0]
        return detail["issue"], detail.get("field")

    def new_key(self) -> str:
        self.keys += 1
        return f"key-{self.keys}"

    async def order(self, *args: Any, **unit: Any) -> Any:
        """Create an order."""
        return await self(
            "POST", ORDERS, 201, an_order(*args, **unit), PayPal_Request_Id=self.new_key()
        )

    async def approved(self, *args: Any, instrument: str = "balance", **unit: Any) -> str:
        """Create an order that its customer approves, and return its id."""
        order = await self.order(*args, **unit)
        await self.control("POST", "approve", order=order["id"], instrument=instrument)
        return str(order["id"])

    async def captured(self, *args: Any, **unit: Any) -> Any:
        """Create, approve and capture an order, and return the capture."""
        order_id = await self.approved(*args, **unit)
        order = await self("POST", f"{ORDERS}/{order_id}/capture", 201)
        return order["purchase_units"][0]["payments"]["captures"][0]

    async def authorized(self, **unit: Any) -> Any:
        """Create, approve and authorize an order, and return the authorization."""
        order_id = await self.approved("AUTHORIZE", **unit)
        order = await self("POST", f"{ORDERS}/{order_id}/authorize", 201)
        return order["purchase_units"][0]["payments"]["authorizations"][0]

    async def control(self, method: str, path: str, status: int = 200, /, **body: Any) -> Any:
        """Use the control API, as another process does."""
        url = f"{self.url}/_double/{path}"
        async with self.session.request(method, url, json=body or None) as reply:
            assert reply.status == status, await reply.text()
            return await reply.json()


def _encoded(body: Any) -> bytes | None:
    return None if body is None else json.dumps(body).encode()
