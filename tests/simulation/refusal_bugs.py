"""Bugs that refuse what may be paid, tell others why, or forget what was answered."""

from datetime import datetime, timedelta
from typing import Any, Final

from attrs import evolve

from application.ports.charge_reading import KnownRequest
from application.use_cases.pay_order import KeyedRequest
from domain import order as order_module
from domain.claim import AlreadyPaid, payable_terms
from domain.identifiers import UserId
from domain.order_decisions import OrderDecisions
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.replica import OrderReplica, Terms
from tests.simulation.bug import Bug

_blocks = OrderDecisions.blocks
_is_expired = OrderReplica.is_expired
_check = KeyedRequest.check


def _paid_before_whose(
    replica: OrderReplica, live: Payment | None, payer: UserId, *others: Any
) -> Terms:
    if live is not None and not live.is_open:
        raise AlreadyPaid(replica.id, live if live.user_id == payer else None)
    return payable_terms(replica, live, payer, *others)


def _blocked_by_what_never_arrived(self: OrderDecisions, payment: Payment) -> bool:
    return payment.status is PaymentStatus.ABANDONED or _blocks(self, payment)


def _expired_soon(self: OrderReplica, now: datetime) -> bool:
    return _is_expired(self, now + timedelta(seconds=15))


def _the_reply_is_not_looked_for(
    self: KeyedRequest, known: KnownRequest | None, holder: str
) -> None:
    _check(self, known and evolve(known, reply=None, is_leased=False), holder)


REFUSAL_BUGS: Final = (
    Bug("a stranger learns what is paid", order_module, "payable_terms", _paid_before_whose),
    Bug(
        "what never arrived blocks its order",
        *(OrderDecisions, "blocks", _blocked_by_what_never_arrived),
    ),
    Bug("an order expires too soon", OrderReplica, "is_expired", _expired_soon),
    Bug("a stored reply is not repeated", KeyedRequest, "check", _the_reply_is_not_looked_for),
)
