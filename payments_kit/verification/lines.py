"""The lines of a file: each is a JSON object, and its `kind` says which one.

docs/reference/history-file.md describes them for other programs. Unknown fields are ignored.
"""

from base64 import b64decode, b64encode
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Raw, Struct

FORMAT: Final = "payments-history"
VERSION: Final = 1
"""Of the format; another one may mean something else by the same line."""

Text = Annotated[str, Meta(min_length=1, max_length=1000)]
"""An id or a word; the longest of a gateway that we know has 255 characters."""

Moment = Annotated[datetime, Meta(tz=True)]

Units = Annotated[int, Meta(ge=0, le=2**53 - 1)]
"""Whole minor units, as many as JSON numbers express exactly in every language."""

Count = Annotated[int, Meta(ge=0)]


class Line(Struct, tag_field="kind", rename="camel", omit_defaults=True):
    """What every line is."""


class GatewayLists(Struct, rename="camel"):
    """What was asked of one gateway."""

    name: Text
    charges: bool
    refunds: bool
    disputes: bool = False
    delay_seconds: Annotated[float, Meta(ge=0)] = 0
    """How long a record may be missing in its lists."""
    livemode: bool | None = None
    """Whether it was asked about real money; it does not list the payments of the other mode."""


class Header(Line, tag="header", kw_only=True):
    """The first line: what the file contains, and of which time."""

    format: str
    version: int
    sealed: bool
    """Whether each line has a hash that continues the one of the line before it."""
    shop: str
    """Which books these are."""
    created_at: Moment
    since: Moment
    until: Moment
    currency: Text = "usd"
    """Of prices that name none."""
    capture_subject: Text = "order:shipped"
    includes: list[str] = []
    """Which of `histories`, `orderEvents` and `events` the file has for the period."""
    gateways: list[GatewayLists] = []


class Recorded(Line, tag="history"):
    """One line of an order's history, as `payments audit export` writes it."""

    entry: Raw


class Message(Line, kw_only=True):
    """A message of a stream."""

    subject: Text
    at: Moment
    body: Raw = Raw()
    """Its JSON; missing if it is no JSON."""
    data: str | None = None
    """Its bytes in base64, if they are no JSON."""

    @property
    def content(self) -> bytes:
        """The bytes of the message; those of JSON may differ in white space.

        Raises:
            ValueError: `data` is not base64.
        """
        return bytes(self.body) if self.data is None else b64decode(self.data, validate=True)


class OrderMessage(Message, tag="orderEvent"):
    """An event of the orders service."""


class DeadLetterMessage(Message, tag="deadLetter"):
    """An event of the orders service that could not be used."""


class OurEvent(Message, tag="event", kw_only=True):
    """An event of ours; `at` is when it happened."""

    id: Text
    stored_at: Moment | None = None


class ChargeLine(Line, tag="charge", kw_only=True):
    """A charge that the gateway has, with our labels."""

    gateway: Text
    id: Text
    payment: Text
    order: str = ""
    amount: Units
    currency: Text
    state: Text
    """`captured`, `held`, `pending`, `failed`, or `unreadable`."""
    claimed_at: Moment | None = None
    captured_at: Moment | None = None
    refunded: Units | None = None
    """How much of it was refunded by now, by anybody."""


class RefundLine(Line, tag="refund", kw_only=True):
    """A refund that the gateway has."""

    gateway: Text
    id: Text
    charge: Text
    refund: str | None = None
    """Our refund that its labels name."""
    amount: Units
    currency: Text
    state: Text
    """`succeeded`, `pending` or `failed`."""
    created_at: Moment | None = None


class DisputeLine(Line, tag="dispute", kw_only=True):
    """A dispute that the gateway has."""

    gateway: Text
    id: Text
    charge: Text
    amount: Units
    currency: Text
    reason: str = ""
    state: Text
    """`open`, `prevented`, `lost` or `won`."""
    created_at: Moment | None = None


class Waiting(Line, tag="waiting"):
    """An order with events that were not published when the file was written."""

    order: Text


class Foreign(Line, tag="foreign"):
    """How many records of others are on the same account."""

    gateway: Text
    count: Count


class End(Line, tag="end"):
    """The last line."""

    lines: Count
    """How many there are before it."""


AnyLine = (
    Header
    | Recorded
    | OrderMessage
    | DeadLetterMessage
    | OurEvent
    | ChargeLine
    | RefundLine
    | DisputeLine
    | Waiting
    | Foreign
    | End
)

KINDS: Final = frozenset(
    {
        *("header", "history", "orderEvent", "deadLetter", "event"),
        *("charge", "refund", "dispute", "waiting", "foreign", "end"),
    }
)

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final[msgspec.json.Decoder[AnyLine]] = msgspec.json.Decoder(AnyLine)


def encode(line: Line) -> bytes:
    """Return the JSON of a line, without its end."""
    return _ENCODER.encode(line)


def decode(line: bytes) -> AnyLine:
    """Read a line.

    Raises:
        msgspec.MsgspecError: it is not one of these.
    """
    return _DECODER.decode(line)


def kind_of(line: Line) -> str:
    """Return the kind of a line."""
    return str(line.__struct_config__.tag)


def content_fields(content: bytes) -> dict[str, Any]:
    """Return the field with the content of a message.

    A line break in JSON is white space, so that a space means the same.
    """
    one_line = content.replace(b"\n", b" ").replace(b"\r", b" ")
    try:
        msgspec.json.decode(one_line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {"data": b64encode(content).decode()}
    return {"body": Raw(one_line)}
