"""Bugs that other payment services had, planted one at a time, to see that the simulation finds them."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from decimal import Decimal
from itertools import count
from typing import Any, Final

from attrs import define, evolve, field, frozen

from adapters.gateways.in_memory import InMemoryGateway
from adapters.messaging import in_memory as messaging
from adapters.messaging.in_memory import InMemoryBroker, InMemoryPublisher
from adapters.messaging.wire import ID_HEADER, Message, encode
from adapters.persistence.in_memory import InMemoryOutboxQueue, InMemoryUnitOfWork
from application.application import Ports, UseCases, compose
from application.ports.event_publisher import OutboxEntry
from application.ports.inbound_events import InboundEvent
from application.ports.payment_gateway import (
    CardToken,
    GatewayUnavailable,
    OutcomeUnknown,
    PaymentGateway,
)
from application.ports.unit_of_work import StorageUnavailable, UnitOfWork
from application.use_cases.create_charge import Charge, CreateCharge
from application.use_cases.recover_payments import RecoverPayments
from application.use_cases.refund_payment import RefundPayment
from application.use_cases.relay_outbox import LEASE, RelayOutbox
from application.use_cases.settle_payment import SettlePayment
from domain.events import PaymentCreated, PaymentFailed
from domain.identifiers import PaymentId, RefundId, UserId
from domain.money import Currency, Money
from domain.order import Order
from domain.order_entities import PaymentNotFound
from domain.outcome import Charged, Declined, Evidence, Outcome
from domain.payment import Payment, PaymentStatus
from domain.refund import Refund
from domain.replica import OrderReplica
from entrypoints import order_events
from payments_kit.simulation.scenario import scenario_of
from payments_kit.simulation.world import Result, World
from tests.builders import NOW


@frozen
class Bug:
    """One thing of the service replaced by something wrong."""

    name: str
    owner: Any
    """The class or module that has it."""
    attribute: str
    wrong: Any
    with_it: "Bug | None" = None
    """What else has to be wrong, where the service has two lines of defence."""

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Have it wrong for a while."""
        right = self.owner.__dict__[self.attribute]
        setattr(self.owner, self.attribute, self.wrong)
        try:
            with self.with_it.planted() if self.with_it else nullcontext():
                yield
        finally:
            setattr(self.owner, self.attribute, right)


# --- charging ---------------------------------------------------------------------------------


class _OtherKey(InMemoryGateway):
    """A line to the gateway that makes a new key for every try."""

    _tries = count(1)

    def _charge_key(self, payment: Payment) -> str:
        return f"{payment.id}:{next(self._tries)}"


def _with_another_key(gateway: PaymentGateway) -> PaymentGateway:
    assert isinstance(gateway, InMemoryGateway)
    return _OtherKey(gateway.ledger, gateway.faults, gateway.checkpoint)


async def _key_per_try(self: CreateCharge, payment: Payment, token: CardToken) -> Outcome:
    try:
        return await self.gateway.charge(payment, token)
    except OutcomeUnknown:
        return await _with_another_key(self.gateway).charge(payment, token)


async def _timeout_means_failed(self: CreateCharge, payment: Payment, token: CardToken) -> Outcome:
    try:
        return await self.gateway.charge(payment, token)
    except OutcomeUnknown:
        return Declined("timeout")


async def _unknown_called_unavailable(
    self: CreateCharge, payment: Payment, token: CardToken
) -> Outcome:
    try:
        return await self.gateway.charge(payment, token)
    except OutcomeUnknown as unknown:
        raise GatewayUnavailable from unknown


async def _paid_before_the_commit(self: CreateCharge, payment: Payment, outcome: Outcome) -> Charge:
    try:
        return Charge(await self.settle(payment.id, outcome))
    except StorageUnavailable:
        return Charge(payment.succeed(outcome) if isinstance(outcome, Charged) else payment)


_claim = Order.claim


def _claim_beside_a_live_one(self: Order, *terms: Any) -> Order:
    open_order = evolve(self.replica, status=type(self.replica.status).CREATED)
    if self.replica.is_cancelled:
        return _claim(self, *terms)
    claimed = _claim(evolve(self, payments=(), order=open_order), *terms)
    return evolve(self, payments=(*self.payments, *claimed.payments))


def _anybody_may_pay(self: Order, payment_id: PaymentId, _payer: UserId, *rest: Any) -> Order:
    payer = self.replica.terms.user_id if self.replica.terms else _payer
    claimed = _claim(self, payment_id, payer, *rest)
    payment = evolve(claimed.payment(payment_id), user_id=_payer)
    return claimed.with_payment(payment)


def _through_a_float(cls: type[Money], major: Decimal, currency: Currency) -> Money:
    return cls(int(float(major) * 10**currency.decimals), currency)


# --- settling ---------------------------------------------------------------------------------


async def _second_commit_for_the_event(
    self: SettlePayment, payment_id: PaymentId, evidence: Evidence
) -> Payment:
    async def decision(work: UnitOfWork) -> Payment:
        order = await work.orders.find_by_payment(payment_id)
        assert order is not None
        settled = order.settle(payment_id, evidence, self.now())
        if settled != order:
            work.orders.save(settled)
        return settled.payment(payment_id)

    async def announcement(work: UnitOfWork) -> None:
        _announce(work, payment)

    payment = await self.retry(decision)
    await self.retry(announcement)
    return payment


def _announce(work: UnitOfWork, payment: Payment) -> None:
    if payment.status is PaymentStatus.SUCCEEDED:
        work.outbox.add(PaymentCreated.of(payment))
    elif payment.status in (PaymentStatus.FAILED, PaymentStatus.ABANDONED):
        work.outbox.add(PaymentFailed.of(payment))


def _unwanted_unless_cancelled(self: Order, payment: Payment, now: Any) -> str | None:
    if any(self.blocks(other) and other.id != payment.id for other in self.payments):
        return "order_already_paid"
    return "declined_before" if payment.status is PaymentStatus.FAILED else None


def _unwanted_if_cancelled(self: Order, _payment: Payment, _now: Any) -> str | None:
    return "order_cancelled" if self.replica.is_cancelled else None


_captured = Order._captured


def _late_success_is_ignored(self: Order, payment: Payment, charged: Charged, now: Any) -> Order:
    if payment.status is PaymentStatus.ABANDONED:
        return self
    return _captured(self, payment, charged, now)


def _second_payment_is_kept(self: Order, payment: Payment, charged: Charged, now: Any) -> Order:
    return self.with_payment(payment.succeed(charged)).complete()


def _nothing_differs(self: Payment, charged: Charged) -> str | None:
    return None


# --- recovering -------------------------------------------------------------------------------


_look = RecoverPayments._look


async def _recovery_charges_again(self: RecoverPayments, order: Order, payment: Payment) -> None:
    try:
        if payment.is_open and await self.gateway.find(payment) is None:
            again = await _with_another_key(self.gateway).charge(payment, CardToken("tok_visa"))
            await self.settle(payment.id, again)
            return
    except (OutcomeUnknown, GatewayUnavailable):
        return
    await _look(self, order, payment)


def _abandoned_and_forgotten(self: Payment) -> Payment:
    if self.status is not PaymentStatus.PROCESSING:
        return self
    return evolve(self, status=PaymentStatus.ABANDONED, next_check_at=None)


def _never_looked_at_again(self: Payment, now: Any) -> Payment:
    return evolve(self, next_check_at=None)


# --- refunding --------------------------------------------------------------------------------


async def _refund_before_the_reservation(
    self: RefundPayment,
    payment_id: PaymentId,
    minor_units: int | None = None,
    reason: str = "requested",
) -> Refund:
    refund_id = RefundId(self.new_id())

    async def decision(work: UnitOfWork) -> tuple[Order, Payment, Refund]:
        order = await work.orders.find_by_payment(payment_id)
        if order is None:
            raise PaymentNotFound(payment_id)
        reserved = order.reserve_refund(refund_id, payment_id, minor_units, reason, self.now())
        refund = reserved.refund(refund_id)
        assert refund is not None
        return reserved, reserved.payment(payment_id), refund

    async def writing(work: UnitOfWork) -> None:
        reserved, _, _ = await decision(work)
        work.orders.save(reserved)

    _, payment, refund = await self.retry(decision)
    try:
        outcome = await self.gateway.refund(payment, refund)
    except (OutcomeUnknown, GatewayUnavailable):
        return refund
    await self.retry(writing)
    return await self.settle(payment_id, refund_id, outcome) or refund


_keys = count(1)
_key_per_send = property(lambda refund: f"{refund.id}:{next(_keys)}")


def _cancel_keeps_the_money(self: Order, event: OrderReplica, _now: Any) -> Order:
    return evolve(self, order=self.replica.merge(event))


# --- storing ----------------------------------------------------------------------------------


async def _last_writer_wins(self: InMemoryUnitOfWork) -> None:
    if not self._saved:
        await _commit(self)
        return
    database = self._database
    await database.checkpoint("commit")
    for order_id, order in self._saved.items():
        revision, _ = database.orders.get(order_id, (0, None))
        database.orders[order_id] = (revision + 1, order)
        database.order_of.update({payment.id: order_id for payment in order.payments})
    unguarded, self._saved = self._saved, {}
    try:
        await _commit(self)  # the events and notices as ever
    finally:
        self._saved = unguarded


_commit = InMemoryUnitOfWork.commit


@define
class _Hasty(InMemoryUnitOfWork):
    """Publishes what it announces before it is sure of it."""

    broker: InMemoryBroker = field(kw_only=True)

    async def commit(self) -> None:
        for event in self._events:
            self.broker.store(encode(OutboxEntry(event, NOW)))
        await super().commit()


def _published_before_the_commit(ports: Ports) -> UseCases:
    assert isinstance(ports.outbox, InMemoryOutboxQueue)
    assert isinstance(ports.publisher, InMemoryPublisher)
    database, broker = ports.outbox._database, ports.publisher._broker
    return compose(evolve(ports, begin=lambda: _Hasty(database, lambda: None, broker=broker)))


# --- relaying and hearing ---------------------------------------------------------------------


async def _mark_before_publish(self: RelayOutbox, limit: int = 256) -> int:
    waiting = await self.outbox.take(self.name, LEASE, limit)
    await self.outbox.mark_sent([each.event.id for each in waiting])
    if waiting:
        await self.publisher.publish(waiting)
    return len(waiting)


_sends = count(1)


def _id_per_send(entry: OutboxEntry) -> Message:
    message = encode(entry)
    event_id = f"{entry.event.id}:{next(_sends)}"
    return evolve(message, headers={**message.headers, ID_HEADER: event_id, "ce-id": event_id})


async def _ack_before_commit(
    batch: Sequence[tuple[InboundEvent, Any]], use: Callable[[Iterable[Any]], Awaitable[None]]
) -> None:
    for event, _ in batch:
        await event.ack()
    if batch:
        await use([what for _, what in batch])


def _last_delivered_wins(self: OrderReplica, heard: OrderReplica) -> OrderReplica:
    return evolve(heard, terms=heard.terms or self.terms)


BUGS: Final = (
    Bug("a key per try", CreateCharge, "_charge", _key_per_try),
    Bug("a timeout means failed", CreateCharge, "_charge", _timeout_means_failed),
    Bug("unknown is called unavailable", CreateCharge, "_charge", _unknown_called_unavailable),
    Bug("paid is said before the commit", CreateCharge, "_settle", _paid_before_the_commit),
    Bug(
        "no unique claim",
        *(Order, "claim", _claim_beside_a_live_one),
        Bug("two payments", Order, "_unwanted", _unwanted_if_cancelled),
    ),
    Bug("anybody may pay", Order, "claim", _anybody_may_pay),
    Bug("a price through a float", Money, "exactly", classmethod(_through_a_float)),
    Bug("the event in a second commit", SettlePayment, "__call__", _second_commit_for_the_event),
    Bug("a cancel ignores what is in flight", Order, "_unwanted", _unwanted_unless_cancelled),
    Bug("a late success is kept silently", Order, "_captured", _late_success_is_ignored),
    Bug("a late success is always adopted", Order, "_captured", _second_payment_is_kept),
    Bug("the amount is not compared", Payment, "mismatch", _nothing_differs),
    Bug("recovery charges again", RecoverPayments, "_look", _recovery_charges_again),
    Bug("an abandoned payment is forgotten", Payment, "abandon", _abandoned_and_forgotten),
    Bug("an unknown is asked after once", Payment, "schedule_check", _never_looked_at_again),
    Bug("a refund is sent unreserved", RefundPayment, "__call__", _refund_before_the_reservation),
    Bug("a refund key per send", Refund, "key", _key_per_send),
    Bug("a cancel keeps the money", Order, "hear", _cancel_keeps_the_money),
    Bug("the last writer wins", InMemoryUnitOfWork, "commit", _last_writer_wins),
    Bug("published before the commit", inventory, "compose", _published_before_the_commit),
    Bug("marked before published", RelayOutbox, "run_once", _mark_before_publish),
    Bug("an event id per send", messaging, "encode", _id_per_send),
    Bug("acknowledged before the commit", order_events, "_use", _ack_before_commit),
    Bug("the last delivered wins", OrderReplica, "merge", _last_delivered_wins),
)


MAX_SEEDS: Final = 400
"""Twice what the slowest of them took from any of a handful of first seeds."""


def seeds_to_find(bug: Bug, first: int = 1) -> tuple[int, Result | None]:
    """How many seeds it takes until a promise is broken, and how."""
    with bug.planted():
        for tried in range(1, MAX_SEEDS + 1):
            result = World(scenario_of(first + tried - 1)).run()
            if result.broken:
                return tried, result
    return MAX_SEEDS, None


def main() -> None:
    """Print how many seeds it takes to find each, from a few first seeds."""
    firsts = (1, 1000, 2000)
    print("| planted bug | " + " | ".join(f"from {first}" for first in firsts) + " | broken |")
    print("|---" * (len(firsts) + 2) + "|")
    for bug in BUGS:
        found = [seeds_to_find(bug, first) for first in firsts]
        times = " | ".join(str(tried) if result else "not found" for tried, result in found)
        results = (result for _, result in found if result)
        broken = {what.partition(":")[0] for result in results for what in result.broken}
        print(f"| {bug.name} | {times} | {', '.join(sorted(broken))} |", flush=True)


if __name__ == "__main__":
    main()
