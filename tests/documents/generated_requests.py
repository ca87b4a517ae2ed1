"""schemathesis sends requests that the OpenAPI document allows, and some that it does not.

All of its checks are on: no 5xx, no status, header, media type or body that is not in the document,
nothing invalid accepted, nothing valid refused, and no sign-in that is not enforced.
"""

import asyncio
import copy
from functools import cache
from typing import Any, Final

from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode
from schemathesis.openapi import from_dict
from schemathesis.python.asgi import get_client
from schemathesis.specs.openapi.checks import positive_data_acceptance

from domain.capture import CaptureMode
from domain.identifiers import OrderId
from domain.money import MAX_MINOR_UNITS
from entrypoints.composition.http_document import document_of_http
from entrypoints.http.app import create_app
from tests.builders import created_event
from tests.entrypoints.http.test_webhooks import PlainNotificationReader
from tests.entrypoints.http.world import (
    OPERATOR_KEY,
    SETTINGS,
    HttpWorld,
    a_token,
    in_session,
)

Json = dict[str, Any]


ORIGIN: Final = "https://shop.example"
ORDERS: Final = ("open", "paid", "held", "cancelled")
CURSOR: Final = "WyIyMDI2LTExLTIyVDEyOjAwOjAwKzAwOjAwIiwiaWQtMSJd"

OPERATORS: Final = {"operator": {"bearer": OPERATOR_KEY}}
CREDENTIALS: Final[list[Json]] = [
    {"session": {"api_key": in_session(a_token())}, **OPERATORS},
    {"oldSession": {"api_key": in_session(a_token())}, **OPERATORS},
    {"bearer": {"bearer": a_token()}, **OPERATORS},
]
"""Each way in which a customer may sign in, and that of operators."""

# The checks' own list has no 413.
REFUSED: Final = {"expected-statuses": [400, 401, 404, 405, 409, 413, 415, 422]}

TOKENS: Final = ("tok_visa", "tok_chargeDeclined", "tok_threeDSecureRequired")

# What a schema cannot say, because only a deployment knows it: its gateways, origins, orders.
NARROWER: Final[dict[str, list[Any]]] = {
    "gateway": ["in_memory"],
    "returnUrl": [f"{ORIGIN}/", f"{ORIGIN}/a?b=c"],
    "cancelUrl": [f"{ORIGIN}/"],
    "token": [*TOKENS],
    "orderId": [*ORDERS, "unknown"],
    "order_id": [*ORDERS, "unknown"],
    "payment_id": ["id-1", "id-2", "unknown"],
    "letter_id": ["1", "2"],
    "cursor": ["7"],
    # To a JSON schema, 1.0 is a whole number; to us it is no amount.
    "amount": [1, 500, 10000, MAX_MINOR_UNITS],
}


def of_this_deployment(document: Json) -> Json:
    """Return the document with only such values as this deployment knows."""
    document = copy.deepcopy(document)
    for item in document["paths"].values():
        for operation in item.values():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            schemas = dict(body.get("schema", {}).get("properties", {}))
            schemas |= {each["name"]: each["schema"] for each in operation.get("parameters", ())}
            for name in schemas.keys() & NARROWER.keys():
                schemas[name]["enum"] = NARROWER[name]
    (cursor,) = (
        each["schema"]
        for each in document["paths"]["/api/operator/payments"]["get"]["parameters"]
        if each["name"] == "cursor"
    )
    cursor["enum"] = [CURSOR]
    return document


@cache
def service() -> tuple[Any, list[tuple[Any, Any]]]:
    """Return the app, and by credentials the schemas of valid and of invalid requests."""
    world = HttpWorld(notification_readers={"in_memory": PlainNotificationReader()})
    world.settings = evolve(SETTINGS, return_origins=(ORIGIN,))
    asyncio.run(_fill(world))
    app, document = create_app(world.dependencies()), document_of_http()
    narrowed = of_this_deployment(document)
    schemas = []
    for credentials in CREDENTIALS:
        config = SchemathesisConfig.from_dict(
            {"auth": {"openapi": credentials}, "checks": {"negative_data_rejection": REFUSED}}
        )
        pair = from_dict(narrowed, config=config), from_dict(document, config=config)
        for schema in pair:
            schema.app = app
        schemas.append(pair)
    return app, schemas


async def _fill(world: HttpWorld) -> None:
    for order_id in ORDERS:
        capture = CaptureMode.MANUAL if order_id == "held" else None
        await world.replicate(created_event(order_id, capture=capture))
    await world.pay(order_id=OrderId("paid"))
    await world.pay(order_id=OrderId("held"))
    await world.cancel_order(OrderId("cancelled"))


def send(name: str, examples: int) -> None:
    """Send this many requests to an operation, with each kind of its credentials."""
    app, schemas = service()
    modes = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
    cases: list[st.SearchStrategy[Any]] = [
        schema.find_operation_by_id(name).as_strategy(generation_mode=mode)
        for pair in schemas
        for schema, mode in zip(pair, modes, strict=True)
    ]

    @settings(
        max_examples=examples, database=None, suppress_health_check=list(HealthCheck), deadline=None
    )
    @given(st.one_of(cases))
    def check(case: Any) -> None:
        response = case.call(session=client)
        excluded = [positive_data_acceptance] if has_reason(response, case) else []
        case.validate_response(
            response, excluded_checks=excluded, transport_kwargs={"session": client}
        )

    with get_client(app) as client:
        check()


def has_reason(response: Any, case: Any) -> bool:
    """Whether a valid request is refused because of an order, and not because of its form."""
    if response.status_code in (402, 422):
        return True
    is_notification = case.operation.definition.raw["operationId"] == "receiveNotification"
    return response.status_code == 400 and (
        is_notification or all("code" in each for each in response.json()["errors"])
    )
