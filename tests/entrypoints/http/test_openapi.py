"""The OpenAPI document at /schema."""

import json
import re
from typing import Any

import httpx
import pytest

from domain.money import MAX_MINOR_UNITS
from domain.payment_status import PaymentStatus
from entrypoints.web_origins import MAX_URL
from tests.builders import GATEWAY
from tests.entrypoints.http.documented import undocumented
from tests.entrypoints.http.test_webhooks import PlainNotificationReader
from tests.entrypoints.http.world import Client, HttpWorld

Operations = dict[str, dict[str, Any]]


@pytest.fixture
async def schema(world: HttpWorld) -> dict[str, Any]:
    """The document of a service with every optional route."""
    world.notification_readers = {GATEWAY: PlainNotificationReader()}
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
        "createSession": "/api/payments/sessions",
        "cancelPayment": "/api/payments/{payment_id}/cancel",
        "createRefund": "/api/payments/{payment_id}/refunds",
        "capturePayment": "/api/payments/{payment_id}/captures",
        "voidPayment": "/api/payments/{payment_id}/void",
        "reviewPayment": "/api/payments/{payment_id}/review",
        "showOrder": "/api/operator/orders/{order_id}",
        "listOptions": "/api/payments/options",
        "receiveNotification": "/api/payments/webhooks/{gateway}",
        "findPayments": "/api/operator/payments",
        "listDeadLetters": "/api/operator/dead-letters",
        "replayDeadLetter": "/api/operator/dead-letters/{letter_id}/replay",
        "live": "/health/live",
        "ready": "/health/ready",
        "metrics": "/metrics",
    }


def test_the_schema_has_every_documented_reply_to_a_payment(operations: Operations) -> None:
    responses = operations["createPayment"]["responses"]

    assert set(responses) == {
        *("201", "202", "400", "401", "402", "404", "408", "409"),
        *("413", "415", "422", "429", "500", "501", "502", "503"),
    }
    for status, response in responses.items():
        media_type = "application/problem+json" if status >= "400" else "application/json"
        assert status == "501" or response["content"][media_type]["examples"]
        assert response["content"][media_type]["schema"]


def test_the_schema_has_the_security_schemes(
    schema: dict[str, Any], operations: Operations
) -> None:
    schemes = schema["components"]["securitySchemes"]

    assert set(schemes) == {"session", "oldSession", "bearer", "operator"}
    for operation in ("createRefund", "capturePayment", "voidPayment"):
        assert operations[operation]["security"] == [{"operator": []}]
    assert {"session": []} in operations["createPayment"]["security"]
    assert operations["live"]["security"] == [{}]


def test_the_schema_has_the_body_and_headers_of_a_payment(operations: Operations) -> None:
    operation = operations["createPayment"]
    body = operation["requestBody"]["content"]["application/json"]

    optional = {"amount", "currency", "gateway", "returnUrl"}
    assert set(body["schema"]["properties"]) == {"token", "orderId", *optional}
    assert body["schema"]["properties"]["returnUrl"]["maxLength"] == MAX_URL
    assert body["schema"]["required"] == ["token", "orderId"]
    assert body["example"] == {"token": "tok_visa", "orderId": "5f9b2c1d"}
    assert "Idempotency-Key" in {each["name"] for each in operation["parameters"]}


@pytest.mark.parametrize("page", ["swagger", "redoc", "elements", "rapidoc", "scalar"])
async def test_there_is_no_page_that_loads_external_scripts(client: Client, page: str) -> None:
    assert (await client.get(f"/schema/{page}")).status_code == 404


def test_every_value_has_its_limits(schema: dict[str, Any], operations: Operations) -> None:
    schemas = schema["components"]["schemas"]
    refund = operations["createRefund"]["requestBody"]["content"]["application/json"]["schema"]
    (key,) = (
        each
        for each in operations["createRefund"]["parameters"]
        if each["name"] == "Idempotency-Key"
    )

    statuses = schemas["PaymentBody"]["properties"]["status"]["enum"]
    assert {each.value for each in PaymentStatus} <= set(statuses)
    assert refund["additionalProperties"] is False
    assert refund["properties"]["amount"]["minimum"] == 1
    assert refund["properties"]["amount"]["maximum"] == MAX_MINOR_UNITS
    assert re.fullmatch(key["schema"]["pattern"], "a-key")
    assert not re.fullmatch(key["schema"]["pattern"], "a key")
    for body in ("PaymentBody", "RefundBody", "MoneyBody"):
        assert schemas[body]["properties"]["amount"]["maximum"] == MAX_MINOR_UNITS


def test_every_header_of_a_reply_is_named(operations: Operations) -> None:
    pay = operations["createPayment"]["responses"]

    assert {"Location", "Idempotent-Replayed", "X-Request-Id"} == set(pay["201"]["headers"])
    for operation in ("capturePayment", "voidPayment"):
        replies = operations[operation]["responses"]
        assert "Location" in replies["202"]["headers"]
        assert set(replies["200"]["headers"]) == {"Idempotent-Replayed", "X-Request-Id"}
    assert "Retry-After" in pay["429"]["headers"]
    assert "Retry-After" in pay["503"]["headers"]
    assert "WWW-Authenticate" in pay["401"]["headers"]
    assert "Accept-Encoding" in pay["415"]["headers"]
    assert "Retry-After" not in operations["ready"]["responses"]["503"]["headers"]


def test_no_alternative_of_one_schema_is_left_which_some_generators_cannot_read(
    schema: dict[str, Any],
) -> None:
    assert '"oneOf"' not in json.dumps(schema)


def test_a_reply_that_is_not_described_is_found(schema: dict[str, Any]) -> None:
    """The tests of the routes compare every reply with the document."""

    def reply(status: int, body: object, **headers: str) -> httpx.Response:
        request = httpx.Request("POST", "http://payments.test/api/payments")
        return httpx.Response(status, json=body, headers=headers, request=request)

    payment = schema["paths"]["/api/payments"]["post"]["responses"]["201"]
    (example,) = payment["content"]["application/json"]["examples"].values()
    right = example["value"]
    assert not undocumented(schema, reply(201, right, location="/api/payments/1"))
    for wrong in (
        reply(418, right),
        reply(201, [right]),
        reply(201, {**right, "status": "paid"}),
        reply(201, {**right, "amount": -1}),
        reply(201, {**right, "amount": True}),
        reply(201, {**right, "id": "a/b"}),
        reply(201, {**right, "new": 1}),
        reply(201, {key: value for key, value in right.items() if key != "id"}),
        reply(201, right, **{"retry-after": "1"}),
        reply(400, right),
    ):
        assert undocumented(schema, wrong)
