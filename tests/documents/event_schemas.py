"""Compare messages with the AsyncAPI document."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import jsonschema_rs
import msgspec

from adapters.messaging.wire import Message
from entrypoints.composition.documents import document_of_events

Json = dict[str, Any]


def undescribed(messages: Iterable[Message]) -> list[str]:
    """Return what is in events of ours and not as the document says, each with its subject."""
    found = list[str]()
    for message in messages:
        payload, headers = _validators()[message.subject]
        problems = [
            *payload.iter_errors(msgspec.json.decode(message.data)),
            *headers.iter_errors(dict(message.headers)),
        ]
        found += [f"{message.subject}: {problem.message}" for problem in problems]
    return found


@cache
def _validators() -> Mapping[str, tuple[Any, Any]]:
    return message_validators(document_of_events())


def message_validators(document: Json) -> dict[str, tuple[Any, Any]]:
    """Return by address the validators of bodies and headers."""
    found = {}
    for channel in document["channels"].values():
        (name,) = channel["messages"]
        message = document["components"]["messages"][name]
        found[channel["address"]] = (
            validator(document, message["payload"]),
            validator(document, message["headers"]),
        )
    return found


def validator(document: Json, schema: Json) -> Any:
    """Return the validator of a schema in a document, which its references lead into."""
    return jsonschema_rs.Draft7Validator(
        {"allOf": [schema], "components": document["components"]}, validate_formats=True
    )
