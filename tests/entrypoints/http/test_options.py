"""`GET /api/payments/options`, and `POST /api/payments` with a gateway, where there are several."""

from typing import Any

import httpx
import pytest
from attrs import evolve

from adapters.gateways.in_memory import GatewayFaultKind
from application.gateway_health import AWAY_FOR
from domain.capture import CaptureMode
from tests.builders import ORDER, after
from tests.entrypoints.http.world import Client, HttpWorld, pay, signed_in
from tests.world import AtOnceGateway

OPTIONS = "/api/payments/options"


@pytest.fixture
def two(world: HttpWorld) -> HttpWorld:
    """A service with the gateways `in_memory` and `till`."""
    world.add_gateway("till")
    return world


async def read(client: Client, order_id: str = ORDER) -> httpx.Response:
    return await client.get(OPTIONS, params={"orderId": order_id}, headers=signed_in())


async def options(client: Client) -> Any:
    response = await read(client)
    assert response.status_code == 200, response.text
    return response.json()


async def offered(client: Client) -> list[str]:
    return [each["gateway"] for each in (await options(client))["gateways"]]


async def test_the_gateways_are_offered_in_the_order_of_the_settings_with_their_keys(
    two: HttpWorld,
) -> None:
    two.public_keys["till"] = "pk_till"
    async with two.client() as client:
        found = await options(client)
    assert found["gateways"] == [
        {"gateway": "in_memory"},
        {"gateway": "till", "publicKey": "pk_till"},
    ]
    assert (found["orderId"], found["amount"], found["currency"]) == (ORDER, 10_000, "usd")
    assert "payment" not in found
    assert "expiresAt" in found


async def test_the_end_of_an_order_is_a_time_or_null(client: Client, world: HttpWorld) -> None:
    await world.create_order("forever")
    await world.create_order("an-hour", expires_at=after(hours=1))
    found = [(await read(client, each)).json()["expiresAt"] for each in ("forever", "an-hour")]
    assert found == [None, "2026-11-22T13:00:00.000Z"]


async def test_a_currency_is_offered_the_gateways_of_its_route(two: HttpWorld) -> None:
    two.routes = {"usd": ("till",), "eur": ("in_memory",)}
    async with two.client() as client:
        assert await offered(client) == ["till"]
        refused = await pay(client, gateway="in_memory")
        assert refused.status_code == 400
        (error,) = refused.json()["errors"]
        assert (error["field"], error["message"]) == ("gateway", "must be till")
        paid = await pay(client)
    assert (paid.status_code, paid.json()["gateway"]) == (201, "till")
    await two.come_to_rest()


@pytest.mark.parametrize("name", ["till", "in_memory"])
async def test_an_order_is_paid_at_the_gateway_that_the_payer_names(
    two: HttpWorld, name: str
) -> None:
    async with two.client() as client:
        paid = await pay(client, gateway=name)
        assert (paid.status_code, paid.json()["gateway"]) == (201, name)
        found = await options(client)
    assert (found["payment"]["id"], found["gateways"]) == (paid.json()["id"], [])
    await two.come_to_rest()


@pytest.mark.parametrize("name", ["visa", "", None, 7, "TILL", "till "])
async def test_an_unknown_gateway_is_400(two: HttpWorld, name: object) -> None:
    async with two.client() as client:
        refused = await pay(client, gateway=name)
    assert refused.status_code == 400
    assert [error["field"] for error in refused.json()["errors"]] == ["gateway"]
    assert not two.charges


async def test_a_gateway_that_has_failed_comes_last_until_it_answers_or_a_minute_is_over(
    two: HttpWorld,
) -> None:
    async with two.client() as client:
        for _ in range(2):
            two.faults.add("charge", GatewayFaultKind.UNREACHABLE)
            assert (await pay(client)).status_code == 503
            gateways = (await options(client))["gateways"]
            assert gateways == [{"gateway": "till"}, {"gateway": "in_memory", "degraded": True}]
            two.advance(AWAY_FOR.total_seconds() - 1)
            assert await offered(client) == ["till", "in_memory"]
            two.advance(1)
            assert await offered(client) == ["in_memory", "till"]
        two.faults.add("charge", GatewayFaultKind.UNREACHABLE)
        await pay(client)
        await pay(client, token="tok_chargeDeclined")
        assert await offered(client) == ["in_memory", "till"]


async def test_while_the_outcome_at_one_gateway_is_unknown_no_other_can_be_used(
    two: HttpWorld,
) -> None:
    two.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    async with two.client() as client:
        unknown = await pay(client)
        assert unknown.status_code == 202
        found = await options(client)
        assert found["gateways"] == [{"gateway": "in_memory", "degraded": True}]
        assert found["payment"]["id"] == unknown.json()["id"]
        blocked = await pay(client, gateway="till")
    assert (blocked.status_code, blocked.json()["id"]) == (409, unknown.json()["id"])
    await two.come_to_rest()
    assert len(two.charges) == 1


async def test_a_customer_pays_elsewhere_if_surely_nothing_was_done(two: HttpWorld) -> None:
    two.faults.add("charge", GatewayFaultKind.UNREACHABLE)
    async with two.client() as client:
        assert (await pay(client)).status_code == 503
        best = (await options(client))["gateways"][0]["gateway"]
        paid = await pay(client, gateway=best)
    assert (paid.status_code, paid.json()["gateway"]) == (201, "till")
    await two.come_to_rest()


async def test_only_gateways_that_can_authorize_are_offered_for_a_later_capture(
    world: HttpWorld,
) -> None:
    world.gateway_type, world.capture_mode = AtOnceGateway, CaptureMode.MANUAL
    async with world.client() as client:
        assert await offered(client) == []
    world.add_gateway("till", kind=world.gateway_type.__bases__[0])
    async with world.client() as client:
        assert await offered(client) == ["till"]
        refused = await pay(client, gateway="in_memory")
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "gateway")
        assert (await pay(client)).json()["gateway"] == "till"


async def test_the_errors_are_those_of_a_payment(two: HttpWorld) -> None:
    async with two.client() as client:
        for path, status in (
            (OPTIONS, 400),
            (f"{OPTIONS}?orderId=", 400),
            (f"{OPTIONS}?orderId=a&orderId=b", 400),
            (f"{OPTIONS}?orderId=unknown", 404),
        ):
            assert (await client.get(path, headers=signed_in())).status_code == status, path
        await two.create_order("theirs", user_id="another-user")
        assert (await read(client, "theirs")).status_code == 401
        await two.cancel_order()
        cancelled = await read(client)
        assert cancelled.json()["errors"][0]["code"] == "order_cancelled"
        two.failing.add("database")
        assert (await read(client)).status_code == 503


async def test_an_operator_is_told_that_the_gateway_of_a_payment_is_not_configured(
    two: HttpWorld,
) -> None:
    two.settings = evolve(two.settings, operator_key="operator-key")
    async with two.client() as client:
        paid = (await pay(client, gateway="till")).json()
    two.removed.add("till")
    headers = {"authorization": "Bearer operator-key"}
    async with two.client() as client:
        path = f"/api/payments/{paid['id']}/refunds"
        refused = await client.post(path, json={}, headers=headers)
        assert refused.status_code == 409
        (error,) = refused.json()["errors"]
        assert error["code"] == "gateway_not_configured"
        assert error["message"] == "The payment is at till, which is not configured any more"
        found = await client.get(f"/api/payments/{paid['id']}", headers=signed_in())
        assert (found.json()["status"], found.json()["gateway"]) == ("succeeded", "till")


async def test_a_payment_that_waits_for_its_customer_blocks_one_at_another_gateway(
    two: HttpWorld,
) -> None:
    async with two.client() as client:
        waiting = await pay(client, token="tok_threeDSecureRequired", gateway="in_memory")
        assert waiting.status_code == 202
        blocked = await pay(client, gateway="till")
        assert (blocked.status_code, blocked.json()["id"]) == (409, waiting.json()["id"])
        assert blocked.json()["payment"]["gateway"] == "in_memory"
        assert await offered(client) == ["in_memory"]
        again = await pay(client, gateway="in_memory")
        assert (again.status_code, again.json()["id"]) == (409, waiting.json()["id"])
        path = f"/api/payments/{waiting.json()['id']}/cancel"
        assert (await client.post(path, json={}, headers=signed_in())).status_code == 200
        assert (await pay(client, gateway="till")).json()["gateway"] == "till"
    await two.come_to_rest()
