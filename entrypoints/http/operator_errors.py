"""The replies to the errors of operators' requests."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from application.ports.gateways import GatewayNotConfigured
from application.use_cases.refund_payment import LostRefundsFound
from domain.capture import (
    BeingCaptured,
    BeingReleased,
    CaptureCurrencyMismatch,
    CaptureExceedsAuthorization,
)
from domain.capture import NotAuthorized as NothingAuthorized
from domain.money import Money
from domain.order_reviews import CannotBeKept, NotInReview
from domain.refund_rules import NotRefundable, RefundExceedsPayment
from entrypoints.http.replies import Reply, problem_reply
from entrypoints.http.reply_bodies import ErrorDetail, MoneyBody


def _not_refundable(error: NotRefundable) -> Reply:
    message = f"A payment with status {error.status.value} cannot be refunded"
    return problem_reply(409, ErrorDetail(message, code="not_refundable"))


def _refund_exceeds_payment(error: RefundExceedsPayment) -> Reply:
    message = f"At most {error.left} can still be refunded"
    detail = ErrorDetail(message, field="amount", code="refund_exceeds_payment")
    return problem_reply(400, detail, left=_money(error.left))


def _nothing_authorized(error: NothingAuthorized) -> Reply:
    message = f"Nothing is authorized for a payment with status {error.status.value}"
    detail = ErrorDetail(message, code="nothing_authorized")
    return problem_reply(409, detail, id=error.payment_id)


def _busy(error: BeingReleased | BeingCaptured, message: str) -> Reply:
    code = "being_released" if isinstance(error, BeingReleased) else "being_captured"
    return problem_reply(409, ErrorDetail(message, code=code), id=error.payment_id)


def _capture_exceeds_authorization(error: CaptureExceedsAuthorization) -> Reply:
    message = f"At most {error.authorized} can be captured"
    detail = ErrorDetail(message, field="amount", code="capture_exceeds_authorization")
    return problem_reply(400, detail, authorized=_money(error.authorized))


def _capture_currency_mismatch(error: CaptureCurrencyMismatch) -> Reply:
    message = f"The authorized amount is {error.authorized}"
    detail = ErrorDetail(message, field="currency", code="currency_mismatch")
    return problem_reply(400, detail, authorized=_money(error.authorized))


def _not_in_review(error: NotInReview) -> Reply:
    message = f"A payment with status {error.status.value} is not in review"
    return problem_reply(409, ErrorDetail(message, code="not_in_review"), id=error.payment_id)


def _gateway_not_configured(error: GatewayNotConfigured) -> Reply:
    message = f"The payment is at {error.gateway}, which is not configured any more"
    return problem_reply(409, ErrorDetail(message, code="gateway_not_configured"))


def _money(money: Money) -> MoneyBody:
    return MoneyBody(money.minor_units, money.currency.code)


OPERATOR_REPLIES: Final[Mapping[type, Callable[[Any], Reply]]] = {
    # the authorization
    NothingAuthorized: _nothing_authorized,
    BeingReleased: lambda error: _busy(error, "The authorization is being released"),
    BeingCaptured: lambda error: _busy(error, "A capture of the authorization is in progress"),
    CaptureExceedsAuthorization: _capture_exceeds_authorization,
    CaptureCurrencyMismatch: _capture_currency_mismatch,
    # the review
    NotInReview: _not_in_review,
    CannotBeKept: lambda error: problem_reply(
        409, ErrorDetail("The order cannot keep the money", code=error.because), id=error.payment_id
    ),
    # the refund
    NotRefundable: _not_refundable,
    RefundExceedsPayment: _refund_exceeds_payment,
    LostRefundsFound: lambda _: problem_reply(
        409,
        ErrorDetail("Refunds were found that the database had lost", code="lost_refunds_found"),
    ),
    # the gateway
    GatewayNotConfigured: _gateway_not_configured,
}
"""The reply to each error, by its class; a part of the table in errors.py."""
