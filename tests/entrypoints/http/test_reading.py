"""The two GETs: a user's look at their own payments."""

import httpx
import pytest

from tests.builders import PAYER, STRANGER
from tests.entrypoints.http.world import OPERATOR, World, pay, signed_in


async def test_a_payment_is_shown_to_its_payer(client: httpx.AsyncClient) -> None:
    paid = (await pay(client)).json()

    answer = await client.get(f"/api/payments/{paid['id']}", headers=signed_in())

    assert answer.status_code == 200
    assert answer.json() == {**paid, "refundedAmount": 0}


async def test_what_was_given_back_is_shown(client: httpx.AsyncClient) -> None:
    paid = (await pay(client)).json()
    await client.post(f"/api/payments/{paid['id']}/refunds", json={"amount": 1}, headers=OPERATOR)

    answer = await client.get(f"/api/payments/{paid['id']}", headers=signed_in())

    assert answer.json()["refundedAmount"] == 1


async def test_a_payment_of_somebody_else_is_as_unknown_as_one_that_is_not_there(
    client: httpx.AsyncClient,
) -> None:
    paid = (await pay(client)).json()

    others = await client.get(f"/api/payments/{paid['id']}", headers=signed_in(STRANGER))
    nobodys = await client.get("/api/payments/nobodys", headers=signed_in(STRANGER))

    assert others.status_code == nobodys.status_code == 404
    assert others.content == nobodys.content


@pytest.mark.parametrize("name", ["%00", "x" * 10_000, "%F0%9F%92%A9", "a%20b", "%ED%A0%80"])
async def test_an_id_that_can_be_nobodys_is_answered_404(
    client: httpx.AsyncClient, name: str
) -> None:
    answer = await client.get(f"/api/payments/{name}", headers=signed_in())

    assert answer.status_code == 404


async def test_all_payments_of_an_order_are_listed_oldest_first(client: httpx.AsyncClient) -> None:
    await pay(client, "tok_chargeDeclined")
    await pay(client)

    answer = await client.get("/api/payments?orderId=order-1", headers=signed_in())

    listed = answer.json()
    assert [each["status"] for each in listed] == ["failed", "succeeded"]
    assert listed[0]["code"] == "generic_decline"


@pytest.mark.parametrize(("user", "order_id"), [(STRANGER, "order-1"), (PAYER, "none")])
async def test_an_order_without_payments_of_ones_own_has_an_empty_list(
    client: httpx.AsyncClient, user: str, order_id: str
) -> None:
    await pay(client)

    answer = await client.get(f"/api/payments?orderId={order_id}", headers=signed_in(user))

    assert answer.status_code == 200
    assert answer.json() == []


@pytest.mark.parametrize("query", ["", "?orderId=", "?orderId=%00", f"?orderId={'x' * 256}"])
async def test_a_list_without_an_order_is_refused(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/api/payments{query}", headers=signed_in())

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "orderId"


@pytest.mark.parametrize("path", ["/api/payments/id-1", "/api/payments?orderId=order-1"])
async def test_nobody_is_shown_anything_without_signing_in(
    client: httpx.AsyncClient, path: str
) -> None:
    await pay(client)

    assert (await client.get(path)).status_code == 401


async def test_a_database_that_is_down_is_answered_503(
    client: httpx.AsyncClient, world: World
) -> None:
    await pay(client)
    world.database_is_down = True

    answer = await client.get("/api/payments/id-1", headers=signed_in())

    assert answer.status_code == 503
    assert "retry-after" in answer.headers
