"""What Litestar cannot say in the OpenAPI document: response headers, limits of values, tags."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from litestar import Request
from litestar.openapi.plugins import JsonRenderPlugin

from entrypoints.body_fields import PAYMENT_ID
from entrypoints.http.operator_bodies import DeadLetterPage, PaymentPage
from entrypoints.http.replies import PROBLEM_JSON
from entrypoints.http.reply_bodies import (
    OptionsBody,
    PaymentBody,
    Problem,
    ReadyBody,
    RefundBody,
    SessionBody,
)
from entrypoints.order_document import OrderBody

Json = dict[str, Any]

_REF: Final = "#/components/schemas/{name}"

_ID: Final = {"pattern": f"^{PAYMENT_ID}$"}

BODIES: Final = (
    *(Problem, PaymentBody, RefundBody, SessionBody, OptionsBody, ReadyBody),
    *(OrderBody, PaymentPage, DeadLetterPage),
)
"""The types of the bodies of replies, with all that they contain."""

_TAGS: Final = {
    "payments": "Customers pay for orders and read their own payments",
    "captures": "Operators capture or release what is authorized",
    "refunds": "Operators give money back",
    "operators": "Operators read orders and decide about payments in review",
    "webhooks": "Gateways report what happened",
    "monitoring": "Probes and scrapers",
}

_REQUEST_ID: Final = {
    "description": "The id of the request in the log",
    "schema": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
}
_LOCATION: Final = {
    "description": "The path of the payment",
    "schema": {"type": "string", "format": "uri-reference"},
}
_RETRY_AFTER: Final = {
    "description": "After how many seconds to try again",
    "schema": {"type": "integer", "minimum": 0},
}
_REPLAYED: Final = {
    "description": "Present if this is the reply to an earlier request with the same key",
    "schema": {"type": "string", "enum": ["true"]},
}
_CHALLENGE: Final = {"schema": {"type": "string", "enum": ["Bearer"]}}
_CODINGS: Final = {
    "description": "Present if the content coding is not supported; names those that are",
    "schema": {"type": "string", "enum": ["identity"]},
}

_OF_EVERY_ROUTE: Final = {
    "400": "The request is malformed, such as one without a Host header",
    "500": "Internal error; recovery finds the outcome of a payment",
    "501": "A transfer coding that is not supported",
}


class DocumentPlugin(JsonRenderPlugin):
    """Renders the completed document."""

    _content: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: Json) -> bytes:
        """Return the document as JSON."""
        if self._content is None:
            self._content = self.render_json(request, completed(openapi_schema))
        return self._content


def completed(document: Json) -> Json:
    """Return the document with all that a client must know to read every reply."""
    document = _simplified(msgspec.to_builtins(document))
    _, described = msgspec.json.schema_components(BODIES, ref_template=_REF)
    document["components"]["schemas"] = _simplified(described)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _complete_operation(path, operation)
    document["tags"] = [{"name": name, "description": text} for name, text in _TAGS.items()]
    return document


def _complete_operation(path: str, operation: Json) -> None:
    operation["tags"] = [_tag(path)]
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            parameter["schema"].update(_ID)
    responses = operation["responses"]
    for status, description in _OF_EVERY_ROUTE.items():
        if PROBLEM_JSON not in responses.get(status, {}).get("content", ()):
            schema = {"$ref": "#/components/schemas/Problem"}
            content = {PROBLEM_JSON: {"schema": schema}}
            responses[status] = {"description": description, "content": content}
    has_key = any(each["name"] == "Idempotency-Key" for each in operation.get("parameters", ()))
    for status, response in responses.items():
        for content in response.get("content", {}).values():
            for example in content.get("examples", {}).values():
                example.pop("id", None)  # Litestar's own: it is the name
        response["headers"] = dict(_headers(path, int(status), has_key=has_key))
    operation["responses"] = dict(sorted(responses.items()))


def _headers(path: str, status: int, *, has_key: bool) -> Iterator[tuple[str, Json]]:
    yield "X-Request-Id", _REQUEST_ID
    if (status in (201, 202) and path == "/api/payments") or (
        status == 202 and _tag(path) == "captures"
    ):
        yield "Location", _LOCATION
    if has_key and status in (200, 201, 202, 402, 409):
        yield "Idempotent-Replayed", _REPLAYED
    if status == 429 or (status == 409 and has_key) or (status == 503 and _tag(path) in _RETRIED):
        yield "Retry-After", _RETRY_AFTER
    if status == 401:
        yield "WWW-Authenticate", _CHALLENGE
    if status == 415:
        yield "Accept-Encoding", _CODINGS


_RETRIED: Final = ("payments", "captures", "refunds", "operators", "webhooks")


def _tag(path: str) -> str:
    if path.startswith("/api/operator/"):
        return "operators"
    if not path.startswith("/api/payments"):
        return "monitoring"
    if "/webhooks/" in path:
        return "webhooks"
    if path.endswith(("/captures", "/void")):
        return "captures"
    if path.endswith("/review"):
        return "operators"
    return "refunds" if path.endswith("/refunds") else "payments"


def _simplified(node: Any) -> Any:
    """Replace alternatives that some generators cannot read: of one schema, and of null."""
    match node:
        case {"anyOf": [{"type": str(kind)} as value, {"type": "null"}], **facts}:
            return {**value, **facts, "type": [kind, "null"]}
        case {"oneOf": [alone]}:
            return _simplified(alone)
        case dict():
            return {key: _simplified(value) for key, value in node.items()}
        case list():
            return [_simplified(each) for each in node]
        case _:
            return node
