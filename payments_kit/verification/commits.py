"""In which order our events were committed, as the histories say."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from payments_kit.simulation.model.records import Event
from payments_kit.verification.books import Step

_OUTCOMES: Final = {
    "payment:created": frozenset({"succeeded"}),
    "payment:failed": frozenset({"failed", "abandoned", "cancelled"}),
    "payment:pending": frozenset({"pending"}),
    "payment:authorized": frozenset({"authorized"}),
    "payment:voided": frozenset({"cancelled"}),
}
"""The statuses of a payment that an event announces."""

_REFUNDS: Final = {"payment:refunded": "succeeded", "payment:refund_failed": "failed"}

_Key = tuple[str, object, object]


def committed(events: Sequence[Event], steps: Iterable[Step]) -> list[str]:
    """Return the ids of events in the order of the entries that they announce.

    Of an event that announces nothing that is in a history, it is taken that it was delivered in
    order.
    """
    at = _first_steps(steps)
    places, newest = dict[str, tuple[int, int]](), 0
    for number, event in enumerate(events):
        if event.id in places:
            continue
        newest = max(newest, step := at.get(_announced(event), newest))
        places[event.id] = step, number
    return sorted(places, key=places.__getitem__)


def _announced(event: Event) -> _Key:
    body = event.body
    if event.subject in _REFUNDS:
        return event.subject, body.get("refundId"), None
    if event.subject == "payment:disputed":
        return event.subject, body.get("disputeId"), body.get("status")
    return event.subject, body.get("id"), None


def _first_steps(steps: Iterable[Step]) -> dict[_Key, int]:
    first = dict[_Key, int]()
    for number, step in enumerate(steps):
        for key in _reached(step):
            first.setdefault(key, number)
    return first


def _reached(step: Step) -> Iterator[_Key]:
    for payment in step.after.payments:
        for subject, statuses in _OUTCOMES.items():
            if payment.status in statuses:
                yield subject, payment.id, None
    for refund in step.after.refunds:
        for subject, status in _REFUNDS.items():
            if refund.status == status:
                yield subject, refund.id, None
    for dispute in step.after.disputes:
        yield "payment:disputed", dispute.id, dispute.status
