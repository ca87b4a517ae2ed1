"""The guard's state as text, for one column beside the order."""

import json
from typing import Any

from payments_kit.orders.events import Fact, Subject
from payments_kit.orders.guard import OrderPayments


def to_text(payments: OrderPayments) -> str:
    """Return JSON; the same text for the same state."""
    facts = [
        [each.subject.value, each.payment_id, each.about, each.amount] for each in payments.facts
    ]
    return json.dumps({"cancelled": payments.is_cancelled, "facts": facts}, separators=(",", ":"))


def from_text(text: str) -> OrderPayments:
    """Return the state that `to_text` has written.

    Raises:
        ValueError: the text is not of `to_text`, or of a newer version.
    """
    try:
        stored = json.loads(text)
        facts = tuple(_fact(*each) for each in stored["facts"])
        return OrderPayments(bool(stored["cancelled"]), facts)
    except (KeyError, TypeError) as error:
        raise ValueError(f"not the state of an order's payments: {type(error).__name__}") from None


def _fact(subject: str, payment_id: str, about: str, amount: Any) -> Fact:
    return Fact(Subject(subject), payment_id, about, amount)
