"""Bugs that a checker overlooks if it uses the service's own rules, or looks only at the end."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from attrs import evolve

from adapters.persistence.in_memory import InMemoryOutboxQueue, unit_of_work
from application.ports.event_publisher import OutboxEntry
from application.use_cases.claim_order import Claim, ClaimOrder
from application.use_cases.pay_order import PayOrder
from domain.claim import AmountMismatch, ExpectedAmount
from domain.events import Event, PaymentCreated, PaymentFailed, PaymentPending, PaymentRefunded
from domain.identifiers import PaymentId, UserId
from domain.money import Currency, Money
from domain.order import Order
from domain.payment import Payment
from domain.refund import Refund
from domain.replica import OrderReplica, OrderStatus, Terms
from tests.simulation.bug import Bug

_merge = OrderReplica.merge


def _first_terms_win(self: Terms, _other: Terms | None) -> Terms:
    return self


def _cancelled_is_not_final(self: OrderReplica, other: OrderReplica) -> OrderReplica:
    merged = _merge(self, other)
    return evolve(merged, status=self.status) if self.status is OrderStatus.COMPLETE else merged


_claim = Order.claim


def _the_payer_names_the_price(
    self: Order, payment_id: PaymentId, payer: UserId, expected: ExpectedAmount, *args: Any
) -> Order:
    claimed = _claim(self, payment_id, payer, ExpectedAmount(), *args)
    if expected.minor_units is None or claimed == self:
        return claimed
    named = Money(expected.minor_units, Currency(expected.currency or "usd"))
    return claimed.with_payment(evolve(claimed.payment(payment_id), amount=named))


_created, _refunded, _failed = PaymentCreated.of, PaymentRefunded.of, PaymentFailed.of


def _with_one_more(payment: Payment) -> PaymentCreated:
    event = _created(payment)
    return evolve(event, amount=Money(event.amount.minor_units + 1, event.amount.currency))


def _with_twice_as_much(refund: Refund) -> PaymentRefunded:
    event = _refunded(refund)
    return evolve(event, amount=Money(event.amount.minor_units * 2, event.amount.currency))


def _with_another_code(payment: Payment) -> PaymentFailed:
    return evolve(_failed(payment), code="card_declined")


def _review_does_not_block(self: Order, payment: Payment) -> bool:
    return payment.is_live


def _never_expired(_self: OrderReplica, _now: Any) -> bool:
    return False


_add = unit_of_work._Outbox.add


def _pending_is_not_published(self: unit_of_work._Outbox, event: Event) -> None:
    if not isinstance(event, PaymentPending):
        _add(self, event)


def _failed_is_not_published(self: unit_of_work._Outbox, event: Event) -> None:
    if not isinstance(event, PaymentFailed):
        _add(self, event)


_take = InMemoryOutboxQueue.take


async def _failures_later(
    self: InMemoryOutboxQueue, relay: str, lease: timedelta, limit: int
) -> Sequence[OutboxEntry]:
    taken = await _take(self, relay, lease, limit)
    until = self._database.now() - timedelta(seconds=10)
    return [
        each
        for each in taken
        if not isinstance(each.event, PaymentFailed) or each.recorded_at < until
    ]


_claim_order = ClaimOrder.__call__


async def _claimed_before_the_amount_is_compared(self: ClaimOrder, command: PayOrder) -> Claim:
    claim = await _claim_order(self, evolve(command, expected=ExpectedAmount()))
    if not command.expected.matches(claim.payment.amount):
        raise AmountMismatch(claim.payment.amount)
    return claim


ORACLE_BUGS: Final = (
    Bug("the first terms win", Terms, "newest", _first_terms_win),
    Bug("a complete order is never cancelled", OrderReplica, "merge", _cancelled_is_not_final),
    Bug("the payer names the price", Order, "claim", _the_payer_names_the_price),
    Bug("an event with one cent more", PaymentCreated, "of", staticmethod(_with_one_more)),
    Bug(
        "a refund's event with twice as much",
        *(PaymentRefunded, "of", staticmethod(_with_twice_as_much)),
    ),
    Bug(
        "a failure's event with another code",
        *(PaymentFailed, "of", staticmethod(_with_another_code)),
    ),
    Bug("a payment in review does not block", Order, "blocks", _review_does_not_block),
    Bug("an expired order is charged", OrderReplica, "is_expired", _never_expired),
    Bug(
        "what is pending is not published",
        *(unit_of_work._Outbox, "add", _pending_is_not_published),
    ),
    Bug("a failure is not published", unit_of_work._Outbox, "add", _failed_is_not_published),
    Bug("failures are published later", InMemoryOutboxQueue, "take", _failures_later),
    Bug(
        "claimed before the amount is compared",
        *(ClaimOrder, "__call__", _claimed_before_the_amount_is_compared),
    ),
)
