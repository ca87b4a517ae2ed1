"""The AsyncAPI document: valid, stored as it is generated, and true."""

import copy
import json
from pathlib import Path
from typing import Any, get_args

import jsonschema_rs
import msgspec
import pytest
from attrs import evolve
from click.testing import CliRunner

from adapters.messaging.examples import EVENTS, example
from adapters.messaging.jetstream.plans import PLANS
from adapters.messaging.wire import Message
from domain.capture import CaptureMode
from domain.events import Event
from domain.money import Currency
from entrypoints.cli import main
from entrypoints.composition.documents import document_of_events
from entrypoints.worker.event_bodies import MalformedEvent, decode
from entrypoints.worker.order_events import MAX_VERSION, STATUSES
from tests.documents.event_schemas import Json, message_validators, undescribed

ROOT = Path(__file__).parents[2]
SPECIFICATION = Path(__file__).parent / "asyncapi_specification/3.0.0.json"
"""The JSON schema of the AsyncAPI initiative, from its package @asyncapi/specs."""

DOCUMENT = document_of_events()
USD = Currency.of("usd")


def problems(document: Json) -> list[Any]:
    validator = jsonschema_rs.validator_for(json.loads(SPECIFICATION.read_text()))
    return list(validator.iter_errors(document))


def test_the_document_follows_the_specification() -> None:
    assert problems(DOCUMENT) == []


def test_the_specification_finds_a_mistake() -> None:
    mistaken = copy.deepcopy(DOCUMENT)
    mistaken["operations"]["sendPaymentCreated"]["action"] = "publish"
    assert problems(mistaken)


def test_the_stored_document_is_the_generated_one() -> None:
    # After a change: `payments schema events --output docs/asyncapi.json`
    assert json.loads((ROOT / "docs/asyncapi.json").read_text()) == DOCUMENT


def test_every_reference_leads_somewhere() -> None:
    for reference in set(references(DOCUMENT)):
        node: Any = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            node = node[name]


def references(node: Any) -> list[str]:
    match node:
        case {"$ref": str(reference)}:
            return [reference]
        case dict():
            return [each for value in node.values() for each in references(value)]
        case list():
            return [each for value in node for each in references(value)]
        case _:
            return []


def test_every_event_that_is_published_or_read_has_a_channel() -> None:
    subjects = {each["address"] for each in DOCUMENT["channels"].values()}

    assert {type(each) for each in EVENTS} == set(get_args(Event))
    assert subjects == {*PLANS.orders.subjects, *PLANS.shipments.subjects, *PLANS.payments.subjects}


def test_every_field_is_described() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert schema["description"], name
        for field, facts in schema["properties"].items():
            assert "$ref" in facts or "enum" in facts or "description" in facts, f"{name}.{field}"


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.subject)
def test_an_event_is_described_with_exactly_its_fields_and_headers(event: Event) -> None:
    message = example(event)
    schemas = DOCUMENT["components"]["schemas"]
    name = next(
        each
        for each, channel in DOCUMENT["channels"].items()
        if channel["address"] == message.subject
    )
    described = DOCUMENT["components"]["messages"][name]
    body = schemas[described["payload"]["$ref"].rpartition("/")[2]]

    assert undescribed([message]) == []
    assert set(msgspec.json.decode(message.data)) == set(body["properties"])
    headers = schemas[f"{name}Headers"]
    assert set(message.headers) == set(headers["properties"]) == set(headers["required"])


def test_an_event_that_is_not_as_described_is_found() -> None:
    right = example(EVENTS[0])
    body = msgspec.json.decode(right.data)
    for change in ({"amount": "1999"}, {"amount": -1}, {"currency": "USD"}, {"createdAt": "now"}):
        wrong = Message(right.subject, json.dumps(body | change).encode(), right.headers)
        assert undescribed([wrong]), change
    without_id = {name: value for name, value in right.headers.items() if name != "ce-id"}
    assert undescribed([evolve(right, headers=without_id)])


def test_every_example_of_an_order_event_can_be_read() -> None:
    for channel in DOCUMENT["channels"].values():
        (name,) = channel["messages"]
        message = DOCUMENT["components"]["messages"][name]
        if channel["address"].startswith("order:"):
            for each in message["examples"]:
                decode(channel["address"], json.dumps(each["payload"]).encode(), USD)


VALUES: list[Any] = [
    *(None, True, [], {}, -1, 0, 1, 1.5, MAX_VERSION, MAX_VERSION + 1, 2**64, -(2**64)),
    *("", "0", "7", "07", "-1", "1" * 17, "19.99", "usd", "USD", "xyzw", "a\0b"),
    *("x" * 255, "x" * 256, *STATUSES, *(each.value for each in CaptureMode)),
]
CREATED: Json = {
    "id": "1",
    "version": 0,
    "status": "created",
    "userId": "2",
    "ticket": {"price": 10},
}
EVENT = {
    "order:created": CREATED,
    "order:cancelled": {"id": "1", "version": 0},
    "order:shipped": {"id": "1", "version": 0},
}
SCHEMAS = message_validators(DOCUMENT)


FIELDS = [
    *(("order:created", field) for field in (*CREATED, "currency", "capture", "expiresAt")),
    *(("order:created", f"ticket.{field}") for field in ("price", "currency")),
    *(("order:cancelled", field) for field in ("id", "version")),
    *(("order:shipped", field) for field in ("id", "version", "amount")),
]


@pytest.mark.parametrize(("subject", "path"), FIELDS)
def test_an_order_event_is_read_if_and_only_if_it_is_as_described(subject: str, path: str) -> None:
    *parents, field = path.split(".")
    for value in VALUES:
        body = copy.deepcopy(EVENT[subject])
        (body[parents[0]] if parents else body)[field] = value
        described = SCHEMAS[subject][0].is_valid(body)
        try:
            decode(subject, json.dumps(body).encode(), USD)
        except MalformedEvent:
            # What a schema cannot say: which prices a currency can express, and which currencies
            # there are.
            assert not described or field in ("price", "currency"), value
        else:
            assert described, value


def test_the_command_prints_the_subjects_of_the_settings() -> None:
    result = CliRunner().invoke(
        main,
        ["schema", "events"],
        env={"NATS_SUBJECT_PREFIX": "shop1", "CAPTURE_SUBJECT": "parcel:sent"},
    )
    document = json.loads(result.output)

    assert document["channels"]["paymentCreated"]["address"] == "shop1.payment:created"
    assert document["channels"]["paymentCreated"]["x-jetstream"] == {"stream": "SHOP1_PAYMENTS"}
    assert document["channels"]["orderShipped"]["address"] == "shop1.parcel:sent"
    assert problems(document) == []


@pytest.mark.parametrize(
    ("option", "value"),
    [("--prefix", "shop 1"), ("--prefix", "shop.>"), ("--capture-subject", "payment:created")],
)
def test_the_command_refuses_what_a_process_refuses(option: str, value: str) -> None:
    result = CliRunner().invoke(main, ["schema", "events", option, value])
    assert result.exit_code == 2
    assert f"Invalid value for '{option}'" in result.output
