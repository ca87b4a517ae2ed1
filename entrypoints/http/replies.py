"""Replies: status, headers and JSON bodies, independent of the web framework."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from attrs import field, frozen
from msgspec import UNSET

from domain.explanation import time_text
from domain.order import Order
from domain.order_captures import VOIDED
from domain.outcome import RequiresAction
from domain.payment import Payment
from domain.payment_status import CANCELLABLE, RELEASE_CODES, PaymentStatus
from domain.refund import Refund, RefundStatus
from entrypoints.http.reply_bodies import ErrorDetail, NextAction, PaymentBody, Problem, RefundBody

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"
"""RFC 9457, section 3. The clients of the reference service (axios, superagent, fetch) parse any
`+json` as JSON."""


@frozen
class Reply:
    """A reply before it is sent, so that it can be stored and repeated."""

    status: int
    content: bytes
    headers: Mapping[str, str] = field(factory=dict)

    @property
    def is_problem(self) -> bool:
        """Whether the body is a Problem."""
        return self.status >= HTTPStatus.BAD_REQUEST

    @property
    def media_type(self) -> str:
        """The content type of the body."""
        return PROBLEM_JSON if self.is_problem else JSON


def json_reply(status: int, body: object, headers: Mapping[str, str] | None = None) -> Reply:
    """Return a reply with a JSON body."""
    return Reply(status, msgspec.json.encode(body), headers or {})


def problem_reply(
    status: int,
    *details: ErrorDetail,
    headers: Mapping[str, str] | None = None,
    **fields: Any,
) -> Reply:
    """Return a reply with a Problem; without details, its message is the title of the status.

    `fields` are optional fields of Problem; `id` follows from `payment`.
    """
    title = HTTPStatus(status).phrase
    payment = fields.get("payment", UNSET)
    if isinstance(payment, PaymentBody):
        fields["id"] = payment.id
    errors: Sequence[ErrorDetail] = details or (ErrorDetail(title),)
    return json_reply(status, Problem(list(errors), title, status, **fields), headers)


def payment_body(
    payment: Payment, order: Order | None = None, action: RequiresAction | None = None
) -> PaymentBody:
    """Return the body for a payment; with its order, the body has the refunded amount."""
    body = PaymentBody(
        id=payment.id,
        order_id=payment.order_id,
        status=payment.status.value,
        amount=payment.amount.minor_units,
        currency=payment.amount.currency.code,
        created_at=time_text(payment.created_at),
        gateway=payment.gateway,
        stripe_id=payment.charge_id or UNSET,
        charge_id=payment.charge_id or UNSET,
        code=code_for_payer(payment) or UNSET,
    )
    if order is not None:
        body.refunded_amount = sum(
            refund.amount.minor_units
            for refund in order.refunds
            if refund.payment_id == payment.id and refund.status is RefundStatus.SUCCEEDED
        )
    if payment.status is PaymentStatus.AUTHORIZED and payment.authorized_until is not None:
        body.authorized_until = time_text(payment.authorized_until)
    captured = payment.captured_amount
    if captured not in (None, payment.amount) and captured.currency == payment.amount.currency:
        body.captured_amount = captured.minor_units
    if action is not None and payment.status in CANCELLABLE:
        add_action(body, action)
    return body


def add_action(body: PaymentBody, action: RequiresAction) -> None:
    """Add what the customer must do."""
    body.client_secret = action.client_secret or UNSET
    body.next_action = NextAction(action.next_action, action.redirect_url or UNSET)


def refund_body(refund: Refund) -> RefundBody:
    """Return the body for a refund."""
    return RefundBody(
        id=refund.id,
        payment_id=refund.payment_id,
        order_id=refund.order_id,
        amount=refund.amount.minor_units,
        currency=refund.amount.currency.code,
        status=refund.status.value,
        reason=refund.reason,
        code=refund.code or UNSET,
    )


def payment_path(payment_id: str) -> str:
    """Return the path of a payment, for the Location header."""
    return f"/api/payments/{payment_id}"


def operator_body(payment: Payment) -> PaymentBody:
    """Return the body for a payment, as the operator sees it, with all words about it."""
    body = payment_body(payment)
    body.code = payment.code or UNSET
    body.release_reason = payment.release_reason or UNSET
    return body


def code_for_payer(payment: Payment) -> str | None:
    """Return the code of a payment; the gateway's own for a release is not for its payer."""
    was_authorized = payment.authorized_until is not None and payment.code is not None
    if (
        not was_authorized
        or payment.status is PaymentStatus.FAILED
        or payment.code in RELEASE_CODES
    ):
        return payment.code
    return VOIDED
