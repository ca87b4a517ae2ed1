"""Bugs of payments that their customers approve before the money is taken."""

from datetime import datetime
from itertools import count
from typing import Final

from attrs import evolve

from adapters.gateways.simulated import gateway, sessions
from adapters.gateways.simulated.record import GatewayRecord
from adapters.gateways.simulated.sessions import SimulatedSessions
from application.ports.gateway_sessions import Take
from application.use_cases.take_approved import TakeApproved
from domain.check_times import AUTHENTICATION_WINDOW
from domain.order import Order
from domain.outcome import Approved, Outcome
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from tests.simulation.bug import Bug

_should_cancel = Order.should_cancel


def _taken_for_any_order(self: Order, payment: Payment, approved: Approved, now: datetime) -> Order:
    return self.with_payment(payment.approve(approved, now))


def _waits_for_the_customer(self: Order, payment: Payment, now: datetime) -> bool:
    is_waiting = payment.status is PaymentStatus.REQUIRES_ACTION
    is_late = now >= payment.created_at + AUTHENTICATION_WINDOW
    return (is_late or not is_waiting) and _should_cancel(self, payment, now)


_requests = count()
_take = TakeApproved._take


def _a_key_for_each_request(_self: SimulatedSessions, payment: Payment) -> str:
    return f"{payment.id}-{next(_requests)}"


async def _taken_twice(self: TakeApproved, payment: Payment, take: Take) -> Outcome | None:
    await _take(self, payment, take)
    return await _take(self, payment, take)


_find = sessions.find


def _found_before_it_was_charged(
    record: GatewayRecord, payment: Payment, now: datetime
) -> tuple[GatewayRecord, Outcome | None]:
    if record.session is None or record.session.payment_id is not None:
        return _find(record, payment, now)
    used = evolve(record, session=record.session.use(payment))
    return record, _find(used, payment, now)[1]


SESSION_BUGS: Final = (
    Bug(
        *("an approval counts for any order", Order, "_approve", _taken_for_any_order),
        Bug("and is waited for", Order, "should_cancel", _waits_for_the_customer),
    ),
    Bug(
        *("taken again with a new key", TakeApproved, "_take", _taken_twice),
        Bug("for each request", SimulatedSessions, "_charge_key", _a_key_for_each_request),
    ),
    # The database must fail in the claim, and the customer approve before anybody looks.
    Bug("found before it was charged", gateway, "find", _found_before_it_was_charged),
)
