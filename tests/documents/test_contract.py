"""No change breaks a released contract, and every kind of change that would is found."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from entrypoints.composition.documents import document_of_events
from entrypoints.composition.http_document import document_of_http
from tests.documents.contract_changes import breaking_events, breaking_http

Json = dict[str, Any]

RELEASED = Path(__file__).parents[2] / "docs/contract"
VERSIONS = sorted(each.name for each in RELEASED.iterdir() if each.is_dir())
HTTP, EVENTS = document_of_http(), document_of_events()


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_breaks_the_contract_of_release(version: str) -> None:
    # See docs/contract/README.md for what to do if something must.
    http = json.loads((RELEASED / version / "openapi.json").read_text())
    events = json.loads((RELEASED / version / "asyncapi.json").read_text())

    assert list(breaking_http(http, HTTP)) == []
    assert list(breaking_events(events, EVENTS)) == []


def operation(document: Json, name: str) -> Json:
    found: Json = next(
        each
        for item in document["paths"].values()
        for each in item.values()
        if each["operationId"] == name
    )
    return found


def request(document: Json, name: str) -> Json:
    body: Json = operation(document, name)["requestBody"]["content"]["application/json"]["schema"]
    return body


def schema(document: Json, name: str) -> Json:
    found: Json = document["components"]["schemas"][name]
    return found


def field(document: Json, name: str) -> Json:
    body, _, each = name.partition(".")
    found: Json = schema(document, body)["properties"][each]
    return found


BROKEN_HTTP: dict[str, Callable[[Json], Any]] = {
    "the operation is removed": lambda it: it["paths"].pop("/api/payments/options"),
    "POST /api/payments: the operationId is pay": lambda it: operation(it, "createPayment").update(
        operationId="pay"
    ),
    "the sign-in session is removed": lambda it: operation(it, "createPayment")["security"].remove(
        {"session": []}
    ),
    "the parameter orderId in query is removed": lambda it: operation(it, "listPayments")[
        "parameters"
    ].clear(),
    "the parameter status in query is required now": lambda it: next(
        each for each in operation(it, "findPayments")["parameters"] if each["name"] == "status"
    ).update(required=True),
    "GET /api/operator/payments limit: maximum was 200 and is 100": lambda it: next(
        each for each in operation(it, "findPayments")["parameters"] if each["name"] == "limit"
    )["schema"].update(maximum=100),
    "body.token: the field is removed": lambda it: request(it, "createPayment")["properties"].pop(
        "token"
    ),
    "body.amount: the field is required now": lambda it: request(it, "createPayment").update(
        required=["token", "orderId", "amount"]
    ),
    "body.token: maxLength was 255 and is 100": lambda it: request(it, "createPayment")[
        "properties"
    ]["token"].update(maxLength=100),
    "body.token: the type was ['string'] and is ['integer']": lambda it: request(
        it, "createPayment"
    )["properties"]["token"].update(type="integer"),
    "body.decision: the value 'refund' is removed": lambda it: request(it, "reviewPayment")[
        "properties"
    ]["decision"]["enum"].remove("refund"),
    "body.token: only some values are accepted now": lambda it: request(it, "createPayment")[
        "properties"
    ]["token"].update(enum=["tok_visa"]),
    "body.currency: pattern was": lambda it: request(it, "createPayment")["properties"][
        "currency"
    ].update(pattern="^[a-z]{3}$"),
    "body: unknown fields are refused now": lambda it: request(it, "createPayment").update(
        additionalProperties=False
    ),
    "a body is required now": lambda it: operation(it, "createRefund")["requestBody"].update(
        required=True
    ),
    "the media type application/json is removed": lambda it: operation(it, "createPayment")[
        "responses"
    ]["201"]["content"].clear(),
    "POST /api/payments: the status 402 is removed": lambda it: operation(it, "createPayment")[
        "responses"
    ].pop("402"),
    "201: the header Location is removed": lambda it: operation(it, "createPayment")["responses"][
        "201"
    ]["headers"].pop("Location"),
    "201.stripeId: the field is removed": lambda it: schema(it, "PaymentBody")["properties"].pop(
        "stripeId"
    ),
    "201.gateway: the field is no longer always there": lambda it: schema(it, "PaymentBody")[
        "required"
    ].remove("gateway"),
    "201.amount: the type was ['integer'] and is ['string']": lambda it: field(
        it, "PaymentBody.amount"
    ).update(type="string"),
    "201.currency: the type was ['string'] and is ['null', 'string']": lambda it: field(
        it, "PaymentBody.currency"
    ).update(type=["string", "null"]),
    "201.amount: minimum was 0 and is -1": lambda it: field(it, "PaymentBody.amount").update(
        minimum=-1
    ),
    "201.amount: maximum was 9007199254740991 and is None": lambda it: field(
        it, "PaymentBody.amount"
    ).pop("maximum"),
    "201.createdAt: format was date-time and is None": lambda it: field(
        it, "PaymentBody.createdAt"
    ).pop("format"),
    "201.status: the value 'review' is removed": lambda it: field(it, "PaymentBody.status")[
        "enum"
    ].remove("review"),
    "errors[].message: the field is removed": lambda it: schema(it, "ErrorDetail")[
        "properties"
    ].pop("message"),
}
BROKEN_EVENTS: dict[str, Callable[[Json], Any]] = {
    "payment:failed: the subject is removed": lambda it: it["channels"].pop("paymentFailed"),
    "payment:created: the subject is removed": lambda it: it["channels"]["paymentCreated"].update(
        address="payment:paid"
    ),
    "payment:created: the stream is OTHER": lambda it: it["channels"]["paymentCreated"].update(
        {"x-jetstream": {"stream": "OTHER"}}
    ),
    "receiveOrderShipped: the operation is removed": lambda it: it["operations"].pop(
        "receiveOrderShipped"
    ),
    "payment:created payload.stripeId: the field is removed": lambda it: schema(
        it, "PaymentCreatedBody"
    )["properties"].pop("stripeId"),
    "payment:created payload.gateway: the field is no longer": lambda it: schema(
        it, "PaymentCreatedBody"
    )["required"].remove("gateway"),
    "payment:disputed payload.status: the value 'prevented' is removed": lambda it: field(
        it, "PaymentDisputedBody.status"
    )["enum"].remove("prevented"),
    "payment:created headers.Nats-Msg-Id: the field is removed": lambda it: schema(
        it, "paymentCreatedHeaders"
    )["properties"].pop("Nats-Msg-Id"),
    "payment:created headers.ce-type: the value 'payment:created' is": lambda it: field(
        it, "paymentCreatedHeaders.ce-type"
    ).update(const="paid"),
    "order:created payload.currency: the field is required now": lambda it: schema(
        it, "OrderCreatedBody"
    )["required"].append("currency"),
    "order:created payload.status: the value 'awaiting:payment' is": lambda it: field(
        it, "OrderCreatedBody.status"
    )["enum"].remove("awaiting:payment"),
    "order:cancelled payload.version: an alternative is no longer accepted": lambda it: field(
        it, "OrderCancelledBody.version"
    )["anyOf"].pop(),
    "order:created payload.ticket.price: an alternative is no longer": lambda it: field(
        it, "TicketBody.price"
    )["anyOf"][0].update(minimum=1),
    "payment:created payload.amount: an alternative is new": lambda it: schema(
        it, "PaymentCreatedBody"
    )["properties"].update(amount={"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]}),
}


@pytest.mark.parametrize("problem", BROKEN_HTTP)
def test_a_change_that_breaks_a_client_is_found(problem: str) -> None:
    changed = copy.deepcopy(HTTP)
    BROKEN_HTTP[problem](changed)
    assert any(problem in each for each in breaking_http(HTTP, changed))


@pytest.mark.parametrize("problem", BROKEN_EVENTS)
def test_a_change_that_breaks_another_service_is_found(problem: str) -> None:
    changed = copy.deepcopy(EVENTS)
    BROKEN_EVENTS[problem](changed)
    assert any(problem in each for each in breaking_events(EVENTS, changed))


def test_additions_break_nothing() -> None:
    http, events = copy.deepcopy(HTTP), copy.deepcopy(EVENTS)
    http["paths"]["/api/new"] = {"get": {"operationId": "new", "responses": {}}}
    request(http, "createPayment")["properties"]["note"] = {"type": "string"}
    request(http, "createPayment")["properties"]["token"].update(maxLength=1000)
    operation(http, "findPayments")["parameters"].append(
        {"name": "new", "in": "query", "schema": {"type": "string"}}
    )
    operation(http, "createPayment")["responses"]["418"] = {"description": "new"}
    schema(http, "PaymentBody")["properties"]["new"] = {"type": "string"}
    field(http, "PaymentBody.status")["enum"].append("new")
    events["channels"]["paymentNew"] = {**events["channels"]["paymentCreated"], "address": "new"}
    schema(events, "PaymentCreatedBody")["properties"]["new"] = {"type": "string"}
    schema(events, "PaymentCreatedBody")["required"].append("new")
    field(events, "OrderCreatedBody.status")["enum"].append("new")
    field(events, "OrderCancelledBody.version")["anyOf"].append({"type": "null"})

    assert list(breaking_http(HTTP, http)) == []
    assert list(breaking_events(EVENTS, events)) == []
