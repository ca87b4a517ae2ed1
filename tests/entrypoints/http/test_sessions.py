"""`POST /api/payments/sessions`: a customer approves a payment before it is charged."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from adapters.gateways.in_memory import GatewayFaultKind
from tests.builders import ORDER, OTHER_USER, PAYER, PRICE
from tests.entrypoints.http.world import Client, HttpWorld, error_fields, pay, signed_in
from tests.world import GatewayWithoutChargeList

SHOP = "https://shop.example"


@pytest.fixture
async def world() -> HttpWorld:
    world = HttpWorld()
    await world.create_order()
    return world


@pytest.fixture
async def client(world: HttpWorld) -> AsyncIterator[Client]:
    async with world.client(return_origins=(SHOP,)) as client:
        yield client


async def create(client: Client, user: str = PAYER, **changed: str | None) -> httpx.Response:
    """Ask for a session of the default order."""
    body = {"orderId": ORDER, "gateway": "in_memory", "returnUrl": SHOP, "cancelUrl": SHOP}
    chosen: dict[str, str | None] = {**body, **changed}
    return await client.post(
        "/api/payments/sessions",
        json={name: value for name, value in chosen.items() if value is not None},
        headers=signed_in(user),
    )


async def test_the_customer_approves_a_session_and_the_payment_is_made_with_its_token(
    world: HttpWorld, client: Client
) -> None:
    created = await create(client)
    assert created.status_code == 201
    session = created.json()
    assert session.pop("approveUrl").startswith(SHOP)
    token = session.pop("token")
    assert session == {
        "gateway": "in_memory",
        "amount": PRICE.minor_units,
        "currency": PRICE.currency.code,
    }

    waiting = await pay(client, token=token)
    assert waiting.status_code == 202
    assert waiting.json()["status"] == "requires_action"
    assert waiting.json()["nextAction"]["redirectUrl"].startswith(SHOP)
    again = await pay(client, token=token)
    assert (again.status_code, again.json()["payment"]["status"]) == (409, "requires_action")

    await world.gateway.approve(token)
    paid = await pay(client, token=token)
    assert (paid.status_code, paid.json()["status"]) == (201, "succeeded")
    assert (await create(client)).status_code == 409


async def test_both_addresses_must_be_of_an_allowed_origin(client: Client) -> None:
    elsewhere = await create(client, returnUrl="https://evil.example", cancelUrl=f"{SHOP}.evil")
    assert elsewhere.status_code == 400
    assert error_fields(elsewhere) == {"returnUrl", "cancelUrl"}


async def test_every_field_is_required(client: Client) -> None:
    for name in ("orderId", "gateway", "returnUrl", "cancelUrl"):
        absent: dict[str, Any] = {name: None}
        missing = await create(client, **absent)
        assert (missing.status_code, error_fields(missing)) == (400, {name})
    assert error_fields(await create(client, gateway="elsewhere")) == {"gateway"}


async def test_only_the_orders_user_gets_a_session(client: Client) -> None:
    assert (await create(client, orderId="unknown")).status_code == 404
    assert (await create(client, OTHER_USER)).status_code == 401


async def test_an_order_that_may_not_be_paid_gets_no_session(
    world: HttpWorld, client: Client
) -> None:
    await world.cancel_order()
    refused = await create(client)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "order_cancelled")


async def test_a_gateway_that_is_away_or_refuses_the_shop_gives_no_session(
    world: HttpWorld, client: Client
) -> None:
    world.faults.add("create_session", GatewayFaultKind.UNREACHABLE)
    assert (await create(client)).status_code == 503
    world.faults.add("create_session", GatewayFaultKind.REFUSED)
    assert (await create(client)).status_code == 502


class CardsOnly(GatewayWithoutChargeList):
    """A gateway without sessions."""

    create_session = None  # type: ignore[assignment]


async def test_a_gateway_without_sessions_is_named_by_its_field() -> None:
    world = HttpWorld(gateway_type=CardsOnly)
    await world.create_order()
    async with world.client(return_origins=(SHOP,)) as client:
        refused = await create(client)
    assert (refused.status_code, error_fields(refused)) == (400, {"gateway"})
