"""The payments service as a shop's customer and its operator reach it: over HTTP."""

import base64
import json
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import jwt
from attrs import field, frozen

# Above the 15 s that a gateway call may take; the service's own promise is less.
ANSWER_SECONDS: Final = 20.0
NO_BODY: Final[Mapping[str, Any]] = {}


@frozen
class Customer:
    """Someone signed in to the shop."""

    id: str
    email: str


CUSTOMER: Final = Customer("demo-customer", "customer@example.com")
STRANGER: Final = Customer("demo-stranger", "stranger@example.com")


@frozen
class Keys:
    """The secrets of one demo."""

    jwt_key: str = field(repr=False)
    operator_key: str = field(repr=False)

    def session(self, customer: Customer) -> str:
        """The session cookie as the seed's auth service sets it: cookie-session, unsigned."""
        claims = {"id": customer.id, "email": customer.email, "iat": int(time.time())}
        token = jwt.encode(claims, self.jwt_key, algorithm="HS256")
        return "session=" + base64.b64encode(json.dumps({"jwt": token}).encode()).decode()


@frozen
class Answer:
    """What the service said."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Mapping[str, Any]:
        """The content, where it is a JSON object."""
        try:
            body = json.loads(self.content)
        except ValueError:
            return NO_BODY
        return body if isinstance(body, dict) else NO_BODY

    @property
    def error(self) -> Mapping[str, Any]:
        """The first error in it."""
        errors = self.body.get("errors")
        return errors[0] if isinstance(errors, list) and errors else NO_BODY


class PaymentsService:
    """A connection to the service. Use it as an async context manager.

    Every method raises aiohttp.ClientError or TimeoutError where no answer comes.
    """

    def __init__(self, address: str, keys: Keys) -> None:
        self._address = address
        self._keys = keys

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            self._address,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def pay(
        self, order_id: str, token: str, customer: Customer = CUSTOMER, **more: object
    ) -> Answer:
        """Have a customer pay an order with a card."""
        body = json.dumps({"token": token, "orderId": order_id, **more}).encode()
        return await self.ask("POST", "/api/payments", body, customer)

    async def show(self, payment_id: str) -> Answer:
        """Look at a payment."""
        return await self.ask("GET", f"/api/payments/{payment_id}")

    async def refund(self, payment_id: str, minor_units: int) -> Answer:
        """Have the operator give so many minor units back."""
        body = json.dumps({"amount": minor_units, "reason": "demo"}).encode()
        headers = {"Authorization": f"Bearer {self._keys.operator_key}"}
        return await self._send("POST", f"/api/payments/{payment_id}/refunds", body, headers)

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        customer: Customer = CUSTOMER,
        headers: Mapping[str, str] = NO_BODY,
    ) -> Answer:
        """Send any request as a customer."""
        signed_in = {"Cookie": self._keys.session(customer), **headers}
        return await self._send(method, path, body, signed_in)

    async def _send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        if body is not None:
            headers = {"Content-Type": "application/json", **headers}
        async with self._session.request(method, path, data=body, headers=headers) as response:
            return Answer(response.status, dict(response.headers), await response.read())
