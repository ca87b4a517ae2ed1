"""What clients send: read within bounds, and everything wrong with it said at once."""

import asyncio
import re
from typing import Any, Final

import msgspec
from attrs import field, frozen
from litestar import Request

from application.ports.payment_gateway import CardToken
from domain.claim import ExpectedAmount
from domain.identifiers import OrderId
from domain.money import MAX_MINOR_UNITS
from entrypoints.http.errors import BadRequest, BodyTooLarge, BodyTooSlow, NotJson
from entrypoints.http.replies import ErrorDetail

AnyRequest = Request[Any, Any, Any]

# More than twice the largest request there can be: two texts of 255 characters, of 12 bytes each
# when escaped as \uXXXX pairs, and a few names.
MAX_JSON_BYTES: Final = 16 * 1024

# Stripe's events were at most some 100 KiB; the broker's usual limit is a fair bound.
MAX_NOTIFICATION_BYTES: Final = 1024 * 1024

# The contract cuts a body off within 30 s; below the 25 s that a graceful stop waits for it.
BODY_SECONDS: Final = 20.0

MAX_CHARACTERS: Final = 255
"""Of an id, a token, a reason or an idempotency key; the longest of Stripe's is 255."""

_WHAT_TEXT_IS: Final = f"must be text of 1 to {MAX_CHARACTERS} characters"
_CURRENCY: Final = re.compile("[A-Za-z]{3}")
_PAYMENT_ID: Final = re.compile("[A-Za-z0-9_-]{1,36}")
_IDEMPOTENCY_KEY: Final = re.compile(f"[\x21-\x7e]{{1,{MAX_CHARACTERS}}}")


@frozen
class ChargeRequest:
    """A wish to pay an order."""

    order_id: OrderId
    token: CardToken
    expected: ExpectedAmount


@frozen
class RefundRequest:
    """A wish to give money back; all that is left where no amount is named."""

    minor_units: int | None
    reason: str


@frozen
class _Reader:
    """Picks fields out of a JSON object, and collects what is wrong with them."""

    body: dict[str, Any]
    details: list[ErrorDetail] = field(factory=list)

    def text(self, name: str, default: str | None = None) -> str:
        value = self.body.get(name)
        if value is None and default is not None:
            return default
        if not is_text(value):
            self.details.append(ErrorDetail(f"{name} {_WHAT_TEXT_IS}", name))
        return str(value)

    def amount(self, name: str, least: int) -> int | None:
        value = self.body.get(name)
        if value is None:
            return None
        if type(value) is int and least <= value <= MAX_MINOR_UNITS:  # true is an int to Python
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
        if self.details:
            raise BadRequest(tuple(self.details))


def charge_request(content: bytes) -> ChargeRequest:
    """Read the body of `POST /api/payments`.

    Raises:
        BadRequest: with every field that is wrong; both, where nothing can be read at all.
    """
    reader = _Reader(_object(content, required=("token", "orderId")))
    token = reader.text("token")
    order_id = reader.text("orderId")
    expected = ExpectedAmount(reader.amount("amount", least=0), reader.currency("currency"))
    reader.check()
    return ChargeRequest(OrderId(order_id), CardToken(token), expected)


def refund_request(content: bytes) -> RefundRequest:
    """Read the body of a refund; nothing at all asks for everything that is left.

    Raises:
        BadRequest: with every field that is wrong.
    """
    reader = _Reader(_object(content) if content.strip() else {})
    request = RefundRequest(reader.amount("amount", least=1), reader.text("reason", "requested"))
    reader.check()
    return request


def _object(content: bytes, required: tuple[str, ...] = ()) -> dict[str, Any]:
    problem = "The body must be a JSON object"
    try:
        body = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body, problem = None, "The body is not valid JSON"
    if isinstance(body, dict):
        return body
    missing = (ErrorDetail(f"{problem}: {name} is missing", name) for name in required)
    raise BadRequest(tuple(missing) or (ErrorDetail(problem),))


def is_text(value: object) -> bool:
    """Whether every part of ours can store it: text, not empty or long, no NUL, no half character."""
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_CHARACTERS or "\0" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_payment_id(value: str) -> bool:
    """Whether it has the form of a payment's id; anything else is nobody's."""
    return _PAYMENT_ID.fullmatch(value) is not None


def order_in_query(request: AnyRequest) -> OrderId:
    """The order asked for in `?orderId=`.

    Raises:
        BadRequest: there is none, or it is no text.
    """
    value = request.query_params.get("orderId")
    if not is_text(value):
        raise BadRequest((ErrorDetail(f"orderId {_WHAT_TEXT_IS}", "orderId"),))
    return OrderId(str(value))


def idempotency_key(request: AnyRequest) -> str | None:
    """The key of a request, if it carries one; quoted, as the draft has it, or bare.

    https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/, section 2.1.

    Raises:
        BadRequest: it is no key.
    """
    values = request.headers.getall("idempotency-key", [])
    if not values:
        return None
    key = values[0].strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = re.sub(r"\\([\"\\])", r"\1", key[1:-1])
    if len(values) > 1 or not _IDEMPOTENCY_KEY.fullmatch(key):
        message = f"Idempotency-Key must be one key of 1 to {MAX_CHARACTERS} visible characters"
        raise BadRequest((ErrorDetail(message, "Idempotency-Key"),))
    return key


async def read_json(request: AnyRequest, *, required: bool = True) -> bytes:
    """The body, which must be declared as JSON: a form sent by another site never is.

    Raises:
        NotJson, BodyTooLarge, BodyTooSlow, BadRequest: it is not to be had.
    """
    declared = request.headers.getall("content-type", [])
    if len(declared) != 1 or not _is_json(declared[0]):
        if required or declared or await read_body(request, MAX_JSON_BYTES):
            raise NotJson
        return b""
    return await read_body(request, MAX_JSON_BYTES)


async def read_body(request: AnyRequest, most: int) -> bytes:
    """The body byte for byte, counted while it arrives, whatever length was announced.

    Raises:
        BodyTooLarge: it is longer than `most` bytes.
        BodyTooSlow: it did not arrive in BODY_SECONDS.
        BadRequest: it ended early.
    """
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced[:20]) > most:
        raise BodyTooLarge
    content = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await request.receive()
                if message["type"] != "http.request":
                    raise BadRequest((ErrorDetail("The body ended early"),))
                content += message.get("body", b"")
                if len(content) > most:
                    raise BodyTooLarge
                if not message.get("more_body", False):
                    return bytes(content)
    except TimeoutError:
        raise BodyTooSlow from None


def _is_json(content_type: str) -> bool:
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = {"charset=utf-8", 'charset="utf-8"', ""}
    return media_type == "application/json" and charsets.issuperset(parameters)
