"""The OpenAPI document at /schema."""

from typing import Any

import pytest

from tests.entrypoints.http.test_webhooks import PlainNotificationReader
from tests.entrypoints.http.world import Client, HttpWorld

Operations = dict[str, dict[str, Any]]


@pytest.fixture
async def schema(world: HttpWorld) -> dict[str, Any]:
    """The document of a service with every optional route."""
    world.notification_reader = PlainNotificationReader()
    async with world.client() as client:
        response = await client.get("/schema")
    assert response.status_code == 200
    document: dict[str, Any] = response.json()
    return document


@pytest.fixture
def operations(schema: dict[str, Any]) -> Operations:
    """The operations of every path, by id."""
    paths = schema["paths"].values()
    return {each["operationId"]: each for path in paths for each in path.values()}


def test_the_schema_has_every_route(schema: dict[str, Any]) -> None:
    paths = schema["paths"].items()
    assert {each["operationId"]: path for path, item in paths for each in item.values()} == {
        "createPayment": "/api/payments",
        "listPayments": "/api/payments",
        "showPayment": "/api/payments/{payment_id}",
        "cancelPayment": "/api/payments/{payment_id}/cancel",
        "createRefund": "/api/payments/{payment_id}/refunds",
        "receiveStripeNotification": "/api/payments/webhooks/stripe",
        "live": "/health/live",
        "ready": "/health/ready",
        "metrics": "/metrics",
    }


def test_the_schema_has_every_documented_reply_to_a_payment(operations: Operations) -> None:
    responses = operations["createPayment"]["responses"]

    assert set(responses) == {
        *("201", "202", "400", "401", "402", "404", "408", "409"),
        *("413", "415", "422", "429", "500", "502", "503"),
    }
    for status, response in responses.items():
        media_type = "application/problem+json" if status >= "400" else "application/json"
        assert response["content"][media_type]["examples"]
        assert response["content"][media_type]["schema"]


def test_the_schema_has_the_security_schemes(
    schema: dict[str, Any], operations: Operations
) -> None:
    schemes = schema["components"]["securitySchemes"]

    assert set(schemes) == {"session", "oldSession", "bearer", "operator"}
    assert operations["createRefund"]["security"] == [{"operator": []}]
    assert {"session": []} in operations["createPayment"]["security"]
    assert operations["live"]["security"] == [{}]


def test_the_schema_has_the_body_and_headers_of_a_payment(operations: Operations) -> None:
    operation = operations["createPayment"]
    body = operation["requestBody"]["content"]["application/json"]

    assert set(body["schema"]["properties"]) == {"token", "orderId", "amount", "currency"}
    assert body["schema"]["required"] == ["token", "orderId"]
    assert body["example"] == {"token": "tok_visa", "orderId": "5f9b2c1d"}
    assert "Idempotency-Key" in {each["name"] for each in operation["parameters"]}


@pytest.mark.parametrize("page", ["swagger", "redoc", "elements", "rapidoc", "scalar"])
async def test_there_is_no_page_that_loads_external_scripts(client: Client, page: str) -> None:
    assert (await client.get(f"/schema/{page}")).status_code == 404
