"""`POST /api/payments/webhooks/stripe`: notifications of the gateway."""

from collections.abc import AsyncIterator

import pytest
from attrs import frozen

from adapters.gateways.in_memory import GatewayFaultKind
from application.ports.gateway_notifications import (
    InvalidNotification,
    Notification,
    PaymentNotification,
    UnrelatedNotification,
)
from domain.identifiers import PaymentId
from domain.payment import PaymentStatus
from tests.builders import charged
from tests.entrypoints.http.world import Client, HttpWorld, pay

PATH = "/api/payments/webhooks/stripe"


@frozen
class PlainNotificationReader:
    """Reads `<notification id> <id of a charged payment>`, with the signature `signed`."""

    def read(self, body: bytes, signature: str) -> Notification:
        if signature != "signed":
            raise InvalidNotification("signature")
        notification_id, _, payment_id = body.decode().partition(" ")
        if not payment_id:
            return UnrelatedNotification(notification_id)
        return PaymentNotification(notification_id, PaymentId(payment_id), charged(payment_id))


@pytest.fixture
async def client(world: HttpWorld) -> AsyncIterator[Client]:
    world.notification_reader = PlainNotificationReader()
    async with world.client() as client:
        yield client


async def notify(client: Client, content: bytes, signature: str | None = "signed") -> int:
    """Send a notification; return the status."""
    headers = {} if signature is None else {"stripe-signature": signature}
    response = await client.post(PATH, content=content, headers=headers)
    if response.status_code == 200:
        assert response.json() == {"received": True}
    return response.status_code


async def test_a_notification_settles_a_payment_with_an_unknown_outcome_once(
    client: Client, world: HttpWorld
) -> None:
    world.faults.add("charge", GatewayFaultKind.REQUEST_LOST)
    payment_id = (await pay(client)).json()["id"]

    for _ in range(2):
        assert await notify(client, f"evt_1 {payment_id}".encode()) == 200
    assert world.payment().status is PaymentStatus.SUCCEEDED
    assert len(world.database.outbox) == 1


@pytest.mark.parametrize(
    ("content", "signature", "status"),
    [
        *((content, "signed", 200) for content in (b"evt_1 of-another-service", b"evt_2")),
        (b"e" * 1024 * 1024, "signed", 200),
        (b"e" * (1024 * 1024 + 1), "signed", 413),
        *((b"evt_1", signature, 400) for signature in (None, "", "forged", "\x7f")),
    ],
    ids=range(8),
)
async def test_a_notification_about_nothing_of_ours_is_accepted_if_it_is_signed_and_not_too_large(
    client: Client, content: bytes, signature: str | None, status: int
) -> None:
    assert await notify(client, content, signature) == status


async def test_a_notification_gets_503_while_the_database_is_down(
    client: Client, world: HttpWorld
) -> None:
    world.failing.add("database")

    assert await notify(client, b"evt_1 payment") == 503


async def test_there_is_no_webhook_route_without_a_notification_reader(world: HttpWorld) -> None:
    async with world.client() as client:
        assert await notify(client, b"evt_1") == 404
