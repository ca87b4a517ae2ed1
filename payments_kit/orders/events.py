"""PaymentEvent: an event of the payments service, as an orders service reads it."""

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from attrs import field, frozen

MAX_BYTES: Final = 64 * 1024
"""The largest body that is read: the payments service publishes no larger one."""

MAX_ID: Final = 255
"""The longest id in characters; those of the payments service have 44 at most."""

MAX_DETAIL: Final = 200
"""How much of a reason, code or status is kept, in characters."""

_MAX_WHOLE: Final = 2**63 - 1
"""The largest whole number that SQL's bigint has."""


class UnreadableEvent(Exception):
    """The body can never be used. The text names the field, and quotes no value."""


class Subject(Enum):
    """The subjects of the payments service."""

    CREATED = "payment:created"
    AUTHORIZED = "payment:authorized"
    PENDING = "payment:pending"
    VOIDED = "payment:voided"
    FAILED = "payment:failed"
    EXPIRING = "payment:expiring"
    REFUNDED = "payment:refunded"
    REFUND_FAILED = "payment:refund_failed"
    DISPUTED = "payment:disputed"


_SUBJECTS: Final = {each.value: each for each in Subject}

SUBJECTS: Final = tuple(_SUBJECTS)
"""What an orders service subscribes to."""


@frozen
class Fact:
    """What an event says. Two events with equal facts are duplicates, whatever their ids are."""

    subject: Subject
    payment_id: str
    about: str = ""
    """The refund, or the dispute with its status."""
    amount: int | None = field(default=None, eq=False)
    """In minor units; if two duplicates differ in it, the first one counts."""


@frozen
class PaymentEvent:
    """An event about a payment of an order; fields that its subject does not have are empty."""

    order_id: str
    fact: Fact
    currency: str = ""
    detail: str = ""
    """A reason, code or status."""


def read_event(subject: str, data: bytes) -> PaymentEvent | None:
    """Return an event, or None for a subject that is not known: acknowledge it, and do nothing.

    A prefix of the subject (`shop1.payment:created`) and unknown fields are ignored.

    Raises:
        UnreadableEvent: acknowledge it and report it; another delivery cannot help.
    """
    known = _SUBJECTS.get(subject.rpartition(".")[2])
    if known is None:
        return None
    body = _decoded(data)
    return PaymentEvent(
        order_id=_id(body, "orderId"),
        fact=Fact(known, _id(body, "id"), _about(known, body), _amount(known, body)),
        currency=_text(body, "currency"),
        detail=_text(body, "status") or _text(body, "reason") or _text(body, "code"),
    )


def _decoded(data: bytes) -> Mapping[str, Any]:
    if len(data) > MAX_BYTES:
        raise UnreadableEvent(f"{len(data)} bytes are more than {MAX_BYTES}")
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        raise UnreadableEvent("not JSON") from None
    if not isinstance(body, dict):
        raise UnreadableEvent("not a JSON object")
    return body


def _about(subject: Subject, body: Mapping[str, Any]) -> str:
    match subject:
        case Subject.REFUNDED | Subject.REFUND_FAILED:
            return _id(body, "refundId")
        case Subject.DISPUTED:
            return f"{_id(body, 'disputeId')}:{_id(body, 'status')[:MAX_DETAIL]}"
        case _:
            return ""


def _amount(subject: Subject, body: Mapping[str, Any]) -> int | None:
    """Return minor units; only a refund must have them: the reference service says no amount."""
    amount = body.get("amount")
    if amount is None and subject not in (Subject.REFUNDED, Subject.REFUND_FAILED):
        return None
    if type(amount) is not int or not 0 <= amount <= _MAX_WHOLE:
        raise UnreadableEvent("amount: must be a whole number of minor units")
    return amount


def _id(body: Mapping[str, Any], name: str) -> str:
    """Return an id that a database can store; a whole number is its decimal text."""
    value = body.get(name)
    if type(value) is int and abs(value) <= _MAX_WHOLE:
        return str(value)
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_ID or not _is_storable(value):
        raise UnreadableEvent(f"{name}: must be text of 1 to {MAX_ID} characters")
    return value


def _text(body: Mapping[str, Any], name: str) -> str:
    """Return a text that only people read; empty if there is none."""
    value = body.get(name)
    return value[:MAX_DETAIL] if isinstance(value, str) and _is_storable(value) else ""


def _is_storable(text: str) -> bool:
    """Whether it has no NUL, which PostgreSQL does not store, and is valid Unicode."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
