"""The reply to an attempt to pay, by the status of its payment."""

from typing import Final

from application.use_cases.pay_order import ChargeResult
from domain.payment_status import PaymentStatus
from entrypoints.http.errors import RETRY_LATER, payment_in_progress, shop_refused
from entrypoints.http.idempotency import HandlerResult
from entrypoints.http.replies import (
    code_for_payer,
    json_reply,
    payment_body,
    payment_path,
    problem_reply,
)
from entrypoints.http.reply_bodies import ErrorDetail

_REVERSAL_MESSAGES: Final = {
    "order_cancelled": "The order was cancelled during the payment",
    "order_expired": "The order expired during the payment",
    "order_already_paid": "The order was paid by another payment",
}


def charge_reply(result: ChargeResult) -> HandlerResult:
    """Return the reply to an attempt to pay; not final if the same request may end differently."""
    payment = result.payment
    body = payment_body(payment, action=result.action)
    location = {"Location": payment_path(payment.id)}
    match payment.status:
        case PaymentStatus.AUTHORIZED if payment.is_being_released:
            reason = code_for_payer(payment) or "released"
            message = _REVERSAL_MESSAGES.get(reason, "The order may not be paid")
            detail = ErrorDetail(f"{message}; nothing will be charged", code=reason)
            return HandlerResult(problem_reply(400, detail, payment=body), is_final=False)
        case PaymentStatus.SUCCEEDED | PaymentStatus.AUTHORIZED:
            return HandlerResult(json_reply(201, body, location), is_final=True)
        case PaymentStatus.FAILED if result.is_refused:
            return HandlerResult(shop_refused(payment.code or "refused", body), is_final=False)
        case PaymentStatus.FAILED:
            detail = ErrorDetail("The payment was declined", code=payment.code or "declined")
            return HandlerResult(problem_reply(402, detail, payment=body), is_final=True)
        case PaymentStatus.REQUIRES_ACTION if not result.is_new:
            return HandlerResult(payment_in_progress(body), is_final=False)
        case (
            PaymentStatus.PROCESSING
            | PaymentStatus.REQUIRES_ACTION
            | PaymentStatus.PENDING
            | PaymentStatus.REVIEW
        ):
            return HandlerResult(json_reply(202, body, location), is_final=True)
        case PaymentStatus.REVERSED:
            reason = code_for_payer(payment) or "reversed"
            message = _REVERSAL_MESSAGES.get(reason, "The order may not be paid")
            detail = ErrorDetail(f"{message}; the money will be refunded", code=reason)
            return HandlerResult(problem_reply(400, detail, payment=body), is_final=False)
        case PaymentStatus.ABANDONED | PaymentStatus.CANCELLED:
            detail = ErrorDetail("The payment did not go through; nothing was charged")
            reply = problem_reply(503, detail, headers=RETRY_LATER, payment=body)
            return HandlerResult(reply, is_final=False)
