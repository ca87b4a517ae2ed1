"""The promises, and which of them a file can prove."""

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from payments_kit.verification.lines import Header

HISTORIES: Final = "histories"
EVENTS: Final = "events"
ORDER_EVENTS: Final = "orderEvents"
CHARGES: Final = "charges"
REFUNDS: Final = "refunds"
DISPUTES: Final = "disputes"

_WORDS: Final = {
    HISTORIES: "histories of orders",
    EVENTS: "our events",
    ORDER_EVENTS: "events of the orders service",
    CHARGES: "charges",
    REFUNDS: "refunds",
    DISPUTES: "disputes",
}


@frozen
class Promise:
    """A promise, what proves it, and which part of it no file proves."""

    number: int
    what: str
    needs: tuple[str, ...]
    never: str | None = None
    """What is not judged, whatever the file contains."""
    is_provable: bool = True


PROMISES: Final = (
    Promise(1, "an order is charged once", (HISTORIES, CHARGES, REFUNDS)),
    Promise(
        *(2, "the books are the gateway's", (HISTORIES, CHARGES, REFUNDS, DISPUTES)),
        never="authorizations that were released",
    ),
    Promise(3, "each outcome is published once, as it is in the books", (HISTORIES, EVENTS)),
    Promise(
        *(
            4,
            "nothing is kept for a cancelled or expired order",
            (HISTORIES, CHARGES, ORDER_EVENTS),
        ),
        never="when money was captured, if the gateway's list does not say so",
    ),
    Promise(
        *(5, "order events are in the books", (HISTORIES, ORDER_EVENTS)),
        never="orders of which an event is malformed or a dead letter",
    ),
    Promise(
        *(6, "what was said stays true", (HISTORIES, EVENTS)),
        never="replies to customers and operators, which nobody records",
    ),
    Promise(7, "amounts are exact", (HISTORIES, ORDER_EVENTS)),
    Promise(
        *(8, "nobody pays for another user", (HISTORIES,)),
        never="no history names a user",
        is_provable=False,
    ),
    Promise(
        *(9, "each payment ends", (HISTORIES,)),
        never="whether an operator was told of a capture that was not possible",
    ),
    Promise(10, "amounts stay within their limits", (HISTORIES, CHARGES, REFUNDS)),
    Promise(11, "each change is recorded", (HISTORIES,)),
)


def lacking(promise: Promise, header: Header) -> Sequence[str]:
    """Return what the file lacks to prove a promise, in words."""
    lacks = list[str]()
    for need in promise.needs:
        if need in (CHARGES, REFUNDS, DISPUTES):
            without = [each.name for each in header.gateways if not _lists(need, each)]
            lacks += [f"{_WORDS[need]} of {name}" for name in without]
            if not header.gateways:
                lacks.append(f"{_WORDS[need]} of the gateways")
        elif need not in header.includes:
            lacks.append(_WORDS[need])
    return lacks


def _lists(need: str, gateway: object) -> bool:
    return bool(getattr(gateway, need))
