"""`GET /api/payments` and `GET /api/payments/{id}`: users read their own payments."""

import pytest

from tests.builders import OTHER_USER, PAYER
from tests.entrypoints.http.world import OPERATOR, Client, HttpWorld, error_fields, pay, signed_in


async def test_a_payer_sees_the_payment_and_what_was_refunded(client: Client) -> None:
    paid = (await pay(client)).json()
    path = f"/api/payments/{paid['id']}"

    before = await client.get(path, headers=signed_in())
    await client.post(f"{path}/refunds", json={"amount": 1}, headers=OPERATOR)
    after = await client.get(path, headers=signed_in())

    assert before.status_code == after.status_code == 200
    assert before.json() == {**paid, "refundedAmount": 0}
    assert after.json() == {**paid, "refundedAmount": 1}


async def test_a_payment_that_the_question_about_it_has_ended_is_shown_as_it_is_then(
    client: Client, world: HttpWorld
) -> None:
    waiting = (await pay(client, "tok_threeDSecureRequired")).json()
    await world.gateway.complete_authentication(world.payment().id, succeeded=True)
    shown = await client.get(f"/api/payments/{waiting['id']}", headers=signed_in())
    assert (waiting["status"], shown.json()["status"]) == ("requires_action", "succeeded")


async def test_another_users_payment_gets_the_same_404_as_a_missing_one(client: Client) -> None:
    paid = (await pay(client)).json()

    others = await client.get(f"/api/payments/{paid['id']}", headers=signed_in(OTHER_USER))
    missing = await client.get("/api/payments/missing", headers=signed_in(OTHER_USER))

    assert others.status_code == missing.status_code == 404
    assert others.content == missing.content


@pytest.mark.parametrize("name", ["%00", "x" * 10_000, "%F0%9F%92%A9", "a%20b", "%ED%A0%80"])
async def test_an_invalid_payment_id_gets_404(client: Client, name: str) -> None:
    response = await client.get(f"/api/payments/{name}", headers=signed_in())

    assert response.status_code == 404


async def test_the_payments_of_an_order_are_listed_oldest_first(client: Client) -> None:
    await pay(client, "tok_chargeDeclined")
    await pay(client)

    response = await client.get("/api/payments?orderId=order-1", headers=signed_in())

    listed = response.json()
    assert [each["status"] for each in listed] == ["failed", "succeeded"]
    assert listed[0]["code"] == "generic_decline"


@pytest.mark.parametrize(("user", "order_id"), [(OTHER_USER, "order-1"), (PAYER, "none")])
async def test_an_order_without_payments_of_the_user_has_an_empty_list(
    client: Client, user: str, order_id: str
) -> None:
    await pay(client)

    response = await client.get(f"/api/payments?orderId={order_id}", headers=signed_in(user))

    assert (response.status_code, response.json()) == (200, [])


@pytest.mark.parametrize("query", ["", "?orderId=", "?orderId=%00", f"?orderId={'x' * 256}"])
async def test_a_list_without_a_valid_order_id_gets_400(client: Client, query: str) -> None:
    response = await client.get(f"/api/payments{query}", headers=signed_in())

    assert response.status_code == 400
    assert error_fields(response) == {"orderId"}


@pytest.mark.parametrize("path", ["/api/payments/id-1", "/api/payments?orderId=order-1"])
async def test_reading_requires_sign_in_and_the_database(
    client: Client, world: HttpWorld, path: str
) -> None:
    await pay(client)
    world.failing.add("database")

    unavailable = await client.get(path, headers=signed_in())

    assert unavailable.status_code == 503
    assert "retry-after" in unavailable.headers
    assert (await client.get(path)).status_code == 401
