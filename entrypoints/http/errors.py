"""The one table from errors to statuses."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from attrs import frozen
from msgspec import UNSET, UnsetType

from application.ports.gateway_notifications import InvalidNotification
from application.ports.idempotency_store import IdempotencyKeyReused, RequestInProgress
from application.ports.payment_gateway import GatewayUnavailable
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.limit_declines import TooManyDeclines
from domain.claim import (
    AlreadyPaid,
    AmountMismatch,
    NotYourOrder,
    OrderCancelled,
    OrderExpired,
    OrderNotFound,
    PaymentInProgress,
)
from domain.money import Money
from domain.order_entities import PaymentNotFound
from domain.payment import Payment
from domain.refund_rules import NotRefundable, RefundExceedsPayment
from entrypoints.http.replies import (
    ErrorDetail,
    MoneyBody,
    PaymentBody,
    Reply,
    payment_body,
    problem,
)

logger = structlog.get_logger(__name__)

# Seconds after which it is worth trying again: PostgreSQL restarts within a few.
RETRY_SECONDS: Final = 2

RETRY: Final = {"Retry-After": str(RETRY_SECONDS)}

# RFC 9110, section 15.5.2, asks for it; browsers show no dialogue for this scheme.
CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}

# What is left of a body that was not read would else be taken for the next request.
HANG_UP: Final = {"Connection": "close"}


class NotAuthorized(Exception):
    """Nobody known is asking, or somebody who may not."""


class KeysUnavailable(Exception):
    """The identity provider's keys cannot be had, so nobody's token can be checked."""


class NotFound(Exception):
    """There is no such thing, or nothing that this user may learn of."""


class NotJson(Exception):
    """The body is declared to be something else than JSON."""


class BodyTooLarge(Exception):
    """The body is larger than what is read of it."""


class BodyTooSlow(Exception):
    """The body did not arrive in time."""


@frozen
class BadRequest(Exception):
    """What was sent cannot be understood; every reason at once."""

    details: tuple[ErrorDetail, ...]


def _unauthorized(_: object) -> Reply:
    return problem(401, ErrorDetail("Not authorized"), headers=CHALLENGE)


def _not_found(_: object) -> Reply:
    return problem(404, ErrorDetail("Not Found"))


def _later(message: str) -> Callable[[Any], Reply]:
    return lambda _: problem(503, ErrorDetail(message), headers=RETRY)


def _already_paid(error: AlreadyPaid) -> Reply:
    detail = ErrorDetail("The order is already paid", code="already_paid")
    return problem(409, detail, payment=_own(error.payment))


def _under_way(error: PaymentInProgress) -> Reply:
    return payment_in_progress(_own(error.payment))


def payment_in_progress(payment: PaymentBody | UnsetType) -> Reply:
    """Another payment of the order may still succeed; the payer's own is told."""
    detail = ErrorDetail("A payment of the order is under way", code="payment_under_way")
    return problem(409, detail, payment=payment)


def _own(payment: Payment | None) -> PaymentBody | UnsetType:
    return UNSET if payment is None else payment_body(payment)


def _amount_differs(error: AmountMismatch) -> Reply:
    message = f"The amount due is {error.due}"
    detail = ErrorDetail(message, field="amount", code="amount_differs")
    return problem(400, detail, due=_money(error.due))


def _not_refundable(error: NotRefundable) -> Reply:
    message = f"A payment that is {error.status.value} cannot be refunded"
    return problem(409, ErrorDetail(message, code="not_refundable"))


def _exceeds(error: RefundExceedsPayment) -> Reply:
    message = f"{error.left} are left to be refunded"
    detail = ErrorDetail(message, field="amount", code="refund_exceeds_payment")
    return problem(400, detail, left=_money(error.left))


def _too_many_declines(error: TooManyDeclines) -> Reply:
    seconds = str(math.ceil(error.retry_after.total_seconds()))
    detail = ErrorDetail("Too many declined cards", code="too_many_declines")
    return problem(429, detail, headers={"Retry-After": seconds})


def _money(money: Money) -> MoneyBody:
    return MoneyBody(money.minor_units, money.currency.code)


_TABLE: Final[Mapping[type, Callable[[Any], Reply]]] = {
    # who asks, and for what
    NotAuthorized: _unauthorized,
    NotYourOrder: _unauthorized,
    KeysUnavailable: _later("Your sign-in cannot be checked just now"),
    NotFound: _not_found,
    OrderNotFound: _not_found,
    PaymentNotFound: _not_found,
    # what was sent
    BadRequest: lambda error: problem(400, *error.details),
    NotJson: lambda _: problem(
        415, ErrorDetail("The body must be application/json"), headers=HANG_UP
    ),
    BodyTooLarge: lambda _: problem(413, headers=HANG_UP),
    BodyTooSlow: lambda _: problem(408, headers=HANG_UP),
    InvalidNotification: lambda _: problem(400, ErrorDetail("Not a notice of the gateway")),
    # idempotency keys (draft-ietf-httpapi-idempotency-key-header, section 2.7)
    IdempotencyKeyReused: lambda _: problem(
        422, ErrorDetail("The idempotency key was used for another request", code="key_reused")
    ),
    RequestInProgress: lambda _: problem(
        409,
        ErrorDetail("The first request with this key is under way", code="request_under_way"),
        headers=RETRY,
    ),
    # the order
    OrderCancelled: lambda _: problem(
        400, ErrorDetail("Cannot pay for a cancelled order", code="order_cancelled")
    ),
    OrderExpired: lambda _: problem(
        400, ErrorDetail("Cannot pay for an expired order", code="order_expired")
    ),
    AmountMismatch: _amount_differs,
    AlreadyPaid: _already_paid,
    PaymentInProgress: _under_way,
    TooManyDeclines: _too_many_declines,
    # the refund
    NotRefundable: _not_refundable,
    RefundExceedsPayment: _exceeds,
    # the parts
    StorageUnavailable: _later("The service is busy; nothing was charged"),
    GatewayUnavailable: _later("The payment gateway cannot be reached; nothing was charged"),
}


def reply_to(error: Exception) -> Reply:
    """What a client is told of an error; of one that nobody expected, nothing but that it happened."""
    for kind in type(error).__mro__:
        if kind in _TABLE:
            return _TABLE[kind](error)
    logger.error("unexpected", exc_info=error)
    return problem(500)
