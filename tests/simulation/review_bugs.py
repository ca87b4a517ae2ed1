"""Bugs of decisions about what was captured differently."""

from typing import Any, Final

from attrs import evolve

from application.use_cases.changed_payments import Change
from domain.events import Event, PaymentCreated
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from tests.simulation.bug import Bug

_event_of = Change._event_of


def _the_requested_amount_is_announced(self: Change, payment: Payment) -> Event | None:
    event = _event_of(self, payment)
    if not isinstance(event, PaymentCreated):
        return event
    return evolve(event, amount=payment.amount)


def _nothing_is_announced(self: Change, payment: Payment) -> Event | None:
    before: dict[Any, Any] = {each.id: each.status for each in self.before.payments}
    was_in_review = before.get(payment.id) is PaymentStatus.REVIEW
    return None if was_in_review else _event_of(self, payment)


REVIEW_BUGS: Final = (
    Bug(
        "accepted money is announced as requested",
        Change,
        "_event_of",
        _the_requested_amount_is_announced,
    ),
    Bug("accepted money is not announced", Change, "_event_of", _nothing_is_announced, first=201),
)
"""They need a charge of another amount, which is rare."""
