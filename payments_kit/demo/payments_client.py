"""PaymentsClient: the HTTP API of the payments service, as customers and operators use it."""

import base64
import json
import time
from collections.abc import Mapping
from typing import Any, Final, Self

import aiohttp
import jwt
from attrs import field, frozen

# Above the 15 s that a gateway call may take.
REPLY_SECONDS: Final = 20.0
NO_BODY: Final[Mapping[str, Any]] = {}


@frozen
class Customer:
    """A signed-in customer of the shop."""

    id: str
    email: str


CUSTOMER: Final = Customer("demo-customer", "customer@example.com")
OTHER_CUSTOMER: Final = Customer("demo-other-customer", "other@example.com")


@frozen
class Keys:
    """The secrets of one demo."""

    jwt_key: str = field(repr=False)
    operator_key: str = field(repr=False)

    def token(self, customer: Customer) -> str:
        """Return a JWT of a customer."""
        claims = {"id": customer.id, "email": customer.email, "iat": int(time.time())}
        return jwt.encode(claims, self.jwt_key, algorithm="HS256")

    def session(self, customer: Customer) -> str:
        """Return a session cookie in the reference service's format: unsigned cookie-session."""
        session = json.dumps({"jwt": self.token(customer)}).encode()
        return "session=" + base64.b64encode(session).decode()


@frozen
class HttpReply:
    """A response of the service."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Mapping[str, Any]:
        """The content if it is a JSON object, else empty."""
        try:
            body = json.loads(self.content)
        except ValueError:
            return NO_BODY
        return body if isinstance(body, dict) else NO_BODY

    @property
    def error(self) -> Mapping[str, Any]:
        """The first error in the body, else empty."""
        errors = self.body.get("errors")
        return errors[0] if isinstance(errors, list) and errors else NO_BODY


class PaymentsClient:
    """A client of the service. Use it as an async context manager.

    Every method raises aiohttp.ClientError or TimeoutError if the service does not respond.
    """

    def __init__(self, address: str, keys: Keys) -> None:
        self.address = address
        self.keys = keys

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            self.address,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=REPLY_SECONDS),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def pay(
        self, order_id: str, token: str, customer: Customer = CUSTOMER, **fields: object
    ) -> HttpReply:
        """Pay an order; `fields` are added to the request body."""
        body = json.dumps({"token": token, "orderId": order_id, **fields}).encode()
        return await self.send("POST", "/api/payments", body, customer)

    async def open_session(
        self, order_id: str, gateway: str, return_url: str, cancel_url: str
    ) -> HttpReply:
        """Open a session, which the customer approves before the order is paid with its token."""
        addresses = {"returnUrl": return_url, "cancelUrl": cancel_url}
        body = json.dumps({"orderId": order_id, "gateway": gateway, **addresses}).encode()
        return await self.send("POST", "/api/payments/sessions", body)

    async def get_payment(self, payment_id: str) -> HttpReply:
        """Return a payment."""
        return await self.send("GET", f"/api/payments/{payment_id}")

    async def cancel(self, payment_id: str) -> HttpReply:
        """Cancel a payment that waits for its customer or its money."""
        return await self.send("POST", f"/api/payments/{payment_id}/cancel")

    async def void(self, payment_id: str) -> HttpReply:
        """Release the money that is held, as the operator."""
        return await self._operate(payment_id, "void", {})

    async def refund(self, payment_id: str, minor_units: int | None = None) -> HttpReply:
        """Refund an amount in minor units, or all that is left, as the operator."""
        amount = {} if minor_units is None else {"amount": minor_units}
        return await self._operate(payment_id, "refunds", {**amount, "reason": "demo"})

    async def _operate(
        self, payment_id: str, action: str, fields: Mapping[str, object]
    ) -> HttpReply:
        headers = {"Authorization": f"Bearer {self.keys.operator_key}"}
        body = json.dumps(fields).encode()
        return await self._request("POST", f"/api/payments/{payment_id}/{action}", body, headers)

    async def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        customer: Customer = CUSTOMER,
        headers: Mapping[str, str] = NO_BODY,
    ) -> HttpReply:
        """Send a request as a signed-in customer."""
        signed_in = {"Cookie": self.keys.session(customer), **headers}
        return await self._request(method, path, body, signed_in)

    async def _request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> HttpReply:
        if body is not None:
            headers = {"Content-Type": "application/json", **headers}
        async with self._session.request(
            method, path, data=body, headers=headers, skip_auto_headers=["Content-Type"]
        ) as response:
            return HttpReply(response.status, dict(response.headers), await response.read())
