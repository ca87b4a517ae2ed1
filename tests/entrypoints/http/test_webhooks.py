"""`POST /api/payments/webhooks/stripe`: what the gateway tells by itself."""

from collections.abc import AsyncIterator

import httpx
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
from tests.entrypoints.http.world import World, pay

PATH = "/api/payments/webhooks/stripe"


@frozen
class PlainNotices:
    """Notices in plain words: the payment that was charged, signed by saying so."""

    def read(self, body: bytes, signature: str) -> Notification:
        """Understand `<notice id> <payment id>`."""
        if signature != "signed":
            raise InvalidNotification("signature")
        notification_id, _, payment_id = body.decode().partition(" ")
        if not payment_id:
            return UnrelatedNotification(notification_id)
        return PaymentNotification(notification_id, PaymentId(payment_id), charged(payment_id))


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that hears notices."""
    world.notifications = PlainNotices()
    async with world.client() as client:
        yield client


async def tell(client: httpx.AsyncClient, content: bytes, signature: str = "signed") -> int:
    """Send a notice."""
    answer = await client.post(PATH, content=content, headers={"stripe-signature": signature})
    if answer.status_code == 200:
        assert answer.json() == {"received": True}
    return answer.status_code


async def test_a_notice_settles_a_payment_whose_outcome_was_unknown(
    client: httpx.AsyncClient, world: World
) -> None:
    world.faults.add("charge", GatewayFaultKind.REQUEST_LOST)
    payment_id = (await pay(client)).json()["id"]

    assert await tell(client, f"evt_1 {payment_id}".encode()) == 200
    assert await tell(client, f"evt_1 {payment_id}".encode()) == 200
    assert world.order().payments[0].status is PaymentStatus.SUCCEEDED
    assert len(world.database.outbox) == 1


@pytest.mark.parametrize("content", [b"evt_1 of-another-service", b"evt_2"])
async def test_a_notice_of_nothing_of_ours_is_heard(
    client: httpx.AsyncClient, content: bytes
) -> None:
    assert await tell(client, content) == 200


@pytest.mark.parametrize("signature", ["", "forged", "\x7f"])
async def test_a_notice_that_is_not_surely_the_gateways_is_answered_400(
    client: httpx.AsyncClient, signature: str
) -> None:
    assert await tell(client, b"evt_1", signature) == 400
    assert (await client.post(PATH, content=b"evt_1")).status_code == 400


async def test_a_notice_is_asked_for_again_when_the_database_is_down(
    client: httpx.AsyncClient, world: World
) -> None:
    world.database_is_down = True

    assert await tell(client, b"evt_1 payment") == 503


async def test_a_notice_may_be_large_but_not_too_large(client: httpx.AsyncClient) -> None:
    assert await tell(client, b"e" * 1024 * 1024) == 200
    assert await tell(client, b"e" * (1024 * 1024 + 1)) == 413


async def test_there_is_no_such_route_without_a_webhook_secret(world: World) -> None:
    world.notifications = None
    async with world.client() as client:
        assert await tell(client, b"evt_1") == 404
