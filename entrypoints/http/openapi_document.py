"""What Litestar cannot say in the OpenAPI document: response headers, limits of values, tags."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Final

from litestar import Request
from litestar.openapi.plugins import JsonRenderPlugin

from domain.money import MAX_MINOR_UNITS
from domain.payment_status import PaymentStatus
from domain.refund import RefundStatus
from entrypoints.http.replies import PROBLEM_JSON
from entrypoints.http.validation import MAX_CHARACTERS, PAYMENT_ID

Json = dict[str, Any]

_TEXT: Final = {"minLength": 1, "maxLength": MAX_CHARACTERS}
_ID: Final = {"pattern": f"^{PAYMENT_ID}$"}
_MINOR: Final = {"minimum": 0, "maximum": MAX_MINOR_UNITS, "description": "In minor units"}
_CURRENCY: Final = {"pattern": "^[a-z]{3}$", "description": "ISO 4217, in small letters"}
_PAYMENT_STATUS: Final = {
    "enum": sorted(each.value for each in PaymentStatus),
    "description": "Later versions may add a status: treat an unknown one as not final.",
}

_PROPERTIES: Final[Mapping[str, Mapping[str, Json]]] = {
    "PaymentBody": {
        "id": _ID,
        "orderId": _TEXT,
        "status": _PAYMENT_STATUS,
        "amount": _MINOR,
        "currency": _CURRENCY,
        "createdAt": {"format": "date-time"},
        "refundedAmount": _MINOR,
        "stripeId": {"description": "The same as chargeId, as in the reference service"},
        "chargeId": {"description": "The gateway's identifier of the money"},
        "authorizedUntil": {
            "format": "date-time",
            "description": "When the gateway releases the money unless it is captured before",
        },
        "capturedAmount": {**_MINOR, "description": "In minor units, if it is not the amount"},
        "code": {"description": "Why it failed, was reversed or is in review"},
    },
    "OptionsBody": {
        "orderId": _TEXT,
        "amount": _MINOR,
        "currency": _CURRENCY,
        "expiresAt": {"description": "Until when the order can be paid; null: no end is known"},
    },
    "GatewayBody": {
        "publicKey": {"description": "The gateway's key for browsers"},
        "degraded": {"description": "Present if it has failed lately; then it comes last"},
    },
    "RefundBody": {
        "paymentId": _ID,
        "orderId": _TEXT,
        "status": {"enum": sorted(each.value for each in RefundStatus)},
        "amount": _MINOR,
        "currency": _CURRENCY,
        "reason": _TEXT,
    },
    "MoneyBody": {"amount": _MINOR, "currency": _CURRENCY},
    "Problem": {
        "status": {"minimum": 400, "maximum": 599, "description": "The HTTP status"},
        "errors": {"minItems": 1},
        "id": _ID,
    },
    "ErrorDetail": {"field": {"description": "The field, parameter or header that is wrong"}},
}

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
    document = _simplified(copy.deepcopy(document))
    schemas = document["components"]["schemas"]
    for name, properties in _PROPERTIES.items():
        for each, facts in properties.items():
            schemas[name]["properties"][each].update(facts)
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
        case {
            "oneOf": [{"type": "null"}, {"type": str(kind)}]
            | [{"type": str(kind)}, {"type": "null"}]
        }:
            return {"type": [kind, "null"]}
        case {"oneOf": [alone]}:
            return _simplified(alone)
        case dict():
            return {key: _simplified(value) for key, value in node.items()}
        case list():
            return [_simplified(each) for each in node]
        case _:
            return node
