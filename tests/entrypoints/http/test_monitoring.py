"""Health, metrics and the log line of a request."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from application.application import DeclineLimits
from entrypoints.http.probes import Check
from tests.entrypoints.http.world import Client, HttpWorld, a_token, pay


async def passing() -> None:
    return None


async def failing() -> None:
    raise ConnectionError("postgresql://user:password@host")


async def hanging() -> None:
    await asyncio.Event().wait()


async def test_the_service_is_ready_when_every_check_passes() -> None:
    async with HttpWorld(checks={"database": passing}).client() as client:
        response = await client.get("/health/ready")

    assert response.status_code == 200
    assert response.json()["checks"] == {"database": "ok"}


@pytest.mark.parametrize("check", [failing, hanging])
async def test_the_service_is_live_but_not_ready_when_a_check_fails_or_hangs(check: Check) -> None:
    async with HttpWorld(checks={"database": check, "clock": passing}).client() as client:
        live = await client.get("/health/live")
        async with asyncio.timeout(60):  # instead of for ever
            ready = await client.get("/health/ready")

    assert (live.status_code, ready.status_code) == (200, 503)
    assert ready.json()["errors"] == [{"message": "database is not ready"}]
    assert ready.json()["checks"] == {"database": "failing", "clock": "ok"}
    assert "password" not in ready.text


async def test_requests_are_counted_by_method_route_and_status(client: Client) -> None:
    payment_id = (await pay(client)).json()["id"]
    await client.get(f"/api/payments/{payment_id}")
    await client.get("/nope/1")
    await client.get("/nope/2")
    await client.request("BREW", "/api/payments")

    metrics = (await client.get("/metrics")).text

    def requests(method: str, route: str, status: int) -> str:
        labels = f'method="{method}",route="{route}",status="{status}"'
        return f"payments_http_requests_total{{{labels}}}"

    assert f"{requests('POST', '/api/payments', 201)} 1.0" in metrics
    assert f"{requests('GET', '/api/payments/{payment_id}', 401)} 1.0" in metrics
    assert f"{requests('GET', 'none', 404)} 2.0" in metrics
    assert f"{requests('other', 'none', 405)} 1.0" in metrics
    assert "BREW" not in metrics
    assert payment_id not in metrics


async def test_charges_are_counted_by_outcome() -> None:
    world = HttpWorld(limits=DeclineLimits(max_declines={"user": 1}))
    await world.create_order()
    async with world.client() as client:
        for token in ("tok_chargeDeclined", "tok_visa"):
            await pay(client, token)

        metrics = (await client.get("/metrics")).text

    assert 'payments_charges_total{outcome="failed"} 1.0' in metrics
    assert "payments_declines_limited_total 1.0" in metrics
    assert "payments_charges_in_flight 0.0" in metrics


async def test_one_line_is_logged_for_a_request_without_its_content(
    client: Client, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    response = await pay(client, "tok_visa", headers={"idempotency-key": "the-key"})
    await client.get("/health/live")

    (line,) = logged()
    assert (line["method"], line["route"], line["status"]) == ("POST", "/api/payments", 201)
    assert line["request"] == response.headers["x-request-id"]
    assert line["ms"] >= 0
    assert (line["order_id"], line["payment_id"]) == ("order-1", response.json()["id"])
    for secret in ("tok_visa", "the-key", a_token()):
        assert secret not in str(line)
