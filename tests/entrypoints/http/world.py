"""HttpWorld: the in-memory world with the HTTP service in front, and a client with credentials."""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from http import HTTPStatus
from typing import Any, Final

import httpx
import jwt
from attrs import define, evolve, field

from adapters.messaging.in_memory import InMemoryDeadLetters
from adapters.persistence.in_memory import InMemoryPaymentSearch
from application.ports.gateway_notifications import NotificationReader
from application.ports.inbound_events import DeadLetters
from entrypoints.composition.key_sets import fetch_keys_from
from entrypoints.http.app import create_app
from entrypoints.http.dependencies import HttpDependencies
from entrypoints.http.openapi_document import completed
from entrypoints.http.probes import Check
from entrypoints.settings import Settings
from tests.builders import ORDER, PAYER
from tests.entrypoints.http.documented import undocumented
from tests.world import World

Client = httpx.AsyncClient

# As short as in deployments of the reference service.
JWT_KEY: Final = "asdf"
OPERATOR_KEY: Final = "operator-key-of-the-tests"
OPERATOR: Final = {"authorization": f"Bearer {OPERATOR_KEY}"}
SETTINGS: Final = Settings(
    database_url="postgresql://localhost/unused",
    nats_url="nats://localhost",
    jwt_key=JWT_KEY,
    operator_key=OPERATOR_KEY,
    host="127.0.0.1",
    port=0,
)


def a_token(user: str = PAYER, key: str = JWT_KEY, **claims: object) -> str:
    """Return a token as the auth service of the reference shop signs it."""
    ordinary = {"id": user, "email": f"{user}@example.com", "iat": 1_700_000_000}
    return sign_hs256({**ordinary, **claims}, key)


def sign_hs256(claims: object, key: str | bytes, **header: object) -> str:
    """Sign claims with a key of any length."""
    tokens = jwt.PyJWS(algorithms=[])

    class AnyLength(jwt.algorithms.HMACAlgorithm):
        def check_key_length(self, key: bytes) -> None:
            return None

    tokens.register_algorithm("HS256", AnyLength(AnyLength.SHA256))
    return tokens.encode(json.dumps(claims).encode(), key, "HS256", dict(header))


def in_session(token: object) -> str:
    """Return the value of cookie-session's cookie."""
    return base64.b64encode(json.dumps({"jwt": token}).encode()).decode()


def signed_in(user: str = PAYER) -> dict[str, str]:
    """Return the headers of a user who is signed in, as the reference shop's clients send them."""
    return {"cookie": f"session={in_session(a_token(user))}"}


async def check_response(response: httpx.Response) -> None:
    """Check what every response must have, and that every error is an RFC 9457 problem."""
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "no-referrer"
    policy = response.headers["content-security-policy"]
    assert policy == "default-src 'none'; frame-ancestors 'none'"
    assert not [name for name in response.headers if name.startswith("access-control")]
    if response.is_error and response.request.method != "HEAD":
        await response.aread()
        problem, status = response.json(), HTTPStatus(response.status_code)
        assert response.headers["content-type"] == "application/problem+json"
        assert (problem["status"], problem["title"]) == (status, status.phrase)
        assert problem["type"] == "about:blank"
        assert problem["errors"]
    await response.aread()
    assert not undocumented(_document(), response)


@cache
def _document() -> dict[str, Any]:
    """Return the OpenAPI document of a service with every optional route."""
    reader: Any = object()
    app = create_app(HttpWorld(notification_readers={"stripe": reader}).dependencies())
    return completed(app.openapi_schema.to_schema())


EVERY_RESPONSE: Final[Any] = {"response": [check_response]}


@define
class HttpWorld(World):
    """The world and the HTTP service in it."""

    settings: Settings = SETTINGS
    notification_readers: Mapping[str, NotificationReader] = field(factory=dict)
    public_keys: dict[str, str] = field(factory=dict)
    checks: Mapping[str, Check] = field(factory=dict)

    def dependencies(self) -> HttpDependencies:
        return HttpDependencies(
            use_cases=self.use_cases(),
            idempotency_store=self.idempotency_store,
            notification_readers=self.notification_readers,
            public_keys=self.public_keys,
            settings=self.settings,
            alerts=self.alerts,
            checks=self.checks,
            clock=self.now,
            fetch_keys_from=fetch_keys_from,
            search=InMemoryPaymentSearch(self.database),
            open_dead_letters=self.open_dead_letters,
        )

    @asynccontextmanager
    async def open_dead_letters(self) -> AsyncIterator[DeadLetters]:
        yield InMemoryDeadLetters(self.broker)

    def client(self, **settings: Any) -> Client:
        """Return a client of a new process of the service, with some settings changed."""
        self.settings = evolve(self.settings, **settings)
        transport = httpx.ASGITransport(
            create_app(self.dependencies()),  # type: ignore[arg-type]  # Litestar's scopes are narrower
            raise_app_exceptions=False,
        )
        return Client(
            transport=transport,
            base_url="http://payments.test",
            headers={"origin": "https://other.example"},
            event_hooks=EVERY_RESPONSE,
        )


async def pay(
    client: Client,
    token: object = "tok_visa",
    order_id: object = ORDER,
    user: str = PAYER,
    headers: Mapping[str, str] | None = None,
    **fields: object,
) -> httpx.Response:
    """Send `POST /api/payments`; `fields` are more fields of the body."""
    return await client.post(
        "/api/payments",
        json={"token": token, "orderId": order_id, **fields},
        headers={**signed_in(user), **(headers or {})},
    )


def first_error(response: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = response.json()["errors"][0]
    return error


def error_fields(response: httpx.Response) -> set[str]:
    return {error["field"] for error in response.json()["errors"]}
