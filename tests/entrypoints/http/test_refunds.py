"""`POST /api/payments/{id}/refunds`: the operator gives money back."""

from typing import Any

import httpx
import pytest

from adapters.gateways.in_memory import GatewayFaultKind
from tests.entrypoints.http.world import OPERATOR, World, a_token, first_error, pay, signed_in


async def refund(
    client: httpx.AsyncClient, payment_id: str, body: Any = None, **headers: str
) -> httpx.Response:
    """Ask for a refund as the operator."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post(
        f"/api/payments/{payment_id}/refunds", json=body or {}, headers={**OPERATOR, **named}
    )


@pytest.fixture
async def paid(client: httpx.AsyncClient) -> str:
    """The id of a payment of $100."""
    return str((await pay(client)).json()["id"])


async def test_a_part_is_given_back(client: httpx.AsyncClient, paid: str) -> None:
    answer = await refund(client, paid, {"amount": 2500, "reason": "broken"})

    assert answer.status_code == 201
    assert answer.json() == {
        "id": answer.json()["id"],
        "paymentId": paid,
        "orderId": "order-1",
        "amount": 2500,
        "currency": "usd",
        "status": "succeeded",
        "reason": "broken",
    }


async def test_all_that_is_left_is_given_back_where_no_amount_is_named(
    client: httpx.AsyncClient, paid: str
) -> None:
    await refund(client, paid, {"amount": 2500})

    answer = await client.post(f"/api/payments/{paid}/refunds", headers=OPERATOR)

    assert answer.status_code == 201
    assert answer.json()["amount"] == 7500


async def test_more_than_is_left_is_answered_400_and_says_what_is_left(
    client: httpx.AsyncClient, paid: str
) -> None:
    await refund(client, paid, {"amount": 6000})

    answer = await refund(client, paid, {"amount": 6000})

    assert answer.status_code == 400
    assert first_error(answer)["field"] == "amount"
    assert answer.json()["left"] == {"amount": 4000, "currency": "usd"}


async def test_a_payment_that_was_not_charged_is_answered_409(client: httpx.AsyncClient) -> None:
    declined = (await pay(client, "tok_chargeDeclined")).json()["payment"]["id"]

    answer = await refund(client, declined)

    assert answer.status_code == 409
    assert first_error(answer)["code"] == "not_refundable"


@pytest.mark.parametrize("payment_id", ["none", "x" * 300, "%00"])
async def test_a_payment_that_is_not_there_is_answered_404(
    client: httpx.AsyncClient, payment_id: str
) -> None:
    assert (await refund(client, payment_id)).status_code == 404


@pytest.mark.parametrize("amount", [0, -1, "1", 1.0, True, 2**53, []], ids=repr)
async def test_an_amount_that_cannot_be_given_back_is_answered_400(
    client: httpx.AsyncClient, paid: str, amount: object
) -> None:
    answer = await refund(client, paid, {"amount": amount, "reason": "x" * 256})

    assert answer.status_code == 400
    assert {error["field"] for error in answer.json()["errors"]} == {"amount", "reason"}


@pytest.mark.parametrize("content", [b"{", b"[]", b"7", b"\xff"])
async def test_what_is_no_json_object_is_answered_400(
    client: httpx.AsyncClient, paid: str, content: bytes
) -> None:
    headers = {**OPERATOR, "content-type": "application/json"}

    answer = await client.post(f"/api/payments/{paid}/refunds", content=content, headers=headers)

    assert answer.status_code == 400


async def test_what_is_not_declared_as_json_is_answered_415(
    client: httpx.AsyncClient, paid: str
) -> None:
    answer = await client.post(f"/api/payments/{paid}/refunds", content=b"{}", headers=OPERATOR)

    assert answer.status_code == 415


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": "Bearer "},
        {"authorization": OPERATOR["authorization"].removeprefix("Bearer ")},
        {"authorization": f"Bearer {a_token()}"},
        signed_in(),
    ],
    ids=lambda headers: str(len(str(headers))),
)
async def test_only_the_operator_may(
    client: httpx.AsyncClient, paid: str, headers: dict[str, str]
) -> None:
    answer = await client.post(f"/api/payments/{paid}/refunds", json={}, headers=headers)

    assert answer.status_code == 401
    assert answer.json()["errors"] == [{"message": "Not authorized"}]


async def test_there_is_no_such_route_without_an_operator_key(world: World) -> None:
    async with world.client(operator_key=None) as client:
        paid = (await pay(client)).json()["id"]

        assert (await refund(client, paid)).status_code == 404


async def test_a_refund_whose_outcome_is_unknown_is_pending(
    client: httpx.AsyncClient, world: World, paid: str
) -> None:
    world.faults.add("refund", GatewayFaultKind.REPLY_LOST)

    answer = await refund(client, paid, {"amount": 1})

    assert answer.status_code == 201
    assert answer.json()["status"] == "pending"


async def test_a_refund_that_was_reserved_and_not_answered_is_made_once_with_the_same_key(
    client: httpx.AsyncClient, world: World, paid: str
) -> None:
    world.database_fails_at = "committed"
    lost = await refund(client, paid, {"amount": 1000}, idempotency_key="key")
    world.database_fails_at = None

    again = await refund(client, paid, {"amount": 1000}, idempotency_key="key")

    assert (lost.status_code, again.status_code) == (503, 201)
    assert len(world.order().refunds) == 1


async def test_the_same_refund_with_the_same_key_is_made_once(
    client: httpx.AsyncClient, world: World, paid: str
) -> None:
    first = await refund(client, paid, {"amount": 1000}, idempotency_key="key")

    again = await refund(client, paid, {"amount": 1000}, idempotency_key="key")
    other = await refund(client, paid, {"amount": 1001}, idempotency_key="key")

    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert "location" not in again.headers
    assert other.status_code == 422
    assert len(world.order().refunds) == 1
