"""Parse the JSON body of a request into a command; report every invalid field at once."""

from collections.abc import Collection

from attrs import frozen

from application.ports.payment_gateway import CardToken
from application.use_cases.pay_order import PayOrder
from domain.claim import ExpectedAmount
from domain.identifiers import OrderId, PaymentId, UserId
from domain.order_captures import VOIDED
from domain.order_reviews import ReviewDecision
from entrypoints.http.captures import CaptureCommand, VoidCommand
from entrypoints.http.handlers import RefundCommand
from entrypoints.http.json_fields import JsonFields
from entrypoints.http.request_fields import (
    CAPTURE,
    NOTHING,
    PAYMENT,
    REFUND,
    REVIEW,
    VOID,
    RequestBody,
)
from entrypoints.http.reviews import ReviewCommand


@frozen
class PaymentRules:
    """What this deployment accepts in the body of `POST /api/payments`."""

    gateways: Collection[str] = ()
    """The names of the configured gateways, also those that they have in the settings."""
    return_origins: tuple[str, ...] = ()
    """Where a method that redirects the customer may come back to."""
    has_choice: bool = False
    """Whether there is more than one; else naming it changes nothing."""


def parse_payment(
    content: bytes, payer: UserId, sources: Collection[str], rules: PaymentRules
) -> PayOrder:
    """Parse the body of `POST /api/payments`; as in the reference service, it may have more fields.

    Raises:
        BadRequest: with one detail for each invalid field; for each required field if the body is
            not a JSON object.
    """
    fields = JsonFields.of(content, PAYMENT)
    token, order_id = fields.text("token"), fields.text("orderId")
    expected = ExpectedAmount(fields.amount("amount"), fields.currency("currency"))
    return_url = fields.url("returnUrl", rules.return_origins)
    gateway = fields.one_of("gateway", rules.gateways)
    fields.check()
    card = CardToken(token, return_url)
    gateway = gateway if rules.has_choice else None
    return PayOrder(OrderId(order_id), payer, card, expected, sources, gateway)


def parse_refund(content: bytes, payment_id: PaymentId) -> RefundCommand:
    """Parse the body of a refund; without an amount, all that is left is refunded.

    Raises:
        BadRequest: with one detail for each invalid or unknown field.
    """
    fields = _optional(content, REFUND)
    amount, reason = fields.amount("amount"), fields.text("reason", "requested")
    fields.check()
    return RefundCommand(payment_id, amount, reason)


def parse_capture(content: bytes, payment_id: PaymentId) -> CaptureCommand:
    """Parse the body of a capture; without an amount, all that is authorized is captured.

    Raises:
        BadRequest: with one detail for each invalid or unknown field.
    """
    fields = _optional(content, CAPTURE)
    amount, currency = fields.amount("amount"), fields.currency("currency")
    fields.check()
    return CaptureCommand(payment_id, amount, currency)


def parse_void(content: bytes, payment_id: PaymentId) -> VoidCommand:
    """Parse the body of a release.

    Raises:
        BadRequest: with one detail for each invalid or unknown field.
    """
    fields = _optional(content, VOID)
    reason = fields.text("reason", VOIDED)
    fields.check()
    return VoidCommand(payment_id, reason)


def parse_review(content: bytes, payment_id: PaymentId) -> ReviewCommand:
    """Parse the body of a decision about a payment in review.

    Raises:
        BadRequest: with one detail for each invalid, missing or unknown field.
    """
    fields = JsonFields.of(content, REVIEW)
    decision, reason = fields.text("decision"), fields.text("reason")
    fields.check()
    return ReviewCommand(payment_id, ReviewDecision(decision), reason)


def parse_no_fields(content: bytes) -> None:
    """Parse the body of a request that says everything in its path.

    Raises:
        BadRequest: with one detail for each field.
    """
    fields = _optional(content, NOTHING)
    fields.check()


def _optional(content: bytes, request: RequestBody) -> JsonFields:
    return JsonFields.of(content.strip() or b"{}", request)
