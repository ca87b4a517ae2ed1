"""Parse the JSON body of a request into a command; report every invalid field at once."""

import re
from collections.abc import Collection
from typing import Any, Final

import msgspec
from attrs import field, frozen

from application.ports.payment_gateway import CardToken
from application.use_cases.create_charge import PayOrder
from domain.claim import ExpectedAmount
from domain.identifiers import OrderId, PaymentId, UserId
from domain.money import MAX_MINOR_UNITS
from entrypoints.http.errors import BadRequest
from entrypoints.http.handlers import RefundCommand
from entrypoints.http.replies import ErrorDetail
from entrypoints.http.validation import MAX_CHARACTERS, is_text

TEXT_RULE: Final = f"must be text of 1 to {MAX_CHARACTERS} characters"

_CURRENCY: Final = re.compile("[A-Za-z]{3}")


@frozen
class _FieldReader:
    """Reads fields of a JSON object and collects what is wrong with them."""

    body: dict[str, Any]
    details: list[ErrorDetail] = field(factory=list)

    def text(self, name: str, default: str | None = None) -> str:
        value = self.body.get(name)
        if value is None and default is not None:
            return default
        if not is_text(value):
            self.details.append(ErrorDetail(f"{name} {TEXT_RULE}", name))
        return str(value)

    def amount(self, name: str, minimum: int) -> int | None:
        value = self.body.get(name)
        if value is None:
            return None
        # Not isinstance: a bool is an int in Python.
        if type(value) is int and minimum <= value <= MAX_MINOR_UNITS:
            return value
        self.details.append(ErrorDetail(f"{name} must be a whole number of minor units", name))
        return None

    def currency(self, name: str) -> str | None:
        value = self.body.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
            self.details.append(ErrorDetail(f"{name} must be a code of three letters", name))
            return None
        return value

    def check(self) -> None:
        """Raise BadRequest if a field is invalid."""
        if self.details:
            raise BadRequest(tuple(self.details))


def parse_payment(content: bytes, payer: UserId, sources: Collection[str]) -> PayOrder:
    """Parse the body of `POST /api/payments`.

    Raises:
        BadRequest: with one detail for each invalid field; for each required field if the body is
            not a JSON object.
    """
    reader = _FieldReader(_json_object(content, required=("token", "orderId")))
    token = reader.text("token")
    order_id = reader.text("orderId")
    expected = ExpectedAmount(reader.amount("amount", minimum=0), reader.currency("currency"))
    reader.check()
    return PayOrder(OrderId(order_id), payer, CardToken(token), expected, sources)


def parse_refund(content: bytes, payment_id: PaymentId) -> RefundCommand:
    """Parse the body of a refund; an empty body refunds all that is left.

    Raises:
        BadRequest: with one detail for each invalid field.
    """
    reader = _FieldReader(_json_object(content) if content.strip() else {})
    amount, reason = reader.amount("amount", minimum=1), reader.text("reason", "requested")
    reader.check()
    return RefundCommand(payment_id, amount, reason)


def _json_object(content: bytes, required: tuple[str, ...] = ()) -> dict[str, Any]:
    message = "The body must be a JSON object"
    try:
        body = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body, message = None, "The body is not valid JSON"
    if isinstance(body, dict):
        return body
    missing = (ErrorDetail(f"{message}: {name} is missing", name) for name in required)
    raise BadRequest(tuple(missing) or (ErrorDetail(message),))
