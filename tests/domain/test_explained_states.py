"""The whole explanation of a payment in each of its states, as a person reads it."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from domain.capture import CaptureMode
from domain.explain_payment import explain_payment
from domain.explanation import Explanation, time_text
from domain.order import Order
from domain.outcome import NeverArrived, NeverSent
from tests.builders import (
    NOW,
    PAYMENT,
    after,
    authorized,
    cancelled_event,
    charged,
    claimed,
    created_event,
    declined,
    dollars,
    pending,
    requires_action,
)

HELD: Final = claimed(replica=created_event(capture=CaptureMode.MANUAL)).settle(
    PAYMENT, authorized(), NOW
)
PAID: Final = claimed().settle(PAYMENT, charged(), NOW)
ABANDONED: Final = claimed().settle(PAYMENT, NeverArrived(), after(seconds=30))
REVIEWED: Final = claimed().settle(PAYMENT, charged(amount=dollars("99")), NOW)

STATES: Final[Mapping[str, tuple[Order, datetime]]] = {
    "processing": (claimed(), after(seconds=6)),
    "processing, and no request is in flight": (claimed(), after(seconds=40)),
    "requires action": (claimed().settle(PAYMENT, requires_action(), NOW), after(minutes=1)),
    "requires action, expires": (
        claimed(replica=created_event(expires_at=after(minutes=9))).settle(
            PAYMENT, requires_action(), NOW
        ),
        after(minutes=1),
    ),
    "pending": (claimed().settle(PAYMENT, pending(), NOW), after(days=1)),
    "pending, to be cancelled": (
        claimed().settle(PAYMENT, pending(), NOW).apply(cancelled_event(), NOW),
        after(minutes=1),
    ),
    "authorized": (HELD, after(days=1)),
    "authorized, being captured": (
        HELD.request_capture(PAYMENT, 300, after(hours=1)),
        after(hours=2),
    ),
    "authorized, being released": (HELD.apply(cancelled_event(), NOW), after(minutes=1)),
    "succeeded": (PAID, after(days=1)),
    "failed": (claimed().settle(PAYMENT, declined(), NOW), after(minutes=1)),
    "failed, of an order that has ended": (
        claimed().settle(PAYMENT, declined(), NOW).apply(cancelled_event(), NOW),
        after(minutes=1),
    ),
    "failed, with money held": (
        claimed().settle(PAYMENT, declined(), NOW).settle(PAYMENT, authorized(), NOW),
        after(minutes=1),
    ),
    "abandoned": (ABANDONED, after(minutes=1)),
    "abandoned, known": (ABANDONED.settle(PAYMENT, requires_action(), NOW), after(minutes=1)),
    "abandoned, not checked any more": (
        ABANDONED.settle(PAYMENT, NeverArrived(), after(days=2)),
        after(days=2),
    ),
    "never sent": (claimed().settle(PAYMENT, NeverSent(), NOW), after(minutes=1)),
    "given back": (PAID.apply(cancelled_event(), NOW), after(minutes=1)),
    "in review": (REVIEWED, after(minutes=1)),
}

FILE: Final = Path(__file__).with_name("explained_states.txt")


def lines(name: str, explanation: Explanation) -> Iterator[str]:
    yield f"# {name}"
    yield explanation.status
    for fact in explanation.evidence:
        at = time_text(fact.at) if fact.at else fact.path
        yield f"  {fact.what}"
        yield f"    said by {fact.source}: {at}"
    if explanation.wait is not None:
        until = explanation.wait.until
        yield f"  waits for {explanation.wait.what}"
        yield f"    until {time_text(until) if until else 'it happens'}"
        yield from (f"    {each}" for each in explanation.wait.ends_with)
    yield from (f"  {each.who.value}: {each.command}" for each in explanation.actions)


def text_of(name: str) -> str:
    order, now = STATES[name]
    return "\n".join(lines(name, explain_payment(order, PAYMENT, now)))


def test_every_state_is_explained_as_in_the_file() -> None:
    assert "\n\n".join(map(text_of, STATES)) + "\n" == FILE.read_text("utf-8")


if __name__ == "__main__":  # after a change of the texts
    FILE.write_text("\n\n".join(map(text_of, STATES)) + "\n", "utf-8")
