"""The error replies in the OpenAPI document, and what each operation may refuse, as examples.

The examples are made by the table of replies itself (`errors`).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final

import msgspec
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example

from application.ports.idempotency_store import IdempotencyKeyReused, RequestInProgress
from application.use_cases.claim_order import CaptureUnsupported, GatewayNotOffered
from application.use_cases.create_session import SessionRefused
from application.use_cases.limit_declines import TooManyDeclines
from application.use_cases.refund_payment import LostRefundsFound
from domain.capture import (
    BeingCaptured,
    BeingReleased,
    CaptureCurrencyMismatch,
    CaptureExceedsAuthorization,
)
from domain.capture import NotAuthorized as NothingAuthorized
from domain.claim import (
    AlreadyPaid,
    AmountMismatch,
    NothingDue,
    OrderCancelled,
    OrderExpired,
    PaymentInProgress,
)
from domain.identifiers import OrderId, PaymentId
from domain.money import Currency, Money
from domain.order_reviews import CannotBeKept, NotInReview
from domain.payment_status import PaymentStatus
from domain.refund_rules import NotRefundable, RefundExceedsPayment
from entrypoints.http.errors import reply_to
from entrypoints.http.replies import PROBLEM_JSON, Reply
from entrypoints.http.reply_bodies import ErrorDetail, Problem

_ORDER: Final = OrderId("5f9b2c1d")
_PAYMENT: Final = PaymentId("0b5c9f6e8f6d4b6f9a3de1b7c2a40f11")
_MONEY: Final = Money(1999, Currency.of("usd"))
_AT: Final = datetime(2026, 11, 22, 12, 15, tzinfo=UTC)

_OF_A_KEY: Final = (IdempotencyKeyReused(), RequestInProgress())
_OF_AN_ORDER: Final = (
    OrderCancelled(_ORDER),
    OrderExpired(_ORDER, _AT),
    NothingDue(_ORDER),
    AlreadyPaid(_ORDER, None),
    PaymentInProgress(_ORDER, None),
)
_OF_A_CHOICE: Final = (GatewayNotOffered("bank", ("stripe", "paypal")), CaptureUnsupported("bank"))

PAYMENT_ERRORS: Final[Sequence[Exception]] = (
    *_OF_AN_ORDER,
    *_OF_A_CHOICE,
    AmountMismatch(_MONEY),
    TooManyDeclines(timedelta(minutes=8)),
    *_OF_A_KEY,
)
SESSION_ERRORS: Final[Sequence[Exception]] = (
    *_OF_AN_ORDER,
    *_OF_A_CHOICE,
    SessionRefused("PAYEE_ACCOUNT_RESTRICTED"),
)
OPTIONS_ERRORS: Final[Sequence[Exception]] = _OF_AN_ORDER
REFUND_ERRORS: Final[Sequence[Exception]] = (
    NotRefundable(_PAYMENT, PaymentStatus.FAILED),
    RefundExceedsPayment(_PAYMENT, _MONEY),
    LostRefundsFound(_PAYMENT),
    *_OF_A_KEY,
)
_OF_AN_AUTHORIZATION: Final = (
    NothingAuthorized(_PAYMENT, PaymentStatus.SUCCEEDED),
    BeingCaptured(_PAYMENT),
    *_OF_A_KEY,
)
CAPTURE_ERRORS: Final[Sequence[Exception]] = (
    *_OF_AN_AUTHORIZATION,
    BeingReleased(_PAYMENT),
    CaptureExceedsAuthorization(_PAYMENT, _MONEY),
    CaptureCurrencyMismatch(_PAYMENT, _MONEY),
)
VOID_ERRORS: Final[Sequence[Exception]] = _OF_AN_AUTHORIZATION
REVIEW_ERRORS: Final[Sequence[Exception]] = (
    NotInReview(_PAYMENT, PaymentStatus.SUCCEEDED),
    CannotBeKept(_PAYMENT, "order_cancelled"),
    *_OF_A_KEY,
)

_PROBLEMS: Final = {
    400: ("The request is invalid, or the order may not be paid", "token must be text"),
    401: ("Not signed in, an invalid or expired token, or another user's order", "Not authorized"),
    402: ("Declined; the order can be paid again", "The payment was declined"),
    404: ("Not found", "Not Found"),
    408: ("The body did not arrive in time", "Request Timeout"),
    409: ("Already done, or in progress", "The order is already paid"),
    413: ("The body is too large", "Request Entity Too Large"),
    415: ("The body is not plain JSON in UTF-8", "The body must be application/json"),
    422: ("The idempotency key was used for another request", "The idempotency key was used"),
    429: ("Too many declined cards; try again after Retry-After", "Too many declined cards"),
    500: ("Internal error; recovery finds the outcome of the payment", "Internal Server Error"),
    502: (
        "The payment gateway refuses the shop, not the card; nothing was charged",
        "The payment gateway refuses the shop; try again later",
    ),
    503: ("Try again after Retry-After; nothing was charged", "The service is busy"),
}


def problems(*statuses: int, errors: Sequence[Exception] = ()) -> dict[int, ResponseSpec]:
    """Return the error responses of a route, which may raise `errors`; every one may return 500."""
    replies = [reply_to(error) for error in errors]
    return {
        status: _problem(status, [each for each in replies if each.status == status])
        for status in (*statuses, 500)
    }


def _problem(status: int, replies: Sequence[Reply]) -> ResponseSpec:
    description, message = _PROBLEMS[status]
    problem = Problem([ErrorDetail(message)], HTTPStatus(status).phrase, status)
    general = Example(id=str(status), summary=message, value=problem)
    # A request may also be malformed, whatever else is wrong.
    generals = [general] if not replies or status == HTTPStatus.BAD_REQUEST else []
    return ResponseSpec(
        Problem,
        generate_examples=False,
        description=description,
        media_type=PROBLEM_JSON,
        examples=[*generals, *map(_refusal, replies)],
    )


def _refusal(reply: Reply) -> Example:
    problem = msgspec.json.decode(reply.content)
    (detail,) = problem["errors"]
    return Example(id=detail["code"], summary=detail["message"], value=problem)
