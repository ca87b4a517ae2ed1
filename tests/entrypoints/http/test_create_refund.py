"""`POST /api/payments/{id}/refunds`: the operator refunds a payment."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from adapters.gateways.in_memory import GatewayFaultKind
from entrypoints.settings import Operator
from tests.entrypoints.http.world import (
    OPERATOR,
    OPERATOR_KEY,
    Client,
    HttpWorld,
    a_token,
    error_fields,
    first_error,
    pay,
    signed_in,
)


async def refund(
    client: Client, payment_id: str, body: Any = None, key: str | None = None
) -> httpx.Response:
    headers = OPERATOR if key is None else {**OPERATOR, "idempotency-key": key}
    return await client.post(
        f"/api/payments/{payment_id}/refunds", json=body or {}, headers=headers
    )


@pytest.fixture
async def paid(client: Client) -> str:
    """Return the id of a payment of $100."""
    return str((await pay(client)).json()["id"])


async def test_a_part_is_refunded_and_then_all_that_is_left(client: Client, paid: str) -> None:
    part = await refund(client, paid, {"amount": 2500, "reason": "broken"})
    rest = await client.post(f"/api/payments/{paid}/refunds", headers=OPERATOR)

    assert part.status_code == 201
    assert part.json() == {
        "id": part.json()["id"],
        "paymentId": paid,
        "orderId": "order-1",
        "amount": 2500,
        "currency": "usd",
        "status": "succeeded",
        "reason": "broken",
    }
    assert (rest.status_code, rest.json()["amount"]) == (201, 7500)


async def test_more_than_is_left_gets_400_with_what_is_left(client: Client, paid: str) -> None:
    await refund(client, paid, {"amount": 6000})

    response = await refund(client, paid, {"amount": 6000})

    assert response.status_code == 400
    assert error_fields(response) == {"amount"}
    assert response.json()["left"] == {"amount": 4000, "currency": "usd"}


async def test_a_payment_that_was_not_captured_gets_409(client: Client) -> None:
    declined = (await pay(client, "tok_chargeDeclined")).json()["payment"]["id"]

    response = await refund(client, declined)

    assert (response.status_code, first_error(response)["code"]) == (409, "not_refundable")


@pytest.mark.parametrize("payment_id", ["none", "x" * 300, "%00"])
async def test_a_payment_that_does_not_exist_gets_404(client: Client, payment_id: str) -> None:
    assert (await refund(client, payment_id)).status_code == 404


@pytest.mark.parametrize("content", [b"", b"\n", b"{}", b'{"reason": "broken"}'])
async def test_a_body_without_an_amount_refunds_everything(
    client: Client, paid: str, content: bytes
) -> None:
    headers = {**OPERATOR, "content-type": "application/json"}
    response = await client.post(f"/api/payments/{paid}/refunds", content=content, headers=headers)

    assert (response.status_code, response.json()["amount"]) == (201, 10000)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b'{"amount": null}', "amount"),
        (b'{"amount": 100, "reason": null}', "reason"),
        (b'{"amuont": 100}', "amuont"),
        (b'{"Amount": 100}', "Amount"),
        (b'{"amount ": 100}', "amount "),
        (b'{"": 100}', "''…"),
        (b'{"amount": 100, "currency": "usd"}', "currency"),
        (b'{"amount": 1, "amount": 1000}', "amount"),
        (b'{"amount": 1, "\\u0061mount": 1000}', "amount"),
        (b'{"reason": "a", "amount": 1, "reason": "b"}', "reason"),
        (b'{"%s": 100}' % (b"x" * 1000), f"'{'x' * 40}'…"),
    ],
)
async def test_a_null_doubled_or_unknown_field_is_named_and_nothing_is_refunded(
    client: Client, world: HttpWorld, paid: str, content: bytes, name: str
) -> None:
    headers = {**OPERATOR, "content-type": "application/json"}
    response = await client.post(f"/api/payments/{paid}/refunds", content=content, headers=headers)

    assert response.status_code == 400
    assert error_fields(response) == {name}
    assert not world.order().refunds


async def test_a_refund_has_no_query(client: Client, world: HttpWorld, paid: str) -> None:
    path = f"/api/payments/{paid}/refunds"
    response = await client.post(path, params={"amount": "100"}, headers=OPERATOR)

    assert response.status_code == 400
    assert error_fields(response) == {"amount"}
    assert not world.order().refunds


@pytest.mark.parametrize("amount", [0, -1, "1", 1.0, True, 2**53, []], ids=repr)
async def test_every_invalid_field_is_named(client: Client, paid: str, amount: object) -> None:
    response = await refund(client, paid, {"amount": amount, "reason": "x" * 256})

    assert response.status_code == 400
    assert error_fields(response) == {"amount", "reason"}


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        *((content, "application/json", 400) for content in (b"{", b"[]", b"7", b"\xff")),
        (b"{}", None, 415),
        (b"", "text/plain", 415),
    ],
)
async def test_a_body_that_is_not_a_json_object_is_rejected(
    client: Client, paid: str, content: bytes, content_type: str | None, status: int
) -> None:
    headers = OPERATOR if content_type is None else {**OPERATOR, "content-type": content_type}

    response = await client.post(f"/api/payments/{paid}/refunds", content=content, headers=headers)

    assert response.status_code == status


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
async def test_only_the_operator_may_refund(client: Client, paid: str, headers: Any) -> None:
    response = await client.post(f"/api/payments/{paid}/refunds", json={}, headers=headers)

    assert response.status_code == 401
    assert response.json()["errors"] == [{"message": "Not authorized"}]


async def test_a_stranger_gets_the_same_401_before_anything_else_is_looked_at(
    client: Client, paid: str
) -> None:
    odd = {"idempotency-key": "a b", "content-type": "text/plain", "content-length": "99999999"}
    urls = (f"/api/payments/{paid}/refunds", "/api/payments/absent/refunds")
    replies = [
        await client.post(url, content=b"{" * 20_000, headers=headers)
        for url in urls
        for headers in ({}, odd, {**odd, "authorization": "Bearer wrong"})
    ]

    assert {reply.status_code for reply in replies} == {401}
    assert len({reply.content for reply in replies}) == 1


async def test_every_key_of_every_operator_is_accepted_and_the_log_names_the_operator(
    world: HttpWorld, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    alice = Operator("alice", "key-1"), Operator("alice", "key-2")
    async with world.client(named_operators=(*alice, Operator("bob", "key-3"))) as client:
        paid = (await pay(client)).json()["id"]
        names = []
        for key in (OPERATOR_KEY, "key-1", "key-2", "key-3", "key-4"):
            headers = {"authorization": f"Bearer {key}"}
            reply = await client.post(
                f"/api/payments/{paid}/refunds", json={"amount": 1}, headers=headers
            )
            assert reply.status_code == (401 if key == "key-4" else 201)
            names.append(logged()[-1].get("operator"))

    assert names == ["operator", "alice", "alice", "bob", None]


async def test_the_history_names_the_operator_and_the_reason(world: HttpWorld) -> None:
    async with world.client(named_operators=(Operator("alice", "key-1"),)) as client:
        paid = (await pay(client)).json()["id"]
        headers = {"authorization": "Bearer key-1"}
        body = {"reason": "broken"}
        await client.post(f"/api/payments/{paid}/refunds", json=body, headers=headers)

    [entries] = world.database.histories.values()
    did = [(entry.who, entry.why) for entry in entries[1:]]
    assert did == [
        ("customer", "payment processing"),
        ("customer", "payment succeeded, order complete"),
        ("alice", "broken"),
        ("alice", "broken"),
    ]


async def test_there_is_no_refund_route_without_an_operator_key(world: HttpWorld) -> None:
    async with world.client(operator_key=None) as client:
        paid = (await pay(client)).json()["id"]

        assert (await refund(client, paid)).status_code == 404


async def test_a_refund_with_an_unknown_outcome_is_pending(
    client: Client, world: HttpWorld, paid: str
) -> None:
    world.faults.add("refund", GatewayFaultKind.REPLY_LOST)

    response = await refund(client, paid, {"amount": 1})
    shown = await client.get(f"/api/payments/{paid}", headers=signed_in())

    assert (response.status_code, response.json()["status"]) == (201, "pending")
    assert shown.json()["refundedAmount"] == 0, "it may not have been given back"


async def test_a_reserved_refund_whose_reply_was_lost_is_found_again_by_its_key(
    client: Client, world: HttpWorld, paid: str
) -> None:
    world.failing.add("committed")
    lost = await refund(client, paid, {"amount": 1000}, key="key")
    world.failing.clear()

    again = await refund(client, paid, {"amount": 1000}, key="key")

    assert (lost.status_code, again.status_code) == (503, 201)
    assert len(world.order().refunds) == 1


async def test_a_key_that_cannot_be_released_hides_no_error(
    client: Client, world: HttpWorld, paid: str
) -> None:
    world.failing.add("release request")
    excessive = await refund(client, paid, {"amount": 10001}, key="key")
    assert (excessive.status_code, error_fields(excessive)) == (400, {"amount"})


async def test_a_repeated_refund_with_the_same_key_gets_the_first_reply(
    client: Client, world: HttpWorld, paid: str
) -> None:
    first = await refund(client, paid, {"amount": 1000}, key="key")

    again = await refund(client, paid, {"amount": 1000}, key="key")
    others = [
        await refund(client, paid, body, key="key")
        for body in ({"amount": 1001}, {"amount": 1000, "reason": "broken"}, {})
    ]

    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert "location" not in again.headers
    assert {each.status_code for each in others} == {422}
    assert len(world.order().refunds) == 1
