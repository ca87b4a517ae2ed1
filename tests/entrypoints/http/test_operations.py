"""Health, metrics and the description of the API."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from application.application import DeclineLimits
from tests.entrypoints.http.test_webhooks import PlainNotices
from tests.entrypoints.http.world import World, a_token, pay


async def well() -> None:
    """Nothing is wrong."""


async def broken() -> None:
    """Something is."""
    raise ConnectionError("postgresql://user:password@host")


async def hanging() -> None:
    """Nothing comes back."""
    await asyncio.Event().wait()


async def test_the_service_is_live_whatever_else_is_wrong() -> None:
    async with World(checks={"database": broken}).client() as client:
        assert (await client.get("/health/live")).status_code == 200


async def test_the_service_is_ready_when_its_checks_say_so() -> None:
    async with World(checks={"database": well}).client() as client:
        answer = await client.get("/health/ready")

    assert answer.status_code == 200
    assert answer.json()["checks"] == {"database": "ok"}


@pytest.mark.parametrize("check", [broken, hanging])
async def test_the_service_is_not_ready_when_a_check_fails_or_hangs_and_says_which(
    check: Any,
) -> None:
    async with World(checks={"database": check, "clock": well}).client() as client:
        answer = await client.get("/health/ready")

    assert answer.status_code == 503
    assert answer.json()["errors"] == [{"message": "database is not ready"}]
    assert answer.json()["checks"] == {"database": "failing", "clock": "ok"}
    assert "password" not in answer.text


async def test_requests_are_counted_by_method_route_and_status(client: httpx.AsyncClient) -> None:
    payment_id = (await pay(client)).json()["id"]
    await client.get(f"/api/payments/{payment_id}")
    await client.get("/nope/1")
    await client.get("/nope/2")
    await client.request("BREW", "/api/payments")

    figures = (await client.get("/metrics")).text

    def requests(method: str, route: str, status: int) -> str:
        labels = f'method="{method}",route="{route}",status="{status}"'
        return f"payments_http_requests_total{{{labels}}}"

    assert f"{requests('POST', '/api/payments', 201)} 1.0" in figures
    assert f"{requests('GET', '/api/payments/{payment_id}', 401)} 1.0" in figures
    assert f"{requests('GET', 'none', 404)} 2.0" in figures
    assert f"{requests('other', 'none', 405)} 1.0" in figures
    assert "BREW" not in figures
    assert payment_id not in figures


async def test_charges_are_counted_by_outcome() -> None:
    world = World(limits=DeclineLimits(max_declines={"user": 1}))
    await world.apply()
    async with world.client() as client:
        for token in ("tok_chargeDeclined", "tok_visa"):
            await pay(client, token)

        figures = (await client.get("/metrics")).text

    assert 'payments_charges_total{outcome="failed"} 1.0' in figures
    assert "payments_declines_limited_total 1.0" in figures
    assert "payments_charges_in_flight 0.0" in figures


@pytest.fixture
async def schema(world: World) -> dict[str, Any]:
    """The description of the API, with every route that there may be."""
    world.notifications = PlainNotices()
    async with world.client() as client:
        answer = await client.get("/schema")
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    return document


def operations(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What can be asked, by id."""
    return {
        operation["operationId"]: operation
        for path in schema["paths"].values()
        for operation in path.values()
    }


async def test_the_schema_describes_every_route(schema: dict[str, Any]) -> None:
    assert set(schema["paths"]) == {
        "/api/payments",
        "/api/payments/{payment_id}",
        "/api/payments/{payment_id}/refunds",
        "/api/payments/webhooks/stripe",
        "/health/live",
        "/health/ready",
        "/metrics",
    }


async def test_the_schema_names_every_answer_of_the_contracts_table(schema: dict[str, Any]) -> None:
    pay_for_an_order = operations(schema)["createPayment"]

    assert set(pay_for_an_order["responses"]) == {
        *("201", "202", "400", "401", "402", "404", "408", "409"),
        *("413", "415", "422", "429", "500", "503"),
    }
    for status, answer in pay_for_an_order["responses"].items():
        kind = "application/problem+json" if status >= "400" else "application/json"
        assert answer["content"][kind]["examples"]
        assert answer["content"][kind]["schema"]


async def test_the_schema_says_how_to_sign_in(schema: dict[str, Any]) -> None:
    assert set(schema["components"]["securitySchemes"]) == {
        "session",
        "oldSession",
        "bearer",
        "operator",
    }
    by_operation = {name: each["security"] for name, each in operations(schema).items()}
    assert by_operation["createRefund"] == [{"operator": []}]
    assert {"session": []} in by_operation["createPayment"]
    assert by_operation["live"] == [{}]


async def test_the_schema_describes_the_bodies(schema: dict[str, Any]) -> None:
    body = operations(schema)["createPayment"]["requestBody"]["content"]["application/json"]

    assert set(body["schema"]["properties"]) == {"token", "orderId", "amount", "currency"}
    assert body["schema"]["required"] == ["token", "orderId"]
    assert body["example"] == {"token": "tok_visa", "orderId": "5f9b2c1d"}
    names = {each["name"] for each in operations(schema)["createPayment"]["parameters"]}
    assert "Idempotency-Key" in names


@pytest.mark.parametrize("page", ["swagger", "redoc", "elements", "rapidoc", "scalar"])
async def test_there_is_no_page_that_loads_scripts_from_elsewhere(
    client: httpx.AsyncClient, page: str
) -> None:
    assert (await client.get(f"/schema/{page}")).status_code == 404


async def test_one_line_is_logged_for_a_request_and_nothing_of_what_is_in_it(
    client: httpx.AsyncClient, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    answer = await pay(client, "tok_visa", headers={"idempotency-key": "the-key"})
    await client.get("/health/live")

    (line,) = logged()
    assert (line["method"], line["route"], line["status"]) == ("POST", "/api/payments", 201)
    assert line["request"] == answer.headers["x-request-id"]
    assert line["ms"] >= 0
    for secret in ("tok_visa", "the-key", a_token(), "order-1"):
        assert secret not in str(line)
