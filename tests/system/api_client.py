"""ApiClient: requests of customers and of an operator to the HTTP service."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import aiohttp
from attrs import frozen

from tests.entrypoints.http.world import a_token, in_session

# Longer than the longest charge (30 s), also on a busy machine.
RESPONSE_SECONDS: Final = 120.0

PAYMENTS: Final = "/api/payments"


class NoResponse(Exception):
    """The connection broke or timed out: the client does not know what happened."""


@frozen
class Response:
    """One HTTP response."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    user_id: str | None = None

    @property
    def body(self) -> Any:
        return json.loads(self.content)

    @property
    def payment_id(self) -> str:
        return str(self.body["id"])

    @property
    def error_code(self) -> str:
        return str(self.body["errors"][0]["code"])


@frozen
class ApiClient:
    """A client of every `serve` process; the argument `serve` is the index of one."""

    session: aiohttp.ClientSession
    addresses: Sequence[str]
    jwt_key: str
    operator_key: str
    user_id: str
    """The customer, whom no other test has."""

    async def pay(
        self,
        order_id: str,
        token: str = "tok_visa",
        *,
        user_id: str | None = None,
        serve: int = 0,
        key: str | None = None,
        timeout: float = RESPONSE_SECONDS,
        return_url: str | None = None,
        gateway: str | None = None,
    ) -> Response:
        """Pay for an order; `key` is the Idempotency-Key."""
        user = user_id or self.user_id
        body = {"token": token, "orderId": order_id}
        body |= {} if return_url is None else {"returnUrl": return_url}
        body |= {} if gateway is None else {"gateway": gateway}
        headers = {"Cookie": f"session={in_session(a_token(user, self.jwt_key))}"}
        headers |= {"Idempotency-Key": key} if key else {}
        return await self._send("POST", PAYMENTS, headers, serve, body, user, timeout)

    async def create_session(self, order_id: str, gateway: str, return_url: str) -> Response:
        """Create what the customer approves at a gateway."""
        body = {"orderId": order_id, "gateway": gateway}
        body |= {"returnUrl": return_url, "cancelUrl": return_url}
        headers = {"Cookie": f"session={in_session(a_token(self.user_id, self.jwt_key))}"}
        path = f"{PAYMENTS}/sessions"
        return await self._send("POST", path, headers, 0, body, self.user_id, RESPONSE_SECONDS)

    async def options(self, order_id: str, *, serve: int = 0) -> Response:
        """Ask how an order may be paid, as its customer."""
        headers = {"Cookie": f"session={in_session(a_token(self.user_id, self.jwt_key))}"}
        return await self._send("GET", f"{PAYMENTS}/options?orderId={order_id}", headers, serve)

    async def refund(
        self,
        payment_id: str,
        minor_units: int | None = None,
        *,
        key: str | None = None,
        serve: int = 0,
    ) -> Response:
        """Refund a payment as the operator: so many minor units, or all that is left."""
        body: dict[str, object] = {"reason": "requested"}
        body |= {} if minor_units is None else {"amount": minor_units}
        headers = {"Authorization": f"Bearer {self.operator_key}"}
        headers |= {} if key is None else {"Idempotency-Key": key}
        return await self._send("POST", f"{PAYMENTS}/{payment_id}/refunds", headers, serve, body)

    async def cancel(self, payment_id: str, *, serve: int = 0) -> Response:
        """Cancel a payment as its customer."""
        headers = {"Cookie": f"session={in_session(a_token(self.user_id, self.jwt_key))}"}
        return await self._send("POST", f"{PAYMENTS}/{payment_id}/cancel", headers, serve, {})

    async def capture(
        self, payment_id: str, minor_units: int | None = None, *, serve: int = 0
    ) -> Response:
        """Capture an authorization as the operator: so many minor units, or all of it."""
        body = {} if minor_units is None else {"amount": minor_units}
        headers = {"Authorization": f"Bearer {self.operator_key}"}
        return await self._send("POST", f"{PAYMENTS}/{payment_id}/captures", headers, serve, body)

    async def void(self, payment_id: str, *, serve: int = 0) -> Response:
        """Release an authorization as the operator."""
        headers = {"Authorization": f"Bearer {self.operator_key}"}
        return await self._send("POST", f"{PAYMENTS}/{payment_id}/void", headers, serve, {})

    async def get(self, path: str) -> Response:
        return await self._send("GET", path, {}, 0)

    async def _send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        serve: int,
        body: object | None = None,
        user_id: str | None = None,
        timeout: float = RESPONSE_SECONDS,
    ) -> Response:
        url, limit = f"{self.addresses[serve]}{path}", aiohttp.ClientTimeout(total=timeout)
        try:
            async with self.session.request(
                method, url, json=body, headers=headers, timeout=limit
            ) as response:
                content = await response.read()
                return Response(response.status, response.headers, content, user_id)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NoResponse(type(error).__name__) from error
