"""The OpenAPI document: valid, stored as it is generated, and true of every request."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from application.ports.event_publisher import BrokerUnavailable
from application.ports.gateway_notifications import InvalidNotification
from application.ports.gateways import GatewayNotConfigured
from application.ports.payment_gateway import GatewayUnavailable
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.find_order import NothingFound
from domain.claim import NotYourOrder, OrderNotFound
from domain.identifiers import PaymentId, UserId
from domain.money import MAX_MINOR_UNITS
from domain.order_entities import PaymentNotFound
from entrypoints.cli import main
from entrypoints.composition.http_document import document_of_http
from entrypoints.http import openapi_errors, request_fields
from entrypoints.http.errors import (
    _REPLIES,
    BadRequest,
    BodyTooLarge,
    BodyTooSlow,
    EncodedBody,
    KeysUnavailable,
    NotAuthorized,
    NotFound,
    NotJson,
)
from entrypoints.http.request_bodies import (
    PaymentRules,
    parse_capture,
    parse_no_fields,
    parse_payment,
    parse_refund,
    parse_review,
    parse_void,
)
from entrypoints.http.request_fields import RequestBody
from entrypoints.http.sessions import parse_session
from entrypoints.web_origins import MAX_URL
from tests.documents.event_schemas import validator
from tests.entrypoints.http.world import HttpWorld

ROOT = Path(__file__).parents[2]
DOCUMENT = document_of_http()
PAYMENT_ID, PAYER = PaymentId("p1"), UserId("u1")
RULES = PaymentRules(("stripe", "paypal"), ("https://shop.example",))

OPERATIONS = {
    operation["operationId"]: operation
    for item in DOCUMENT["paths"].values()
    for operation in item.values()
}


def test_the_document_follows_the_specification() -> None:
    from openapi_spec_validator import OpenAPIV31SpecValidator  # this takes a second and a half

    assert [str(each) for each in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_the_stored_document_is_the_generated_one() -> None:
    # After a change: `payments schema http --output docs/openapi.json`
    assert json.loads((ROOT / "docs/openapi.json").read_text()) == DOCUMENT


def test_the_command_prints_the_document() -> None:
    result = CliRunner().invoke(main, ["schema", "http"])
    assert json.loads(result.output) == DOCUMENT


async def test_the_service_serves_the_same_document() -> None:
    reader: Any = object()
    world = HttpWorld(notification_readers={"in_memory": reader})
    async with world.client() as client:
        assert (await client.get("/schema/openapi.json")).json() == DOCUMENT


def test_every_error_with_a_code_is_an_example() -> None:
    refusals = {
        *openapi_errors.PAYMENT_ERRORS,
        *openapi_errors.SESSION_ERRORS,
        *openapi_errors.REFUND_ERRORS,
        *openapi_errors.CAPTURE_ERRORS,
        *openapi_errors.REVIEW_ERRORS,
    }
    general = {
        *(NotAuthorized, NotYourOrder, KeysUnavailable, NotFound, OrderNotFound, PaymentNotFound),
        *(NothingFound, BadRequest, NotJson, EncodedBody, BodyTooLarge, BodyTooSlow),
        *(InvalidNotification, StorageUnavailable, BrokerUnavailable, GatewayUnavailable),
    }
    # It has a payment, of which an example would tell nothing.
    without = {GatewayNotConfigured}
    assert {type(each) for each in refusals} == set(_REPLIES) - general - without


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_example_is_as_its_schema_says(name: str) -> None:
    operation = OPERATIONS[name]
    for content in (operation.get("requestBody", {}), *operation["responses"].values()):
        for media in content.get("content", {}).values():
            examples = [each["value"] for each in media.get("examples", {}).values()]
            for example in (*examples, *([media["example"]] if "example" in media else [])):
                found = validator(DOCUMENT, media["schema"]).iter_errors(example)
                assert [each.message for each in found] == []


def test_every_field_of_a_reply_that_is_no_plain_text_has_its_limits() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for field, facts in schema.get("properties", {}).items():
            if "integer" in (facts.get("type"), *facts.get("type", ())) and field != "version":
                assert "minimum" in facts, f"{name}.{field}"


TEXTS = ["", "x", "usd", "USD", "xyzw", "a\0b", "x" * 255, "x" * 256, "accept", "refund", "stripe"]
URLS = ["https://shop.example/a", "https://shop.example/" + "a" * MAX_URL, "shop.example"]
VALUES: list[Any] = [
    *(None, True, [], {}, -1, 0, 1, 1.5, MAX_MINOR_UNITS, MAX_MINOR_UNITS + 1),
    *TEXTS,
    *URLS,
]
BODIES: dict[str, tuple[RequestBody, Any]] = {
    "createPayment": (
        request_fields.PAYMENT,
        lambda content: parse_payment(content, PAYER, (), RULES),
    ),
    "createSession": (request_fields.SESSION, lambda content: parse_session(content, PAYER, RULES)),
    "createRefund": (request_fields.REFUND, lambda content: parse_refund(content, PAYMENT_ID)),
    "capturePayment": (request_fields.CAPTURE, lambda content: parse_capture(content, PAYMENT_ID)),
    "voidPayment": (request_fields.VOID, lambda content: parse_void(content, PAYMENT_ID)),
    "reviewPayment": (request_fields.REVIEW, lambda content: parse_review(content, PAYMENT_ID)),
    "cancelPayment": (request_fields.NOTHING, parse_no_fields),
    "replayDeadLetter": (request_fields.NOTHING, parse_no_fields),
}
# What a schema cannot say: the settings of a deployment.
CONFIGURED = ("gateway", "returnUrl", "cancelUrl")


def test_every_operation_with_a_body_of_ours_is_compared() -> None:
    with_body = {name for name, each in OPERATIONS.items() if "requestBody" in each}
    assert with_body == {*BODIES, "receiveNotification"}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_is_accepted_if_and_only_if_it_is_as_described(name: str) -> None:
    declared, parse = BODIES[name]
    schema = OPERATIONS[name]["requestBody"]["content"]["application/json"]["schema"]
    accepts = validator(DOCUMENT, schema)
    for field in (*declared.fields, "another"):
        for value in VALUES:
            compare(parse, accepts, {**declared.example, field: value}, field in CONFIGURED)
        body = {each: value for each, value in declared.example.items() if each != field}
        compare(parse, accepts, body, may_refuse=False)


def compare(parse: Any, accepts: Any, body: dict[str, Any], may_refuse: bool) -> None:
    """Compare whether a body is parsed with whether the schema accepts it."""
    try:
        parse(json.dumps(body).encode())
    except BadRequest:
        assert may_refuse or not accepts.is_valid(body), body
    else:
        assert accepts.is_valid(body), body
