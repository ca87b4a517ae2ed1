"""A payment whose money is only authorized, as its customer sees it over HTTP."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from adapters.gateways.in_memory import GatewayFaultKind
from application.ports.alerts import AlertKind
from domain.capture import CaptureMode
from domain.identifiers import PaymentId
from tests.entrypoints.http.test_cancel_payment import cancel
from tests.entrypoints.http.test_captures import capture
from tests.entrypoints.http.world import Client, HttpWorld, first_error, pay, signed_in
from tests.world import AtOnceGateway


@pytest.fixture
async def world() -> HttpWorld:
    world = HttpWorld(capture_mode=CaptureMode.MANUAL)
    await world.create_order()
    return world


@pytest.fixture
async def incapable() -> AsyncIterator[tuple[Client, HttpWorld]]:
    """A service whose gateway cannot authorize, which its order needs."""
    world = HttpWorld(capture_mode=CaptureMode.MANUAL, gateway_type=AtOnceGateway)
    await world.create_order()
    async with world.client() as client:
        yield client, world


async def test_it_gets_201_with_its_end_and_the_charge(client: Client, world: HttpWorld) -> None:
    response = await pay(client)
    body = response.json()
    shown = await client.get(response.headers["location"], headers=signed_in())

    assert response.status_code == 201
    assert body == {
        "id": world.payment().id,
        "orderId": "order-1",
        "status": "authorized",
        "amount": 10000,
        "currency": "usd",
        "createdAt": "2026-11-22T12:00:00.000Z",
        "gateway": "in_memory",
        "stripeId": world.payment().charge_id,
        "chargeId": world.payment().charge_id,
        "authorizedUntil": "2026-11-29T12:00:00.000Z",
    }
    assert shown.json() == {**body, "refundedAmount": 0}


async def test_a_repeat_with_its_key_gets_the_same_reply(client: Client) -> None:
    first = await pay(client, headers={"idempotency-key": "key"})
    again = await pay(client, headers={"idempotency-key": "key"})

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]


async def test_another_payment_of_its_order_gets_409_with_it(client: Client) -> None:
    authorized = (await pay(client)).json()

    other = await pay(client)

    assert (other.status_code, other.json()["payment"]) == (409, authorized)
    assert first_error(other)["code"] == "payment_in_progress"


async def test_one_that_was_authenticated_gets_201_too(client: Client, world: HttpWorld) -> None:
    waiting = (await pay(client, "tok_threeDSecureRequired")).json()
    await world.gateway.complete_authentication(PaymentId(waiting["id"]), succeeded=True)

    response = await pay(client, "tok_threeDSecureRequired")

    assert (response.status_code, response.json()["status"]) == (201, "authorized")
    assert response.json()["id"] == waiting["id"]


async def test_its_customer_cannot_cancel_it(client: Client, world: HttpWorld) -> None:
    authorized = (await pay(client)).json()

    refused = await cancel(client, authorized["id"])

    assert (refused.status_code, first_error(refused)["code"]) == (409, "not_cancellable")
    assert refused.json()["payment"] == authorized
    assert world.payment().waits_for_capture


async def test_one_of_an_order_that_was_cancelled_meanwhile_gets_400(
    client: Client, world: HttpWorld
) -> None:
    async def cancel_order(step: str) -> None:
        if step == "charge":
            await world.cancel_order()

    world.checkpoint = cancel_order
    response = await pay(client)

    assert (response.status_code, first_error(response)["code"]) == (400, "order_cancelled")
    assert "nothing will be charged" in first_error(response)["message"]


async def test_what_was_captured_is_shown_where_it_is_not_the_amount(client: Client) -> None:
    authorized = (await pay(client)).json()
    await capture(client, authorized["id"], {"amount": 2500})

    shown = (await client.get(f"/api/payments/{authorized['id']}", headers=signed_in())).json()

    assert (shown["status"], shown["amount"], shown["capturedAmount"]) == ("succeeded", 10000, 2500)
    assert "authorizedUntil" not in shown


async def test_a_gateway_that_cannot_authorize_gets_502_and_an_alert_and_nothing_is_claimed(
    incapable: tuple[Client, HttpWorld], logged: Callable[[], list[dict[str, Any]]]
) -> None:
    client, world = incapable

    response = await pay(client, headers={"idempotency-key": "key"})
    (alert,) = await world.alerts.list_current()

    assert (response.status_code, first_error(response)["code"]) == (502, "capture_unsupported")
    assert "payment" not in response.json()
    assert (alert.kind, alert.subject) == (AlertKind.GATEWAY_REFUSAL, "capture_unsupported")
    assert any("capture at once only" in line["event"] for line in logged())
    assert not world.order().payments
    assert not world.charges

    world.capture_mode = CaptureMode.AUTOMATIC
    async with world.client() as client:
        paid = await pay(client, headers={"idempotency-key": "key"})
    assert (paid.status_code, paid.json()["status"]) == (201, "succeeded")


async def test_an_unknown_authorization_is_found_by_recovery(
    client: Client, world: HttpWorld
) -> None:
    world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    response = await pay(client)
    world.advance(minutes=1)
    await world.recover()
    shown = await client.get(response.headers["location"], headers=signed_in())

    assert (response.status_code, response.json()["status"]) == (202, "processing")
    assert shown.json()["status"] == "authorized"
