"""The OpenAPI descriptions of requests: their bodies, headers and queries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    Parameter,
    RequestBody,
    Schema,
)

from domain.payment_status import PaymentStatus
from entrypoints.http import request_fields
from entrypoints.http.operator_bodies import LISTED, MAX_LISTED
from entrypoints.http.request_fields import TEXT
from entrypoints.http.validation import MAX_CHARACTERS

_IDEMPOTENCY_KEY: Final = Parameter(
    name="Idempotency-Key",
    param_in="header",
    description=(
        "A repeat with the same key and body gets the first reply (Idempotent-Replayed: true)."
    ),
    schema=Schema(
        type=OpenAPIType.STRING, min_length=1, max_length=MAX_CHARACTERS, pattern="^[\\x21-\\x7e]+$"
    ),
)
_TRACEPARENT: Final = Parameter(
    name="traceparent",
    param_in="header",
    description="W3C trace context; it is continued in the events. A malformed one is ignored.",
    schema=Schema(type=OpenAPIType.STRING),
)


def _schema(facts: Mapping[str, Any]) -> Schema:
    """Return a JSON schema as Litestar has it."""
    names = {"minLength": "min_length", "maxLength": "max_length"}
    return Schema(**{names.get(name, name): value for name, value in facts.items()})


_TEXT: Final = _schema(TEXT.schema)


def _json_body(body: request_fields.RequestBody) -> RequestBody:
    schema = Schema(
        type=OpenAPIType.OBJECT,
        required=list(body.required) or None,
        properties={name: _schema(kind.schema) for name, kind in body.fields.items()},
        additional_properties=None if body.is_open else False,
    )
    media_type = OpenAPIMediaType(schema=schema, example=body.example)
    return RequestBody(content={"application/json": media_type}, required=bool(body.required))


def _page_parameters(cursor: Schema) -> list[Parameter]:
    limit = Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=MAX_LISTED, default=LISTED)
    return [
        Parameter(name="limit", param_in="query", schema=limit),
        Parameter(
            name="cursor",
            param_in="query",
            schema=cursor,
            description="The `next` of the page before",
        ),
    ]


@dataclass
class CreatePayment(Operation):
    """The body and headers of `POST /api/payments`."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), _IDEMPOTENCY_KEY, _TRACEPARENT]
        self.request_body = _json_body(request_fields.PAYMENT)


@dataclass
class CreateSession(Operation):
    """The body and headers of `POST /api/payments/sessions`."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), _TRACEPARENT]
        self.request_body = _json_body(request_fields.SESSION)


@dataclass
class NoFields(Operation):
    """The headers of a request that says everything in its path; its body has no fields."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), _TRACEPARENT]
        self.request_body = _json_body(request_fields.NOTHING)


@dataclass
class ListPayments(Operation):
    """The query of `GET /api/payments`."""

    def __post_init__(self) -> None:
        order = Parameter(name="orderId", param_in="query", required=True, schema=_TEXT)
        self.parameters = [*(self.parameters or []), order]


@dataclass
class CreateRefund(Operation):
    """The body and headers of a refund."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), _IDEMPOTENCY_KEY, _TRACEPARENT]
        self.request_body = _json_body(request_fields.REFUND)


@dataclass
class CapturePayment(Operation):
    """The body and headers of a capture."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), _IDEMPOTENCY_KEY, _TRACEPARENT]
        self.request_body = _json_body(request_fields.CAPTURE)


@dataclass
class VoidPayment(Operation):
    """The body and headers of a release."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), _IDEMPOTENCY_KEY, _TRACEPARENT]
        self.request_body = _json_body(request_fields.VOID)


@dataclass
class ReviewPayment(Operation):
    """The body and headers of a decision about a payment in review."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), _IDEMPOTENCY_KEY, _TRACEPARENT]
        self.request_body = _json_body(request_fields.REVIEW)


@dataclass
class ListDeadLetters(Operation):
    """The query of `GET /api/operator/dead-letters`."""

    def __post_init__(self) -> None:
        cursor = Schema(type=OpenAPIType.STRING, pattern="^[0-9]{1,19}$")
        self.parameters = [*(self.parameters or []), *_page_parameters(cursor)]


@dataclass
class FindPayments(Operation):
    """The query of `GET /api/operator/payments`."""

    def __post_init__(self) -> None:
        status = Schema(type=OpenAPIType.STRING, enum=sorted(each.value for each in PaymentStatus))
        moment = Schema(
            type=OpenAPIType.STRING,
            format=OpenAPIFormat.DATE_TIME,
            description="`until` is exclusive",
        )
        filters = {
            "status": status,
            **dict.fromkeys(("orderId", "userId", "gateway"), _TEXT),
            **dict.fromkeys(("since", "until"), moment),
        }
        self.parameters = [
            *(self.parameters or []),
            *(
                Parameter(name=name, param_in="query", schema=schema)
                for name, schema in filters.items()
            ),
            *_page_parameters(_TEXT),
        ]


@dataclass
class ReceiveNotification(Operation):
    """The body and headers of a webhook."""

    def __post_init__(self) -> None:
        signature = Parameter(
            name="Stripe-Signature",
            param_in="header",
            required=False,
            description="Of Stripe; other gateways sign with headers of their own",
            schema=Schema(type=OpenAPIType.STRING),
        )
        self.parameters = [*(self.parameters or []), signature]
        event = OpenAPIMediaType(schema=Schema(type=OpenAPIType.OBJECT))
        self.request_body = RequestBody(content={"application/json": event}, required=True)
