"""Compose the HTTP service in memory, for its OpenAPI document: nothing is connected to."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from adapters.clock import utc_now
from adapters.gateways.in_memory import Faults, GatewayLedger, InMemoryGateway
from adapters.identifiers import new_id
from adapters.messaging.in_memory import InMemoryBroker, InMemoryDeadLetters, InMemoryPublisher
from adapters.persistence.in_memory import (
    InMemoryAlertStore,
    InMemoryBooks,
    InMemoryDatabase,
    InMemoryDeclineCounter,
    InMemoryDifferences,
    InMemoryIdempotencyStore,
    InMemoryOrderHistories,
    InMemoryOutboxQueue,
    InMemoryPaymentPages,
    InMemoryPaymentSearch,
    InMemoryUnusableNotifications,
)
from application.application import Ports, compose
from application.ports.gateway_notifications import InvalidNotification, Notification
from application.ports.gateways import ConfiguredGateway, Gateways
from application.ports.inbound_events import DeadLetters
from application.throttled_alerts import ThrottledAlerts
from entrypoints.composition.key_sets import fetch_keys_from
from entrypoints.http.app import create_app
from entrypoints.http.dependencies import HttpDependencies
from entrypoints.http.openapi_document import Json, completed
from entrypoints.logs import redact
from entrypoints.settings import Settings

_SETTINGS: Final = Settings(
    database_url="postgresql://localhost/unused",
    nats_url="nats://localhost",
    jwt_key="unused",
    operator_key="unused",
)


def document_of_http() -> Json:
    """Return the OpenAPI document of a service with every optional route."""
    return completed(create_app(_dependencies()).openapi_schema.to_schema())


class _NoNotifications:
    """Reads the notifications of a gateway, of which there are none."""

    async def read(self, body: bytes, headers: Mapping[str, str]) -> Notification:
        return self.read_verified(body)

    def read_verified(self, body: bytes) -> Notification:
        raise InvalidNotification("none is expected")


async def _proceed(_step: str) -> None:
    return None


def _dependencies() -> HttpDependencies:
    database, broker = InMemoryDatabase(utc_now, _proceed), InMemoryBroker(utc_now, _proceed)
    gateway = InMemoryGateway(GatewayLedger(utc_now), Faults(), _proceed)
    alerts = ThrottledAlerts(InMemoryAlertStore(database), lambda: utc_now().timestamp(), redact)
    ports = Ports(
        begin=database.begin,
        outbox=InMemoryOutboxQueue(database),
        publisher=InMemoryPublisher(broker),
        gateways=Gateways((ConfiguredGateway(gateway, gateway.name),)),
        declines=InMemoryDeclineCounter(database),
        now=utc_now,
        new_id=new_id,
        relay_name="document",
        alerts=alerts,
        unusable=InMemoryUnusableNotifications(database),
        books=InMemoryBooks(database),
        differences=InMemoryDifferences(database),
        payment_pages=InMemoryPaymentPages(database),
        histories=InMemoryOrderHistories(database),
    )

    @asynccontextmanager
    async def open_dead_letters() -> AsyncIterator[DeadLetters]:
        yield InMemoryDeadLetters(broker)

    return HttpDependencies(
        use_cases=compose(ports),
        idempotency_store=InMemoryIdempotencyStore(database),
        settings=_SETTINGS,
        alerts=alerts,
        clock=utc_now,
        fetch_keys_from=fetch_keys_from,
        open_dead_letters=open_dead_letters,
        search=InMemoryPaymentSearch(database),
        notification_readers={gateway.name: _NoNotifications()},
    )
