"""`POST /api/payments/{id}/review`, and what operators read of an order."""

from typing import Any

import httpx
import pytest

from tests.builders import ORDER, PAYER, dollars
from tests.entrypoints.http.world import (
    OPERATOR,
    Client,
    HttpWorld,
    error_fields,
    first_error,
    pay,
    signed_in,
)


@pytest.fixture
async def in_review(client: Client, world: HttpWorld) -> str:
    """Return the id of a payment of which $1 was captured instead of $100."""
    world.faults.mischarge(dollars("1"))
    paid = await pay(client)
    assert (paid.status_code, paid.json()["status"]) == (202, "review")
    return str(paid.json()["id"])


async def decide(
    client: Client,
    payment_id: str,
    decision: Any = "accept",
    key: str | None = None,
    reason: str = "agreed with the customer",
) -> httpx.Response:
    headers = OPERATOR if key is None else {**OPERATOR, "idempotency-key": key}
    body = {"decision": decision, "reason": reason}
    return await client.post(f"/api/payments/{payment_id}/review", json=body, headers=headers)


async def test_an_accepted_payment_has_succeeded(client: Client, in_review: str) -> None:
    accepted = await decide(client, in_review)
    body = accepted.json()
    assert (accepted.status_code, body["status"], body["capturedAmount"]) == (200, "succeeded", 100)
    shown = await client.get(f"/api/payments/{in_review}", headers=signed_in())
    assert shown.json()["status"] == "succeeded"


async def test_a_refused_payment_is_given_back(
    client: Client, world: HttpWorld, in_review: str
) -> None:
    refused = await decide(client, in_review, "refund")
    assert (refused.status_code, refused.json()["status"]) == (200, "reversed")
    world.reviewed.append(world.payment().id)
    await world.come_to_rest()
    assert world.balance == 0


async def test_what_was_given_back_of_a_payment_is_not_refunded_of_the_next_one(
    client: Client, world: HttpWorld, in_review: str
) -> None:
    await decide(client, in_review, "refund")
    world.reviewed.append(world.payment().id)
    await world.come_to_rest()
    paid = await pay(client)
    shown = [
        (await client.get(f"/api/payments/{each}", headers=signed_in())).json()["refundedAmount"]
        for each in (in_review, paid.json()["id"])
    ]
    assert shown == [100, 0]


async def test_a_second_decision_is_a_conflict(client: Client, in_review: str) -> None:
    await decide(client, in_review)
    second = await decide(client, in_review, "refund")
    assert (second.status_code, first_error(second)["code"]) == (409, "not_in_review")


async def test_a_repeated_request_with_a_key_gets_the_first_reply(
    client: Client, in_review: str
) -> None:
    first, again = [await decide(client, in_review, key="k") for _ in range(2)]
    other = await decide(client, in_review, "refund", key="k")
    reasoned = await decide(client, in_review, key="k", reason="another")
    assert (first.status_code, again.status_code) == (200, 200)
    assert (other.status_code, reasoned.status_code) == (422, 422)
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"


async def test_an_order_that_cannot_keep_the_money_says_why(
    client: Client, world: HttpWorld, in_review: str
) -> None:
    await world.cancel_order()
    refused = await decide(client, in_review)
    assert (refused.status_code, first_error(refused)["code"]) == (409, "order_cancelled")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"decision", "reason"}),
        ({"decision": "accept"}, {"reason"}),
        ({"decision": "maybe", "reason": "r"}, {"decision"}),
        ({"decision": ["accept"], "reason": "r"}, {"decision"}),
        ({"decision": "accept", "reason": "r", "amount": 1}, {"amount"}),
        ({"decision": "accept", "reason": ""}, {"reason"}),
    ],
)
async def test_a_body_that_decides_nothing_is_refused(
    client: Client, in_review: str, body: dict[str, Any], fields: set[str]
) -> None:
    path = f"/api/payments/{in_review}/review"
    refused = await client.post(path, json=body, headers=OPERATOR)
    assert (refused.status_code, error_fields(refused)) == (400, fields)


async def test_only_operators_decide_and_read(client: Client, in_review: str) -> None:
    path = f"/api/payments/{in_review}/review"
    body = {"decision": "accept", "reason": "r"}
    decided = await client.post(path, json=body, headers=signed_in())
    read = await client.get(f"/api/operator/orders/{ORDER}", headers=signed_in())
    assert (decided.status_code, read.status_code) == (401, 401)
    assert decided.json() == read.json()


async def test_a_payment_that_does_not_exist_is_not_found(client: Client) -> None:
    assert (await decide(client, "missing")).status_code == 404
    read = await client.get("/api/operator/orders/missing", headers=OPERATOR)
    assert read.status_code == 404


async def test_an_operator_reads_an_order_by_any_id_of_it(
    client: Client, world: HttpWorld, in_review: str
) -> None:
    charge = world.payment().charge_id
    bodies = [
        (await client.get(f"/api/operator/orders/{each}", headers=OPERATOR)).json()
        for each in (ORDER, in_review, charge)
    ]
    assert bodies[0] == bodies[1] == bodies[2]
    order = bodies[0]
    assert (order["id"], order["userId"], order["amount"]) == (ORDER, PAYER, 10000)
    [payment] = order["payments"]
    assert (payment["chargeId"], payment["capturedAmount"]) == (charge, 100)
    explanation = payment["explanation"]
    assert explanation["status"] == "review"
    assert explanation["waitingFor"] == "an operator to decide whether the order keeps it"
    assert explanation["until"] is None
    assert {each["who"] for each in explanation["actions"]} == {"operator"}
    commands = [each["command"] for each in explanation["actions"]]
    assert f"payments review accept {in_review} --reason TEXT" in commands
    assert order["explanation"]["waitingFor"] == f"payment {in_review}: {explanation['waitingFor']}"


async def test_an_operator_reads_who_has_changed_an_order_and_why(
    client: Client, in_review: str
) -> None:
    await decide(client, in_review)
    order = (await client.get(f"/api/operator/orders/{ORDER}", headers=OPERATOR)).json()
    history = order["history"]
    assert [set(each) for each in history] == [{"at", "who", "what", "reason"}] * len(history)
    last = history[-1]
    assert last["who"] == "operator"
    assert last["reason"] == "agreed with the customer"
    assert last["what"] == "payment succeeded, order complete"
    evidence = order["payments"][0]["explanation"]["evidence"]
    assert all(each["at"] for each in evidence)


async def test_a_query_that_is_not_understood_is_refused(client: Client) -> None:
    refused = await client.get(f"/api/operator/orders/{ORDER}?full=1", headers=OPERATOR)
    assert refused.status_code == 400
