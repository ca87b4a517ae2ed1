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
    """A client of a service that receives notifications."""
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


@pytest.mark.parametrize("content", [b"evt_1 of-another-service", b"evt_2", b"e" * 1024 * 1024])
async def test_a_notification_about_nothing_of_ours_gets_200(
    client: Client, content: bytes
) -> None:
    assert await notify(client, content) == 200


@pytest.mark.parametrize("signature", [None, "", "forged", "\x7f"])
async def test_a_notification_without_a_valid_signature_gets_400(
    client: Client, signature: str | None
) -> None:
    assert await notify(client, b"evt_1", signature) == 400


async def test_a_notification_gets_503_while_the_database_is_down(
    client: Client, world: HttpWorld
) -> None:
    world.failing.add("database")

    assert await notify(client, b"evt_1 payment") == 503


async def test_a_notification_above_the_limit_gets_413(client: Client) -> None:
    assert await notify(client, b"e" * (1024 * 1024 + 1)) == 413


async def test_there_is_no_webhook_route_without_a_notification_reader(world: HttpWorld) -> None:
    async with world.client() as client:
        assert await notify(client, b"evt_1") == 404
