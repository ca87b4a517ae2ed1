"""A service on parts in memory, and the people who ask it for things."""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import httpx
import jwt
from attrs import Factory, define, evolve, field

from adapters.gateways.in_memory import Faults, GatewayLedger, InMemoryGateway
from adapters.messaging.in_memory import InMemoryBroker, InMemoryPublisher
from adapters.persistence.in_memory import (
    InMemoryDatabase,
    InMemoryDeclineCounter,
    InMemoryIdempotencyStore,
    InMemoryOutboxQueue,
)
from application.application import DeclineLimits, Ports, UseCases, compose
from application.ports.gateway_notifications import NotificationReader
from application.ports.unit_of_work import StorageUnavailable
from domain.identifiers import OrderId
from domain.order import Order
from domain.replica import OrderReplica
from entrypoints.http.app import create_app
from entrypoints.http.dependencies import Check, HttpDependencies
from entrypoints.settings import Settings
from entrypoints.trace_context import current_traceparent
from payments_kit.simulation.runtime import charges_at
from tests.builders import NOW, ORDER, PAYER, created_event

# As short as the seed's deployments have them.
JWT_KEY = "asdf"
OPERATOR_KEY = "operator-key-of-the-tests"
SETTINGS = Settings(
    database_url="postgresql://nobody@localhost/none",
    nats_url="nats://localhost",
    jwt_key=JWT_KEY,
    operator_key=OPERATOR_KEY,
    host="127.0.0.1",
    port=0,
)


def a_token(user: str = PAYER, key: str = JWT_KEY, **claims: object) -> str:
    """A token as the seed's auth service signs it."""
    said = {"id": user, "email": f"{user}@example.com", "iat": 1_700_000_000, **claims}
    return unsafe_hs256(said, key)


def unsafe_hs256(claims: Mapping[str, object], key: str, **header: object) -> str:
    """Sign with a key of any length, without the library's warning."""
    tokens = jwt.PyJWS(algorithms=[])

    class Short(jwt.algorithms.HMACAlgorithm):
        def check_key_length(self, key: bytes) -> None:
            return None

    tokens.register_algorithm("HS256", Short(Short.SHA256))
    return tokens.encode(json.dumps(claims).encode(), key, "HS256", dict(header))


def in_session(token: object) -> str:
    """What cookie-session puts into its cookie."""
    return base64.b64encode(json.dumps({"jwt": token}).encode()).decode()


def signed_in(user: str = PAYER, name: str = "session") -> dict[str, str]:
    """The headers of somebody who is signed in, as the seed's clients are."""
    return {"cookie": f"{name}={in_session(a_token(user))}"}


OPERATOR = {"authorization": f"Bearer {OPERATOR_KEY}"}


@define
class World:
    """Everything around the service, and what may go wrong with it."""

    settings: Settings = SETTINGS
    notifications: NotificationReader | None = None
    limits: DeclineLimits = DeclineLimits()
    checks: Mapping[str, Check] = field(factory=dict)
    time: datetime = NOW
    database_is_down: bool = False
    database_fails_at: str | None = None
    database: InMemoryDatabase = Factory(
        lambda self: InMemoryDatabase(self.now, self._database_step), takes_self=True
    )
    ledger: GatewayLedger = Factory(lambda self: GatewayLedger(self.now), takes_self=True)
    faults: Faults = field(factory=Faults)
    gateway: InMemoryGateway = Factory(
        lambda self: InMemoryGateway(self.ledger, self.faults), takes_self=True
    )
    _numbers: Callable[[], int] = Factory(lambda: count(1).__next__)

    def now(self) -> datetime:
        """The time."""
        return self.time

    def pass_time(self, **duration: float) -> None:
        """Let time go by."""
        self.time += timedelta(**duration)

    async def _database_step(self, step: str) -> None:
        if self.database_is_down or step == self.database_fails_at:
            raise StorageUnavailable("the database is down")

    def use_cases(self) -> UseCases:
        """The real use cases, on these parts."""
        broker = InMemoryBroker(self.now)
        ports = Ports(
            begin=lambda: self.database.begin(current_traceparent),
            outbox=InMemoryOutboxQueue(self.database),
            publisher=InMemoryPublisher(broker),
            gateway=self.gateway,
            declines=InMemoryDeclineCounter(self.database),
            now=self.now,
            new_id=lambda: f"id-{self._numbers()}",
            relay_name="relay",
        )
        return compose(ports, self.limits)

    def dependencies(self) -> HttpDependencies:
        """What the service is made of."""
        return HttpDependencies(
            use_cases=self.use_cases(),
            answers=InMemoryIdempotencyStore(self.database),
            notifications=self.notifications,
            settings=self.settings,
            checks=self.checks,
        )

    def client(self, **settings: Any) -> httpx.AsyncClient:
        """A client of the service, with some settings changed."""
        self.settings = evolve(self.settings, **settings)
        transport = httpx.ASGITransport(
            create_app(self.dependencies()),  # type: ignore[arg-type]  # Litestar types its scopes finer
            raise_app_exceptions=False,
        )
        return httpx.AsyncClient(transport=transport, base_url="http://payments.test")

    async def apply(self, *events: OrderReplica) -> None:
        """Have the service hear of orders."""
        await self.use_cases().replicate_order(events or [created_event()])

    def order(self, order_id: str = ORDER) -> Order:
        """What the database says of an order."""
        return self.database.orders[OrderId(order_id)][1]

    @property
    def charges(self) -> int:
        """How many charges stand at the gateway."""
        return len(charges_at(self.ledger))


async def pay(
    client: httpx.AsyncClient,
    token: object = "tok_visa",
    order_id: object = ORDER,
    user: str = PAYER,
    headers: Mapping[str, str] | None = None,
    **more: object,
) -> httpx.Response:
    """Pay for an order as the seed's client does."""
    return await client.post(
        "/api/payments",
        json={"token": token, "orderId": order_id, **more},
        headers={**signed_in(user), **(headers or {})},
    )


def first_error(answer: httpx.Response) -> dict[str, Any]:
    """The first of the errors in an answer."""
    error: dict[str, Any] = answer.json()["errors"][0]
    return error
