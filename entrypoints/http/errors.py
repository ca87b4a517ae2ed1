"""The errors of the HTTP layer, and the table from all errors to their replies."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from attrs import frozen
from msgspec import UNSET, UnsetType

from application.ports.event_publisher import BrokerUnavailable
from application.ports.gateway_notifications import InvalidNotification
from application.ports.idempotency_store import IdempotencyKeyReused, RequestInProgress
from application.ports.payment_gateway import GatewayUnavailable
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.claim_order import CaptureUnsupported, GatewayNotOffered
from application.use_cases.create_session import SessionRefused
from application.use_cases.find_order import NothingFound
from application.use_cases.limit_declines import TooManyDeclines
from domain.claim import (
    AlreadyPaid,
    AmountMismatch,
    NothingDue,
    NotYourOrder,
    OrderCancelled,
    OrderExpired,
    OrderNotFound,
    PaymentInProgress,
)
from domain.money import Money
from domain.order_entities import PaymentNotFound
from domain.payment import Payment
from entrypoints.http.operator_errors import OPERATOR_REPLIES
from entrypoints.http.replies import Reply, payment_body, problem_reply
from entrypoints.http.reply_bodies import ErrorDetail, MoneyBody, PaymentBody

logger = structlog.get_logger(__name__)

# PostgreSQL restarts within a few seconds.
RETRY_SECONDS: Final = 2

RETRY_LATER: Final = {"Retry-After": str(RETRY_SECONDS)}

# RFC 9110, section 15.5.2, requires it; browsers show no dialog for this scheme.
CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}

# If the body was not read to its end, the rest would be parsed as the next request.
CLOSE_CONNECTION: Final = {"Connection": "close"}


class NotAuthorized(Exception):
    """The request has no valid credentials, or they do not permit it."""


class KeysUnavailable(Exception):
    """The identity provider's keys cannot be fetched, so its tokens cannot be verified."""


class NotFound(Exception):
    """The resource does not exist, or the user may not know that it does."""


@frozen
class NotJson(Exception):
    """The body is not declared as JSON in UTF-8."""

    message: str = "The body must be application/json"


@frozen
class EncodedBody(Exception):
    """The body has a content coding, and the service reads plain bodies only."""

    coding: str


class BodyTooLarge(Exception):
    """The body is larger than the route's limit."""


class BodyTooSlow(Exception):
    """The body did not arrive in time."""


@frozen
class BadRequest(Exception):
    """The request is invalid; `details` are all the reasons."""

    details: tuple[ErrorDetail, ...]


def _not_authorized(_: object) -> Reply:
    return problem_reply(401, ErrorDetail("Not authorized"), headers=CHALLENGE)


def _not_found(_: object) -> Reply:
    return problem_reply(404, ErrorDetail("Not Found"))


def _unavailable(message: str) -> Callable[[Any], Reply]:
    return lambda _: problem_reply(503, ErrorDetail(message), headers=RETRY_LATER)


def _already_paid(error: AlreadyPaid) -> Reply:
    detail = ErrorDetail("The order is already paid", code="already_paid")
    return problem_reply(409, detail, payment=_payment(error.payment))


def _payment_in_progress(error: PaymentInProgress) -> Reply:
    return payment_in_progress(_payment(error.payment))


def payment_in_progress(payment: PaymentBody | UnsetType) -> Reply:
    """Return the reply for an order with an open payment; the body has only the payer's own."""
    detail = ErrorDetail("A payment for this order is in progress", code="payment_in_progress")
    return problem_reply(409, detail, payment=payment)


def shop_refused(code: str, payment: PaymentBody | UnsetType = UNSET) -> Reply:
    """Return the reply if no card can pay; the operator's words may tell about the account."""
    detail = ErrorDetail("The payment gateway refuses the shop; try again later", code=code)
    return problem_reply(502, detail, payment=payment)


def _payment(payment: Payment | None) -> PaymentBody | UnsetType:
    return UNSET if payment is None else payment_body(payment)


def _encoded_body(error: EncodedBody) -> Reply:
    # RFC 9110, section 12.5.3: the reply to an unsupported coding names the supported ones.
    message = f"A body with content coding {error.coding} cannot be read"
    headers = {"Accept-Encoding": "identity", **CLOSE_CONNECTION}
    return problem_reply(415, ErrorDetail(message, "Content-Encoding"), headers=headers)


def _amount_mismatch(error: AmountMismatch) -> Reply:
    message = f"The amount due is {error.due}"
    detail = ErrorDetail(message, field="amount", code="amount_mismatch")
    return problem_reply(400, detail, due=_money(error.due))


def _gateway_not_offered(error: GatewayNotOffered) -> Reply:
    names = " or ".join(error.offered)
    message = f"must be {names}" if names else "no gateway can take this order"
    return problem_reply(400, ErrorDetail(message, field="gateway", code="gateway_not_offered"))


def _too_many_declines(error: TooManyDeclines) -> Reply:
    seconds = str(math.ceil(error.retry_after.total_seconds()))
    detail = ErrorDetail("Too many declined cards", code="too_many_declines")
    return problem_reply(429, detail, headers={"Retry-After": seconds})


def _money(money: Money) -> MoneyBody:
    return MoneyBody(money.minor_units, money.currency.code)


_REPLIES: Final[Mapping[type, Callable[[Any], Reply]]] = {
    # credentials and access
    NotAuthorized: _not_authorized,
    NotYourOrder: _not_authorized,
    KeysUnavailable: _unavailable("The sign-in cannot be verified at the moment"),
    NotFound: _not_found,
    OrderNotFound: _not_found,
    PaymentNotFound: _not_found,
    NothingFound: _not_found,
    # the request
    BadRequest: lambda error: problem_reply(400, *error.details),
    NotJson: lambda error: problem_reply(
        415, ErrorDetail(error.message, "Content-Type"), headers=CLOSE_CONNECTION
    ),
    EncodedBody: _encoded_body,
    BodyTooLarge: lambda _: problem_reply(413, headers=CLOSE_CONNECTION),
    BodyTooSlow: lambda _: problem_reply(408, headers=CLOSE_CONNECTION),
    InvalidNotification: lambda _: problem_reply(
        400, ErrorDetail("The notification cannot be verified")
    ),
    # idempotency keys (draft-ietf-httpapi-idempotency-key-header, section 2.7)
    IdempotencyKeyReused: lambda _: problem_reply(
        422, ErrorDetail("The idempotency key was used for another request", code="key_reused")
    ),
    RequestInProgress: lambda _: problem_reply(
        409,
        ErrorDetail("The first request with this key is in progress", code="request_in_progress"),
        headers=RETRY_LATER,
    ),
    # the order
    OrderCancelled: lambda _: problem_reply(
        400, ErrorDetail("Cannot pay for a cancelled order", code="order_cancelled")
    ),
    OrderExpired: lambda _: problem_reply(
        400, ErrorDetail("Cannot pay for an expired order", code="order_expired")
    ),
    NothingDue: lambda _: problem_reply(
        400, ErrorDetail("Nothing is due for this order", code="nothing_due")
    ),
    AmountMismatch: _amount_mismatch,
    AlreadyPaid: _already_paid,
    PaymentInProgress: _payment_in_progress,
    TooManyDeclines: _too_many_declines,
    GatewayNotOffered: _gateway_not_offered,
    CaptureUnsupported: lambda _: shop_refused("capture_unsupported"),
    SessionRefused: lambda error: shop_refused(error.code),
    **OPERATOR_REPLIES,
    # the database and the gateway
    StorageUnavailable: _unavailable("The service is busy; nothing was charged"),
    BrokerUnavailable: _unavailable("NATS cannot be reached"),
    GatewayUnavailable: _unavailable("The payment gateway cannot be reached; nothing was charged"),
}


def reply_to(error: Exception) -> Reply:
    """Return the reply to an error; an unexpected error is logged, and its details are not sent."""
    for kind in type(error).__mro__:
        if kind in _REPLIES:
            return _REPLIES[kind](error)
    logger.error("unexpected error", exc_info=error)
    return problem_reply(500)
