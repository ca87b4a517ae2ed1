"""Those who speak HTTP with the service: customers with the seed's cookie, and an operator."""

import base64
import json
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import jwt
from attrs import frozen

# The longest a charge may take, and the way there and back on a busy machine.
ANSWER_SECONDS: Final = 40.0

PAY: Final = "/api/payments"


class NoAnswer(Exception):
    """The connection broke, or nothing came in time: the customer cannot know what happened."""


@frozen
class Answer:
    """What the service said."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    user_id: str | None = None
    """Who got it."""

    @property
    def body(self) -> Any:
        """Its JSON."""
        return json.loads(self.content)

    @property
    def payment_id(self) -> str:
        """Which payment it is about."""
        return str(self.body["id"])

    @property
    def error(self) -> Any:
        """The first error in it."""
        return self.body["errors"][0]


def cookie(user_id: str, key: str, name: str = "session", **claims: object) -> str:
    """What the seed's auth service sets: cookie-session's unsigned base64 JSON."""
    token = bearer(user_id, key, **claims)
    return f"{name}=" + base64.b64encode(json.dumps({"jwt": token}).encode()).decode()


def bearer(user_id: str, key: str, **claims: object) -> str:
    """The token in it."""
    said = {"id": user_id, "email": f"{user_id}@test.com", "iat": int(time.time()), **claims}
    return jwt.encode(said, key, algorithm="HS256")


class Customers:
    """Requests to any of the replicas. Use it as an async context manager."""

    def __init__(self, addresses: list[str], jwt_key: str, operator_key: str) -> None:
        self._addresses = addresses
        self._jwt_key = jwt_key
        self._operator_key = operator_key

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
            # A replica that dies takes its connections along; the next request needs a new one.
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
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
        self,
        order_id: str,
        user_id: str,
        token: str = "tok_visa",
        *,
        replica: int = 0,
        key: str | None = None,
        patience: float = ANSWER_SECONDS,
        **more: object,
    ) -> Answer:
        """POST a payment as the seed's client does.

        Raises:
            NoAnswer: it hung, or the connection broke.
        """
        body = json.dumps({"token": token, "orderId": order_id, **more}).encode()
        headers = {"Idempotency-Key": key} if key else {}
        return await self.ask(
            "POST", PAY, user_id, body, headers, replica=replica, patience=patience
        )

    async def show(self, payment_id: str, user_id: str, *, replica: int = 0) -> Answer:
        """GET a payment."""
        return await self.ask("GET", f"{PAY}/{payment_id}", user_id, replica=replica)

    async def refund(
        self,
        payment_id: str,
        minor_units: int | None = None,
        *,
        key: str | None = None,
        replica: int = 0,
    ) -> Answer:
        """The operator gives something back."""
        body = json.dumps(
            {"reason": "requested"} | ({} if minor_units is None else {"amount": minor_units})
        )
        headers = {"Authorization": f"Bearer {self._operator_key}"}
        headers |= {"Idempotency-Key": key} if key else {}
        path = f"{PAY}/{payment_id}/refunds"
        return await self.ask("POST", path, None, body.encode(), headers, replica=replica)

    async def ask(
        self,
        method: str,
        path: str,
        user_id: str | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        replica: int = 0,
        patience: float = ANSWER_SECONDS,
    ) -> Answer:
        """Any request; as a user, if one is named.

        Raises:
            NoAnswer: it hung, or the connection broke.
        """
        sent = {"Content-Type": "application/json"} if body is not None else {}
        if user_id is not None:
            sent["Cookie"] = cookie(user_id, self._jwt_key)
        sent |= dict(headers or {})
        try:
            async with self._session.request(
                method,
                f"{self._addresses[replica]}{path}",
                data=body,
                headers=sent,
                timeout=aiohttp.ClientTimeout(total=patience),
            ) as response:
                content = await response.read()
                return Answer(response.status, response.headers, content, user_id)
        except (aiohttp.ClientError, TimeoutError, OSError) as broken:
            raise NoAnswer(type(broken).__name__) from broken
