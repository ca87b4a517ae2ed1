"""`GET /api/payments/{id}` tells a customer again what they must do, which is never stored."""

from typing import Any

import pytest

from adapters.gateways.in_memory import GatewayFaultKind
from domain.identifiers import PaymentId
from entrypoints.http.reading import ASK_AGAIN_AFTER, MAX_RECENT, RecentActions
from tests.builders import NOW, OTHER_USER
from tests.entrypoints.http.world import Client, HttpWorld, pay, signed_in

AUTHENTICATING, VOUCHER, DEBIT = (
    *("tok_threeDSecureRequired", "pm_voucher"),
    "pm_usBankAccount_processing",
)
INSTRUCTIONS = ("clientSecret", "nextAction")


async def show(client: Client, payment_id: str) -> dict[str, Any]:
    response = await client.get(f"/api/payments/{payment_id}", headers=signed_in())
    assert response.status_code == 200
    return dict(response.json())


def later(world: HttpWorld) -> None:
    world.time += ASK_AGAIN_AFTER


@pytest.mark.parametrize("token", [AUTHENTICATING, VOUCHER])
async def test_instructions_that_were_lost_are_returned_again(client: Client, token: str) -> None:
    waiting = (await pay(client, token)).json()
    assert waiting["nextAction"]["type"]
    shown = await show(client, waiting["id"])
    assert shown == {**waiting, "refundedAmount": 0}


async def test_a_debit_has_none(client: Client) -> None:
    shown = await show(client, (await pay(client, DEBIT)).json()["id"])
    assert not {*INSTRUCTIONS} & shown.keys()


async def test_nobody_else_gets_them(client: Client, world: HttpWorld) -> None:
    waiting = (await pay(client, AUTHENTICATING)).json()
    path = f"/api/payments/{waiting['id']}"
    assert (await client.get(path, headers=signed_in(OTHER_USER))).status_code == 404
    assert (await client.get(path)).status_code == 401
    assert "find" not in world.steps


async def test_a_page_that_polls_asks_the_gateway_every_few_seconds(
    client: Client, world: HttpWorld
) -> None:
    waiting = (await pay(client, AUTHENTICATING)).json()
    shown = [await show(client, waiting["id"]) for _ in range(3)]
    assert shown[0] == shown[1] == shown[2]
    assert world.steps.count("find") == 1
    later(world)
    assert await show(client, waiting["id"]) == shown[0]
    assert world.steps.count("find") == 2


async def test_while_the_gateway_is_away_the_rest_is_returned(
    client: Client, world: HttpWorld
) -> None:
    waiting = (await pay(client, AUTHENTICATING)).json()
    world.faults.add("find", GatewayFaultKind.UNREACHABLE)
    shown = await show(client, waiting["id"])
    assert shown["status"] == "requires_action"
    assert not {*INSTRUCTIONS} & shown.keys()
    later(world)
    assert (await show(client, waiting["id"]))["clientSecret"] == waiting["clientSecret"]


async def test_a_payment_that_has_ended_at_the_gateway_is_shown_as_ended(
    client: Client, world: HttpWorld
) -> None:
    waiting = (await pay(client, AUTHENTICATING)).json()
    await world.gateway.complete_authentication(PaymentId(waiting["id"]), succeeded=True)
    shown = await show(client, waiting["id"])
    assert shown["status"] == "succeeded"
    assert not {*INSTRUCTIONS} & shown.keys()


async def test_one_that_was_just_cancelled_has_none(client: Client, world: HttpWorld) -> None:
    waiting = (await pay(client, AUTHENTICATING)).json()
    await show(client, waiting["id"])
    world.faults.add("cancel", GatewayFaultKind.UNREACHABLE)
    path = f"/api/payments/{waiting['id']}/cancel"
    assert (await client.post(path, headers=signed_in())).status_code == 503
    assert not {*INSTRUCTIONS} & (await show(client, waiting["id"])).keys()


def test_answers_are_bounded_and_never_shown() -> None:
    recent = RecentActions(lambda: NOW)
    for number in range(MAX_RECENT + 1):
        recent.add(PaymentId(f"payment-{number}"), None)
    assert recent.find(PaymentId("payment-0")) is None
    assert recent.find(PaymentId("payment-1")) == (None,)
    assert "payment-1" not in repr(recent)
