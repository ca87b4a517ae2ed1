"""What an operator may do with a payment: what an explanation names the command of."""

from collections.abc import Iterable, Sequence
from typing import Final

from attrs import frozen

from domain.explanation import Explanation, Party
from domain.money import Money
from domain.order import Order
from domain.payment import Payment


@frozen
class ActionKind:
    """One action, and its words."""

    name: str
    """In the path."""
    command: str
    """The words of the command that does the same, without the payment."""
    title: str
    effect: str
    """What it does, for who confirms it."""
    done: str
    """What the page says afterwards."""
    has_amount: bool = False
    is_harmful: bool = False
    """Whether money leaves; the button looks so."""


KINDS: Final = (
    ActionKind(
        "capture",
        "payments capture",
        "Capture",
        "The gateway takes the amount; what is held in addition is released.",
        "The capture was requested. The payment says how it went.",
        has_amount=True,
    ),
    ActionKind(
        "void",
        "payments void",
        "Release",
        "The gateway releases all that is held. The order can be paid again then.",
        "The release was requested. The payment says how it went.",
        is_harmful=True,
    ),
    ActionKind(
        "accept",
        "payments review accept",
        "Accept",
        "The order keeps what was captured, and is paid with it. A decision is made once.",
        "The payment was accepted.",
    ),
    ActionKind(
        "refuse",
        "payments review refund",
        "Give back",
        "All that was captured goes back to the customer. A decision is made once.",
        "The payment is given back; the worker sends the refund.",
        is_harmful=True,
    ),
    ActionKind(
        "refund",
        "payments refund",
        "Refund",
        "The amount goes back to the customer. This cannot be undone.",
        "The refund was requested. It is listed with its state.",
        has_amount=True,
        is_harmful=True,
    ),
)

BY_NAME: Final = {each.name: each for each in KINDS}


def offered(explanation: Explanation, payment_id: str) -> Sequence[ActionKind]:
    """Return what an operator may do with a payment now."""
    commands = {each.command for each in explanation.actions if each.who is Party.OPERATOR}
    return [each for each in KINDS if _is_named(f"{each.command} {payment_id}", commands)]


def amount_at_most(kind: ActionKind, order: Order, payment: Payment) -> Money | None:
    """Return the largest amount of an action; None if it has no amount."""
    if not kind.has_amount:
        return None
    return payment.amount if kind.name == "capture" else order.refundable(payment)


def _is_named(command: str, commands: Iterable[str]) -> bool:
    return any(f"{each} ".startswith(f"{command} ") for each in commands)
