"""The OpenAPI descriptions of requests: their bodies, headers and queries."""

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

from domain.money import MAX_MINOR_UNITS
from domain.order_reviews import ReviewDecision
from domain.payment_status import PaymentStatus
from entrypoints.http.operator_bodies import LISTED, MAX_LISTED
from entrypoints.http.validation import MAX_CHARACTERS
from entrypoints.web_origins import MAX_URL

# No NUL, which PostgreSQL cannot store.
_TEXT: Final = Schema(
    type=OpenAPIType.STRING, min_length=1, max_length=MAX_CHARACTERS, pattern="^[^\\x00]*$"
)
_MINOR: Final = Schema(
    type=OpenAPIType.INTEGER, minimum=1, maximum=MAX_MINOR_UNITS, description="In minor units"
)
_CURRENCY: Final = Schema(type=OpenAPIType.STRING, pattern="^[A-Za-z]{3}$", description="ISO 4217")

_GATEWAY: Final = Schema(
    type=OpenAPIType.STRING, description="The gateway that the token is for: the configured one"
)
_RETURN_URL: Final = Schema(
    type=OpenAPIType.STRING,
    format=OpenAPIFormat.URI,
    max_length=MAX_URL,
    description="Where a method that redirects the customer comes back to; of an allowed origin",
)

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
    description="W3C trace context; it is continued in the events.",
    schema=Schema(
        type=OpenAPIType.STRING, pattern="^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}.*$"
    ),
)


def _json_body(required: list[str], example: dict[str, Any], **fields: Schema) -> RequestBody:
    """Return the description of a body; one without required fields has no unknown ones, either."""
    schema = Schema(
        type=OpenAPIType.OBJECT,
        required=required or None,
        properties=fields,  # type: ignore[arg-type]  # a dict is invariant
        additional_properties=None if required else False,
    )
    media_type = OpenAPIMediaType(schema=schema, example=example)
    return RequestBody(content={"application/json": media_type}, required=bool(required))


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
        self.request_body = _json_body(
            ["token", "orderId"],
            {"token": "tok_visa", "orderId": "5f9b2c1d"},
            token=_TEXT,
            orderId=_TEXT,
            amount=_MINOR,
            currency=_CURRENCY,
            gateway=_GATEWAY,
            returnUrl=_RETURN_URL,
        )


@dataclass
class CreateSession(Operation):
    """The body and headers of `POST /api/payments/sessions`."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), _TRACEPARENT]
        page = "https://shop.example/orders/5f9b2c1d"
        self.request_body = _json_body(
            ["orderId", "gateway", "returnUrl", "cancelUrl"],
            {"orderId": "5f9b2c1d", "gateway": "paypal", "returnUrl": page, "cancelUrl": page},
            orderId=_TEXT,
            gateway=_GATEWAY,
            returnUrl=_RETURN_URL,
            cancelUrl=_RETURN_URL,
        )


@dataclass
class NoFields(Operation):
    """The headers of a request that says everything in its path; its body has no fields."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), _TRACEPARENT]
        self.request_body = _json_body([], {})


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
        self.request_body = _json_body(
            [], {"amount": 500, "reason": "requested"}, amount=_MINOR, reason=_TEXT
        )


@dataclass
class CapturePayment(Operation):
    """The body and headers of a capture."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), _IDEMPOTENCY_KEY, _TRACEPARENT]
        self.request_body = _json_body([], {"amount": 500}, amount=_MINOR, currency=_CURRENCY)


@dataclass
class VoidPayment(Operation):
    """The body and headers of a release."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), _IDEMPOTENCY_KEY, _TRACEPARENT]
        self.request_body = _json_body([], {"reason": "voided"}, reason=_TEXT)


@dataclass
class ReviewPayment(Operation):
    """The body and headers of a decision about a payment in review."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), _IDEMPOTENCY_KEY, _TRACEPARENT]
        decision = Schema(
            type=OpenAPIType.STRING, enum=sorted(each.value for each in ReviewDecision)
        )
        self.request_body = _json_body(
            ["decision", "reason"],
            {"decision": "accept", "reason": "agreed with the customer"},
            decision=decision,
            reason=_TEXT,
        )


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
        moment = Schema(type=OpenAPIType.STRING, description="ISO 8601; `until` is exclusive")
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
