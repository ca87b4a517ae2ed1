"""ApiClient: requests of customers and of an operator to the HTTP service."""

import base64
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import aiohttp
import jwt
from attrs import frozen

# Longer than the longest charge, and the network on a busy machine.
RESPONSE_SECONDS: Final = 40.0

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
    """The user who received it."""

    @property
    def body(self) -> Any:
        """The JSON body."""
        return json.loads(self.content)

    @property
    def payment_id(self) -> str:
        """The id of the payment in the body."""
        return str(self.body["id"])

    @property
    def error_code(self) -> str:
        """The code of the first error."""
        return str(self.body["errors"][0]["code"])


def session_cookie(user_id: str, key: str) -> str:
    """Return the shop's session cookie: cookie-session's unsigned base64 JSON."""
    claims = {"id": user_id, "email": f"{user_id}@test.com", "iat": int(time.time())}
    session = json.dumps({"jwt": jwt.encode(claims, key, algorithm="HS256")})
    return "session=" + base64.b64encode(session.encode()).decode()


@frozen
class ApiClient:
    """A client of every `serve` process; the argument `serve` is the index of one.

    Every request raises NoResponse if the connection breaks or times out.
    """

    session: aiohttp.ClientSession
    addresses: Sequence[str]
    jwt_key: str
    operator_key: str

    async def pay(
        self,
        order_id: str,
        user_id: str,
        token: str = "tok_visa",
        *,
        serve: int = 0,
        key: str | None = None,
        timeout: float = RESPONSE_SECONDS,
    ) -> Response:
        """Pay for an order; `key` is the Idempotency-Key."""
        body = {"token": token, "orderId": order_id}
        headers = {"Cookie": session_cookie(user_id, self.jwt_key)}
        headers |= {"Idempotency-Key": key} if key else {}
        return await self._send("POST", PAYMENTS, headers, serve, body, user_id, timeout)

    async def refund(
        self, payment_id: str, minor_units: int | None = None, *, serve: int = 0
    ) -> Response:
        """Refund a payment as the operator: so many minor units, or all that is left."""
        body: dict[str, object] = {"reason": "requested"}
        body |= {} if minor_units is None else {"amount": minor_units}
        headers = {"Authorization": f"Bearer {self.operator_key}"}
        return await self._send("POST", f"{PAYMENTS}/{payment_id}/refunds", headers, serve, body)

    async def get(self, path: str) -> Response:
        """Read a public path."""
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
        try:
            async with self.session.request(
                method,
                f"{self.addresses[serve]}{path}",
                json=body,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=timeout),
            ) as response:
                content = await response.read()
                return Response(response.status, response.headers, content, user_id)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NoResponse(type(error).__name__) from error
