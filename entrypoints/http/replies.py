"""Replies: what goes back to a client, in the seed's words and the RFCs'."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

import msgspec
from attrs import field, frozen
from msgspec import UNSET, Struct, UnsetType

from domain.order import Order
from domain.outcome import RequiresAction
from domain.payment import Payment, PaymentStatus
from domain.refund import Refund, RefundStatus

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"
"""RFC 9457, section 3. The seed's clients (axios, superagent, fetch) read `+json` like any JSON."""


class NextAction(Struct, rename="camel"):
    """What the customer has to do."""

    type: str
    redirect_url: str | UnsetType = UNSET


class PaymentBody(Struct, rename="camel"):
    """A payment, as its payer sees it. Amounts are in minor units."""

    id: str
    order_id: str
    status: str
    amount: int
    currency: str
    created_at: str
    stripe_id: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    refunded_amount: int | UnsetType = UNSET
    client_secret: str | UnsetType = UNSET
    next_action: NextAction | UnsetType = UNSET


class RefundBody(Struct, rename="camel"):
    """A refund, as the operator sees it. Amounts are in minor units."""

    id: str
    payment_id: str
    order_id: str
    amount: int
    currency: str
    status: str
    reason: str
    code: str | UnsetType = UNSET


class MoneyBody(Struct):
    """An amount in minor units."""

    amount: int
    currency: str


class ErrorDetail(Struct):
    """One thing that is wrong; the seed's shape."""

    message: str
    field: str | UnsetType = UNSET
    code: str | UnsetType = UNSET


class Problem(Struct):
    """The seed's `errors`, as an RFC 9457 problem."""

    errors: list[ErrorDetail]
    title: str
    status: int
    type: str = "about:blank"
    id: str | UnsetType = UNSET
    """The id of the payment that it is about, where an answer without a problem has it, too."""
    payment: PaymentBody | UnsetType = UNSET
    """That payment."""
    due: MoneyBody | UnsetType = UNSET
    """What the order costs."""
    left: MoneyBody | UnsetType = UNSET
    """What may still be refunded."""
    checks: dict[str, str] | UnsetType = UNSET
    """What was found by each readiness check."""


@frozen
class Reply:
    """An answer before it is sent, so that it can be kept and sent again."""

    status: int
    content: bytes
    headers: Mapping[str, str] = field(factory=dict)

    @property
    def is_problem(self) -> bool:
        """Whether it says what is wrong."""
        return self.status >= HTTPStatus.BAD_REQUEST


def reply(status: int, body: object, headers: Mapping[str, str] | None = None) -> Reply:
    """A reply with a JSON body."""
    return Reply(status, msgspec.json.encode(body), headers or {})


def problem(
    status: int,
    *details: ErrorDetail,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Reply:
    """A reply that says what is wrong; without a complaint, in the words of its status."""
    title = HTTPStatus(status).phrase
    payment = more.get("payment", UNSET)
    if isinstance(payment, PaymentBody):
        more["id"] = payment.id
    errors: Sequence[ErrorDetail] = details or (ErrorDetail(title),)
    return reply(status, Problem(list(errors), title, status, **more), headers)


def payment_body(
    payment: Payment, order: Order | None = None, action: RequiresAction | None = None
) -> PaymentBody:
    """A payment for its payer; the bill tells what of it was given back."""
    body = PaymentBody(
        id=payment.id,
        order_id=payment.order_id,
        status=payment.status.value,
        amount=payment.amount.minor_units,
        currency=payment.amount.currency.code,
        created_at=_moment(payment.created_at),
        stripe_id=payment.charge_id or UNSET,
        code=payment.code or UNSET,
    )
    if order is not None:
        body.refunded_amount = sum(
            refund.amount.minor_units
            for refund in order.refunds
            if refund.payment_id == payment.id and refund.status is RefundStatus.SUCCEEDED
        )
    if action is not None and payment.status is PaymentStatus.REQUIRES_ACTION:
        body.client_secret = action.client_secret
        body.next_action = NextAction(action.next_action, action.redirect_url or UNSET)
    return body


def refund_body(refund: Refund) -> RefundBody:
    """A refund for the operator."""
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
    """Where a payment can be looked at."""
    return f"/api/payments/{payment_id}"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
