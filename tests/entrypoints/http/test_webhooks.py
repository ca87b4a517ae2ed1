"""`POST /api/payments/webhooks/{gateway}`: notifications of the gateways."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
from attrs import frozen

from adapters.gateways.in_memory import GatewayFaultKind
from application.ports.alerts import AlertKind
from application.ports.gateway_notifications import (
    InvalidNotification,
    Notification,
    PaymentNotification,
    RefusedBecause,
    UnrelatedNotification,
    UnusableNotification,
)
from application.ports.payment_gateway import GatewayUnavailable
from domain.identifiers import PaymentId
from domain.payment_status import PaymentStatus
from entrypoints.http.notification_refusals import SECONDS, SEVERAL, NotificationRefusals
from tests.builders import GATEWAY, charged
from tests.contracts.alerts import Seconds
from tests.entrypoints.http.world import Client, HttpWorld, pay

PATH = f"/api/payments/webhooks/{GATEWAY}"
STRIPE = "/api/payments/webhooks/stripe"


@frozen
class PlainNotificationReader:
    """Reads `<notification id> <id of a charged payment>`, with the signature `signed`."""

    async def read(self, body: bytes, headers: Mapping[str, str]) -> Notification:
        if headers.get("stripe-signature") != "signed":
            raise InvalidNotification("signature", RefusedBecause.WRONG_SIGNATURE)
        return self.read_verified(body)

    def read_verified(self, body: bytes) -> Notification:
        notification_id, _, payment_id = body.decode().partition(" ")
        if payment_id == "unusable":
            return UnusableNotification(notification_id, "no reader knows it")
        if not payment_id:
            return UnrelatedNotification(notification_id)
        return PaymentNotification(notification_id, PaymentId(payment_id), charged(payment_id))


@pytest.fixture
async def client(world: HttpWorld) -> AsyncIterator[Client]:
    world.notification_readers = {GATEWAY: PlainNotificationReader()}
    async with world.client() as client:
        yield client


async def notify(
    client: Client, content: bytes, signature: str | None = "signed", path: str = PATH
) -> int:
    """Send a notification; return the status."""
    headers = {} if signature is None else {"stripe-signature": signature}
    response = await client.post(path, content=content, headers=headers)
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


async def refused(client: Client) -> list[str]:
    """Return the metric's lines that count refusals."""
    metrics = (await client.get("/metrics")).text
    start = "payments_notifications_refused_total{"
    return [line.removeprefix(start) for line in metrics.splitlines() if line.startswith(start)]


async def test_refused_webhooks_are_counted_and_several_within_minutes_are_an_alert(
    client: Client, world: HttpWorld, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    for _ in range(SEVERAL - 1):
        assert await notify(client, b"evt_1", "forged") == 400
    assert await world.alerts.list_current() == []
    assert await notify(client, b"evt_1", "forged") == 400

    (alert,) = await world.alerts.list_current()
    assert (alert.kind, alert.subject) == (AlertKind.NOTIFICATION_REFUSED, "wrong_signature")
    assert await refused(client) == ['reason="wrong_signature"} 3.0']
    (line,) = [each for each in logged() if each["event"] == "webhook refused"]
    assert (line["level"], line["reason"]) == ("warning", "wrong_signature")
    assert "evt_1" not in str(logged())


async def test_refusals_long_after_one_another_are_no_alert() -> None:
    world, seconds = HttpWorld(), Seconds()
    refusals = NotificationRefusals(lambda _: None, world.alerts, seconds)
    for _ in range(3 * SEVERAL):
        await refusals.record(InvalidNotification("old", RefusedBecause.WRONG_TIME))
        seconds.now += SECONDS
    assert await world.alerts.list_current() == []


async def test_webhooks_without_a_configured_secret_are_404_counted_and_an_alert(
    world: HttpWorld,
) -> None:
    async with world.client() as client:
        for _ in range(SEVERAL):
            assert await notify(client, b"evt_1", path=STRIPE) == 404
        assert await notify(client, b"a stranger's", None, STRIPE) == 404
        assert await refused(client) == ['reason="no_secret"} 3.0']
        paths = (await client.get("/schema/openapi.json")).json()["paths"]

    assert not [path for path in paths if "webhooks" in path]
    (alert,) = await world.alerts.list_current()
    assert (alert.subject, alert.text) == ("no_secret", "STRIPE_WEBHOOK_SECRET is not set")


async def test_an_unusable_notification_is_kept_before_it_is_confirmed(
    client: Client, world: HttpWorld
) -> None:
    world.failing.add("keep notification")
    assert await notify(client, b"evt_1 unusable") == 503
    assert await world.unusable.list(10) == []

    world.failing.clear()
    assert await notify(client, b"evt_1 unusable") == 200
    (kept,) = await world.unusable.list(10)
    assert (kept.notification_id, kept.body) == ("evt_1", b"evt_1 unusable")


@pytest.mark.parametrize("name", ["stripe", "till", "in_memory%20", "IN_MEMORY", "%00", "x" * 500])
async def test_a_gateway_without_a_reader_and_an_unknown_one_are_404(
    client: Client, name: str
) -> None:
    assert await notify(client, b"evt_1", path=f"/api/payments/webhooks/{name}") == 404


async def test_a_notification_of_one_gateway_changes_no_payment_of_another(
    client: Client, world: HttpWorld
) -> None:
    world.faults.add("charge", GatewayFaultKind.REQUEST_LOST)
    payment_id = (await pay(client)).json()["id"]
    world.notification_readers = {"till": PlainNotificationReader()}
    async with world.client() as other:
        content = f"evt_1 {payment_id}".encode()
        assert await notify(other, content, path="/api/payments/webhooks/till") == 200

    assert world.payment().status is PaymentStatus.PROCESSING
    (kept,) = await world.unusable.list(10)
    assert (kept.gateway, kept.reason) == ("till", f"payment {payment_id} is at in_memory")


@frozen
class UnreliableReader(PlainNotificationReader):
    """A plug-in's reader: what it waits for does not come, or it returns something else."""

    result: Any = None
    seconds: float = 0

    async def read(self, body: bytes, headers: Mapping[str, str]) -> Notification:
        await asyncio.sleep(self.seconds)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("reader", "status"),
    [
        (UnreliableReader(seconds=60), 503),
        (UnreliableReader(GatewayUnavailable("no certificate")), 503),
        (UnreliableReader(None), 500),
        (UnreliableReader(ValueError("hunter2")), 500),
        (UnreliableReader(InvalidNotification("a signature")), 400),
    ],
)
async def test_what_a_reader_cannot_do_is_not_confirmed(
    world: HttpWorld, reader: UnreliableReader, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entrypoints.http.webhook_routes.READ_SECONDS", 0.05)
    world.notification_readers = {GATEWAY: reader}
    async with world.client() as client:
        response = await client.post(PATH, content=b"evt_1")
    assert response.status_code == status
    assert "hunter2" not in response.text
    assert await world.unusable.list(10) == []
