"""`POST /api/payments/{id}/cancel`: a customer cancels a payment."""

import httpx
import pytest

from adapters.gateways.in_memory import GatewayFaultKind
from domain.identifiers import PaymentId
from domain.payment_status import PaymentStatus
from tests.builders import OTHER_USER, PAYER
from tests.entrypoints.http.world import (
    Client,
    HttpWorld,
    error_fields,
    first_error,
    pay,
    signed_in,
)


async def cancel(client: Client, payment_id: str, user: str = PAYER) -> httpx.Response:
    return await client.post(f"/api/payments/{payment_id}/cancel", headers=signed_in(user))


@pytest.fixture
async def waiting(client: Client) -> str:
    """Return the id of a payment that waits for its customer."""
    return str((await pay(client, "tok_threeDSecureRequired")).json()["id"])


async def test_the_payment_is_cancelled_and_the_order_can_be_paid_with_another_card(
    client: Client, waiting: str
) -> None:
    blocked = await pay(client)
    cancelled = await cancel(client, waiting)
    again = await cancel(client, waiting)
    paid = await pay(client)

    assert blocked.status_code == 409
    assert (cancelled.status_code, again.status_code, paid.status_code) == (200, 200, 201)
    assert cancelled.json() == again.json()
    assert (cancelled.json()["status"], cancelled.json()["code"]) == (
        "cancelled",
        "cancelled_by_customer",
    )
    read = await client.get(f"/api/payments/{waiting}", headers=signed_in())
    assert read.json() == {**cancelled.json(), "refundedAmount": 0}


async def test_the_history_says_that_the_customer_has_cancelled(
    client: Client, world: HttpWorld, waiting: str
) -> None:
    await cancel(client, waiting)
    [entries] = world.database.histories.values()
    assert world.payment().status is PaymentStatus.CANCELLED
    assert {entry.who for entry in entries[1:]} == {"customer"}


@pytest.mark.parametrize("token", ["tok_visa", "tok_chargeDeclined"])
async def test_a_payment_that_has_ended_gets_409_with_it(client: Client, token: str) -> None:
    ended = (await pay(client, token)).json()
    payment = ended.get("payment", ended)

    response = await cancel(client, payment["id"])

    assert (response.status_code, first_error(response)["code"]) == (409, "not_cancellable")
    assert response.json()["payment"] == payment


async def test_a_payment_that_was_authenticated_meanwhile_gets_409_with_it(
    client: Client, world: HttpWorld, waiting: str
) -> None:
    await world.gateway.complete_authentication(PaymentId(waiting), succeeded=True)

    response = await cancel(client, waiting)

    assert (response.status_code, response.json()["payment"]["status"]) == (409, "succeeded")


async def test_while_the_gateway_is_away_the_reply_is_503_and_a_repeat_cancels_it(
    client: Client, world: HttpWorld, waiting: str
) -> None:
    world.faults.add("cancel", GatewayFaultKind.UNREACHABLE)

    away, back = await cancel(client, waiting), await cancel(client, waiting)

    assert (away.status_code, back.status_code) == (503, 200)
    assert away.headers["retry-after"]
    assert away.json()["payment"]["status"] == "requires_action"


async def test_another_users_payment_gets_the_same_404_as_a_missing_one(
    client: Client, world: HttpWorld, waiting: str
) -> None:
    others = await cancel(client, waiting, OTHER_USER)
    missing = await cancel(client, "missing", OTHER_USER)
    unreadable = await cancel(client, "x" * 99, OTHER_USER)
    nobody = await client.post(f"/api/payments/{waiting}/cancel")

    assert others.status_code == missing.status_code == unreadable.status_code == 404
    assert others.content == missing.content
    assert nobody.status_code == 401
    assert not world.payment().is_being_cancelled


async def test_it_has_no_fields(client: Client, waiting: str) -> None:
    path = f"/api/payments/{waiting}/cancel"
    response = await client.post(path, json={"reason": "x"}, headers=signed_in())

    assert response.status_code == 400
    assert error_fields(response) == {"reason"}
    assert (await client.post(path, json={}, headers=signed_in())).status_code == 200


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"]
)
async def test_without_a_body_its_type_does_not_matter(
    client: Client, waiting: str, content_type: str
) -> None:
    path, headers = f"/api/payments/{waiting}/cancel", signed_in() | {"content-type": content_type}

    assert (await client.post(path, content=b"{}", headers=headers)).status_code == 415
    assert (await client.post(path, content=b"", headers=headers)).status_code == 200
