"""Bugs of other payment services, planted one at a time, to check that the simulation finds them.

`python -m tests.simulation.planted_bugs` prints the table in docs/proof-results.md.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, Final

import click
from attrs import define, evolve, field

from adapters.gateways.in_memory import InMemoryGateway
from adapters.messaging.in_memory import InMemoryBroker, InMemoryPublisher
from adapters.messaging.in_memory import publisher as messaging
from adapters.messaging.wire import ID_HEADER, Message, encode
from adapters.persistence.in_memory import InMemoryOutboxQueue, InMemoryUnitOfWork
from adapters.persistence.in_memory.changes import Changes
from application.acting import current_actor
from application.application import DeclineLimits, Ports, UseCases, compose
from application.ports.books import Comparison
from application.ports.charge_reading import ChargeQuery
from application.ports.event_publisher import BrokerUnavailable, OutboxEntry
from application.ports.gateway_history import ListCharges, ListedCharge
from application.ports.inbound_events import InboundEvent, StreamProgress
from application.ports.payment_gateway import (
    CardToken,
    GatewayUnavailable,
    OutcomeUnknown,
    PaymentGateway,
)
from application.ports.stream_positions import StreamPosition
from application.ports.unit_of_work import Conflict, StorageUnavailable, UnitOfWork
from application.use_cases.align_streams import AlignStreams
from application.use_cases.books_guard import BooksGuard
from application.use_cases.cancel_payment import CancelPayment
from application.use_cases.check_payment import CheckedPayment, CheckPayment
from application.use_cases.claim_order import Claim, ClaimOrder
from application.use_cases.compare_books import CompareBooks
from application.use_cases.create_charge import CreateCharge
from application.use_cases.pay_order import ChargeResult, PayOrder
from application.use_cases.receive_notification import ReceiveNotification
from application.use_cases.refund_payment import RefundPayment
from application.use_cases.relay_outbox import LEASE, RelayOutbox
from application.use_cases.settle_payment import SettlePayment
from application.use_cases.sync_refunds import SyncRefunds
from domain.events import EventId, PaymentCreated, PaymentFailed
from domain.identifiers import PaymentId, RefundId, UserId
from domain.money import Currency, Money
from domain.order import Order
from domain.order_refunds import OrderRefunds
from domain.outcome import Charged, Declined, Evidence, Outcome, Pending
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.refund import Refund, ReportedRefund
from domain.refund_rules import external_refund
from domain.replica import OrderReplica, OrderStatus
from entrypoints.worker.batches import Apply, Batch
from payments_kit.simulation import runtime
from payments_kit.simulation.scenario import scenario_of
from payments_kit.simulation.world import RunResult, World
from tests.builders import NOW
from tests.simulation.bug import Bug, named_tests
from tests.simulation.capture_bugs import CAPTURE_BUGS
from tests.simulation.clock_bugs import CLOCK_BUGS
from tests.simulation.dispute_bugs import DISPUTE_BUGS
from tests.simulation.gateway_bugs import GATEWAY_BUGS
from tests.simulation.history_bugs import HISTORY_BUGS
from tests.simulation.oracle_bugs import ORACLE_BUGS
from tests.simulation.read_bugs import LETTER_BUGS, READ_BUGS
from tests.simulation.refund_bugs import REFUND_BUGS
from tests.simulation.refusal_bugs import REFUSAL_BUGS
from tests.simulation.review_bugs import REVIEW_BUGS
from tests.simulation.terms_bugs import TERMS_BUGS

# --- charging ---------------------------------------------------------------------------------


class _NewKeys(InMemoryGateway):
    """A connection to the gateway that creates a new key for every attempt."""

    _attempts = count(1)

    def _charge_key(self, payment: Payment) -> str:
        return f"{payment.id}:{next(self._attempts)}"


def _with_new_keys(gateway: PaymentGateway) -> PaymentGateway:
    assert isinstance(gateway, InMemoryGateway)
    return _NewKeys(gateway.ledger, gateway.faults, gateway.checkpoint, gateway.name)


async def _key_per_attempt(self: CreateCharge, claim: Claim, token: CardToken) -> Outcome:
    try:
        return await claim.at.gateway.charge(claim.payment, token)
    except OutcomeUnknown:
        return await _with_new_keys(claim.at.gateway).charge(claim.payment, token)


async def _timeout_is_a_decline(self: CreateCharge, claim: Claim, token: CardToken) -> Outcome:
    try:
        return await claim.at.gateway.charge(claim.payment, token)
    except OutcomeUnknown:
        return Declined("timeout")


async def _unknown_is_unavailable(self: CreateCharge, claim: Claim, token: CardToken) -> Outcome:
    try:
        return await claim.at.gateway.charge(claim.payment, token)
    except OutcomeUnknown as unknown:
        raise GatewayUnavailable from unknown


async def _paid_before_the_commit(
    self: CreateCharge, _command: PayOrder, claim: Claim, outcome: Outcome
) -> ChargeResult:
    payment = claim.payment
    try:
        return ChargeResult(await self.settle(payment, outcome))
    except StorageUnavailable:
        return ChargeResult(payment.succeed(outcome) if isinstance(outcome, Charged) else payment)


_claim = Order.claim


def _claim_beside_a_live_one(self: Order, *args: Any) -> Order:
    if self.replica.is_cancelled:
        return _claim(self, *args)
    unpaid = evolve(self.replica, status=OrderStatus.CREATED)
    claimed = _claim(evolve(self, payments=(), replica=unpaid), *args)
    return evolve(self, payments=(*self.payments, *claimed.payments))


def _claim_for_any_user(self: Order, payment_id: PaymentId, payer: UserId, *args: Any) -> Order:
    owner = self.replica.terms.user_id if self.replica.terms else payer
    claimed = _claim(self, payment_id, owner, *args)
    return claimed.with_payment(evolve(claimed.payment(payment_id), user_id=payer))


def _through_a_float(cls: type[Money], major: Decimal, currency: Currency) -> Money:
    return cls(int(float(major) * 10**currency.decimals), currency)


# --- settling ---------------------------------------------------------------------------------


async def _second_commit_for_the_event(
    self: SettlePayment, payment: Payment, evidence: Evidence, *_: Any, **_named: Any
) -> Payment:
    async def settle(work: UnitOfWork) -> Payment:
        order = await work.orders.find_by_payment(payment.id)
        assert order is not None
        after = order.settle(payment.id, evidence, self.now())
        if after != order:
            work.orders.save(after)
        return after.payment(payment.id)

    async def publish(work: UnitOfWork) -> None:
        if settled.status is PaymentStatus.SUCCEEDED:
            work.outbox.add(PaymentCreated.of(settled))
        elif settled.has_failed:
            work.outbox.add(PaymentFailed.of(settled))

    settled = await self.retry(settle)
    await self.retry(publish)
    return settled


def _no_reversal_after_a_cancellation(self: Order, payment: Payment, now: datetime) -> str | None:
    if any(self.blocks(other) and other.id != payment.id for other in self.payments):
        return "order_already_paid"
    return "declined_before" if payment.status is PaymentStatus.FAILED else None


def _reversal_only_after_a_cancellation(
    self: Order, _payment: Payment, _now: datetime
) -> str | None:
    return "order_cancelled" if self.replica.is_cancelled else None


_capture = Order._capture


def _late_capture_is_ignored(
    self: Order, payment: Payment, charged: Charged, paid_at: datetime, now: datetime
) -> Order:
    if payment.status is PaymentStatus.ABANDONED:
        return self
    return _capture(self, payment, charged, paid_at, now)


def _late_capture_is_kept(self: Order, payment: Payment, charged: Charged, *_: datetime) -> Order:
    return self.with_payment(payment.succeed(charged)).complete()


def _second_charge_is_ignored(
    self: Order, _first: Payment, _charged: Charged, _: datetime
) -> Order:
    return self


async def _lost_claim_is_not_settled(
    self: SettlePayment, payment: Payment, evidence: Evidence, *_: Any, **_named: Any
) -> Payment:
    return await self.known(payment.id, evidence, payment.gateway)


async def _lost_payment_is_anothers(
    self: ReceiveNotification,
    gateway: str,
    payment_id: PaymentId,
    outcome: Outcome,
    _claimed: Payment | None,
) -> None:
    await self.settle.known(payment_id, outcome, gateway)


async def _nothing_is_missing(_self: CompareBooks, _charges: Sequence[ListedCharge]) -> int:
    return 0


_adopt = Order.adopt


def _adopted_is_kept(self: Order, payment: Payment, evidence: Evidence, now: datetime) -> Order:
    if not isinstance(evidence, Charged):
        return _adopt(self, payment, evidence, now)
    return self.with_payment(payment.succeed(evidence)).complete()


async def _books_are_trusted(self: BooksGuard) -> int:
    return self.books.generation


def _connection_is_trusted(_self: BooksGuard, _generation: int) -> bool:
    return True


_compare = CompareBooks._compare


async def _mark_before_the_list(
    self: CompareBooks, list_charges: ListCharges, comparison: Comparison, now: datetime
) -> int:
    await self.books.advance(comparison, now)
    return await _compare(self, list_charges, comparison, now)


async def _no_refunds_of_others(_self: SyncRefunds, _payment: Payment) -> Order | None:
    return None


def _no_mismatch(self: Payment, charged: Charged) -> str | None:
    return None


_failed_even_if_never_sent = property(lambda payment: not (payment.is_open or payment.is_captured))


# --- recovering -------------------------------------------------------------------------------


_check_payment = CheckPayment.__call__


async def _check_charges_again(
    self: CheckPayment, payment: Payment, *, cancel: bool = False, within: float = 0.0
) -> CheckedPayment:
    try:
        gateway = self.gateways.having(payment).gateway
        if payment.is_open and await gateway.find(payment) is None:
            outcome = await _with_new_keys(gateway).charge(payment, CardToken("tok_visa"))
            return CheckedPayment(await self.settle(payment, outcome), outcome)
    except (OutcomeUnknown, GatewayUnavailable):
        return CheckedPayment(payment)
    return await _check_payment(self, payment, cancel=cancel)


def _abandoned_for_ever(self: Payment, _code: str | None = None) -> Payment:
    if self.status is not PaymentStatus.PROCESSING:
        return self
    return evolve(self, status=PaymentStatus.ABANDONED, next_check_at=None)


def _no_next_check(self: Payment, now: datetime) -> Payment:
    return evolve(self, next_check_at=None)


_schedule_check = Payment.schedule_check


def _pending_is_never_checked(self: Payment, now: datetime) -> Payment:
    if self.status is PaymentStatus.PENDING:
        return evolve(self, next_check_at=None)
    return _schedule_check(self, now)


_ask = CheckPayment._ask


async def _pending_ends_by_a_timer(
    self: CheckPayment, payment: Payment, cancel: bool, within: float
) -> Evidence | None:
    evidence = await _ask(self, payment, cancel, within)
    is_old = self.now() > payment.created_at + timedelta(hours=2)
    return Declined("timeout") if is_old and isinstance(evidence, Pending) else evidence


async def _refused_cancellation_is_believed(
    self: CheckPayment, payment: Payment, cancel: bool, within: float
) -> Evidence | None:
    evidence = await _ask(self, payment, cancel, within)
    return Declined("canceled") if cancel and isinstance(evidence, Pending) else evidence


async def _cancelled_without_the_gateway(
    self: CancelPayment, payment_id: PaymentId, user: UserId
) -> Payment:
    payment = await self._request_cancellation(payment_id, user)
    return await self.check.settle(payment, Declined("canceled"))


# --- refunding --------------------------------------------------------------------------------


async def _refund_before_the_reservation(
    self: RefundPayment, payment_id: PaymentId, minor_units: int | None, reason: str, key: Any
) -> Refund:
    refund_id, work = key or RefundId(self.new_id()), self.retry.begin()
    order = await work.orders.find_by_payment(payment_id)
    assert order is not None
    reserved = order.reserve_refund(refund_id, payment_id, minor_units, reason, self.now())
    refund = next(each for each in reserved.refunds if each.id == refund_id)
    try:
        outcome = await self.gateways.default.gateway.refund(reserved.payment(payment_id), refund)
    except (OutcomeUnknown, GatewayUnavailable):
        return refund
    await self._reserve(refund_id, payment_id, minor_units, reason)
    return await self.settle(payment_id, refund, outcome) or refund


def _lost_refund_is_anothers(
    self: OrderRefunds, payment: Payment, reported: ReportedRefund, now: datetime
) -> Refund:
    known = {each.id: each for each in self.refunds}
    external = external_refund(reported.reference, payment, reported.amount, now)
    return known.get(external.id, external)


_keys = count(1)
_key_per_send = property(lambda refund: f"{refund.id}:{next(_keys)}")


def _cancel_keeps_the_money(self: Order, event: OrderReplica, _now: datetime) -> Order:
    return evolve(self, replica=self.replica.merge(event))


# --- storing ----------------------------------------------------------------------------------


_check = InMemoryUnitOfWork._check


def _continued_without_a_check(self: InMemoryUnitOfWork, changes: Changes) -> None:
    if not self._continues:
        _check(self, changes)


_claim_order = ClaimOrder.__call__


async def _key_after_the_claim(self: ClaimOrder, command: PayOrder) -> Claim:
    request = command.request
    claim = await _claim_order(self, evolve(command, request=None))
    if request is not None:
        key, payment_id = request.key, claim.payment.id

        async def begin(work: UnitOfWork) -> None:
            reading = await work.read_charge(ChargeQuery(command.order_id, key=key))
            request.check(reading.request, payment_id)
            request.begin(work, payment_id)

        await self.retry(begin)
    return claim


_settle = CreateCharge._settle


async def _reply_before_the_settlement(
    self: CreateCharge, command: PayOrder, claim: Claim, outcome: Outcome
) -> ChargeResult:
    if isinstance(outcome, Charged):
        paid = ChargeResult(claim.payment.succeed(outcome))
        await self.store_reply(command, paid, claim.payment.id)
    return await _settle(self, command, claim, outcome)


def _only_the_inbox_is_checked(self: InMemoryUnitOfWork, changes: Changes) -> None:
    if not self._database.inbox.isdisjoint(changes.notifications):
        raise Conflict("inbox")


@define
class _EarlyPublisher(InMemoryUnitOfWork):
    """Publishes its events before it commits."""

    broker: InMemoryBroker = field(kw_only=True)

    async def commit(self) -> None:
        for event in self.changes.events:
            self.broker.store(encode(OutboxEntry(event, NOW)))
        await super().commit()


def _published_before_the_commit(ports: Ports, limits: DeclineLimits, *_: Any) -> UseCases:
    assert isinstance(ports.outbox, InMemoryOutboxQueue)
    publisher = getattr(ports.publisher, "publisher", ports.publisher)
    assert isinstance(publisher, InMemoryPublisher)
    database, broker = ports.outbox._database, publisher._broker

    def begin() -> _EarlyPublisher:
        return _EarlyPublisher(
            database, lambda: None, current_actor, database.restored, broker=broker
        )

    return compose(evolve(ports, begin=begin), limits)


# --- messaging --------------------------------------------------------------------------------


async def _mark_before_publish(self: RelayOutbox, limit: int = 256) -> int:
    waiting = await self.outbox.take(self.name, LEASE, limit)
    await self.outbox.mark_sent([each.event.id for each in waiting])
    if waiting:
        await self.publisher.publish(waiting)
    return len(waiting)


async def _mark_the_whole_window(
    self: RelayOutbox, window: Sequence[OutboxEntry]
) -> Collection[EventId]:
    events = {each.event.id for each in window}
    with suppress(BrokerUnavailable):
        await self.publisher.publish(window)
    await self.outbox.mark_sent(events)
    return events


_sends = count(1)


def _id_per_send(entry: OutboxEntry) -> Message:
    message = encode(entry)
    event_id = f"{entry.event.id}:{next(_sends)}"
    return evolve(message, headers={**message.headers, ID_HEADER: event_id, "ce-id": event_id})


async def _ack_before_commit(
    _self: object, batch: Sequence[tuple[InboundEvent, Any]], apply: Apply[Any]
) -> None:
    for event, _ in batch:
        await event.ack()
    if batch:
        await apply([content for _, content in batch], [event.position for event, _ in batch])


async def _trust_the_broker(
    self: AlignStreams, copy: str, progress: StreamProgress, _position: StreamPosition | None
) -> None:
    await self._bind(copy, progress, progress.acknowledged)


def _last_delivered_wins(self: OrderReplica, other: OrderReplica) -> OrderReplica:
    return evolve(other, terms=other.terms or self.terms)


BUGS: Final = (
    Bug("a key per attempt", CreateCharge, "_charge", _key_per_attempt),
    Bug("a timeout is a decline", CreateCharge, "_charge", _timeout_is_a_decline),
    Bug("unknown is reported as unavailable", CreateCharge, "_charge", _unknown_is_unavailable),
    Bug("a 201 before the commit", CreateCharge, "_settle", _paid_before_the_commit),
    Bug(
        "two live payments",
        *(Order, "claim", _claim_beside_a_live_one),
        Bug(
            "both are kept",
            *(Order, "_reversal_reason", _reversal_only_after_a_cancellation),
            Bug("both are stored", InMemoryUnitOfWork, "_check_live", lambda _self, _order: None),
        ),
    ),
    Bug("any user may pay", Order, "claim", _claim_for_any_user),
    Bug("a price through a float", Money, "from_major", classmethod(_through_a_float)),
    Bug("the event in a second commit", SettlePayment, "__call__", _second_commit_for_the_event),
    Bug(
        "a cancel ignores what is in flight",
        *(Order, "_reversal_reason", _no_reversal_after_a_cancellation),
    ),
    Bug("a late capture is ignored", Order, "_capture", _late_capture_is_ignored),
    Bug("a late capture is always kept", Order, "_capture", _late_capture_is_kept),
    Bug("a lost claim is not settled", SettlePayment, "__call__", _lost_claim_is_not_settled),
    Bug("the books are not compared", CompareBooks, "_adopt_missing", _nothing_is_missing),
    Bug(
        "a lost payment is another's",
        *(ReceiveNotification, "_settle", _lost_payment_is_anothers),
        Bug("and they are not compared", CompareBooks, "_adopt_missing", _nothing_is_missing),
    ),
    Bug("a lost payment is always kept", Order, "adopt", _adopted_is_kept),
    Bug(
        "books that are behind are trusted",
        *(BooksGuard, "__call__", _books_are_trusted),
        Bug("a new connection too", BooksGuard, "holds", _connection_is_trusted),
    ),
    Bug("the mark before the list", CompareBooks, "_compare", _mark_before_the_list),
    Bug("refunds of others are not looked for", SyncRefunds, "__call__", _no_refunds_of_others),
    Bug("a second charge is ignored", Order, "_reverse_second_charge", _second_charge_is_ignored),
    Bug("the amount is not compared", Payment, "mismatch", _no_mismatch),
    Bug("what was never sent has failed", Payment, "has_failed", _failed_even_if_never_sent),
    Bug("recovery charges again", CheckPayment, "__call__", _check_charges_again),
    Bug("an abandoned payment is never checked", Payment, "abandon", _abandoned_for_ever),
    Bug("an unknown outcome is checked once", Payment, "schedule_check", _no_next_check),
    Bug("a timer ends what is pending", CheckPayment, "_ask", _pending_ends_by_a_timer),
    Bug("what is pending is never checked", Payment, "schedule_check", _pending_is_never_checked),
    Bug(
        "a refused cancellation is believed",
        *(CheckPayment, "_ask", _refused_cancellation_is_believed),
    ),
    Bug(
        "cancelled without the gateway",
        *(CancelPayment, "__call__", _cancelled_without_the_gateway),
    ),
    Bug(
        "a refund is sent unreserved",
        *(RefundPayment, "__call__", _refund_before_the_reservation),
        Bug("and is another's", OrderRefunds, "_new_refund", _lost_refund_is_anothers),
    ),
    Bug("a lost refund is another's", OrderRefunds, "_new_refund", _lost_refund_is_anothers),
    Bug("a refund key per send", Refund, "key", _key_per_send),
    Bug("a cancel keeps the money", Order, "apply", _cancel_keeps_the_money),
    Bug(
        "a continued work is not checked", InMemoryUnitOfWork, "_check", _continued_without_a_check
    ),
    Bug("a key after the claim", ClaimOrder, "__call__", _key_after_the_claim),
    Bug("a reply before its commit", CreateCharge, "_settle", _reply_before_the_settlement),
    Bug("the last writer wins", InMemoryUnitOfWork, "_check", _only_the_inbox_is_checked),
    Bug("published before the commit", runtime, "compose", _published_before_the_commit),
    Bug("marked before published", RelayOutbox, "run_once", _mark_before_publish),
    Bug("a window is marked whatever is stored", RelayOutbox, "_relay", _mark_the_whole_window),
    Bug("an event id per send", messaging, "encode", _id_per_send),
    Bug(
        "acknowledged before the commit",
        *(Batch, "apply", _ack_before_commit),
        Bug("not set back to where the books end", AlignStreams, "_align", _trust_the_broker),
    ),
    Bug("not set back to where the books end", AlignStreams, "_align", _trust_the_broker),
    Bug("the last delivered wins", OrderReplica, "merge", _last_delivered_wins),
    *ORACLE_BUGS,
    *HISTORY_BUGS,
    *CAPTURE_BUGS,
    *REVIEW_BUGS,
    *GATEWAY_BUGS,
    *DISPUTE_BUGS,
    *REFUND_BUGS,
    *READ_BUGS,
    *LETTER_BUGS,
    *CLOCK_BUGS,
    *TERMS_BUGS,
    *REFUSAL_BUGS,
)


MAX_SEEDS: Final = 400
"""Few bugs take more from seed 1."""


def bug_named(name: str) -> Bug:
    """Return one of the bugs."""
    return next(each for each in BUGS if each.name == name)


def seeds_to_find(bug: Bug, first: int = 1) -> tuple[int, RunResult | None]:
    """Return how many seeds it takes until a promise is broken, and the run that breaks it."""
    with bug.planted():
        for tried in range(1, MAX_SEEDS + 1):
            result = World(scenario_of(first + tried - 1)).run()
            if result.broken:
                return tried, result
    return MAX_SEEDS, None


@click.command()
def main() -> None:
    """Print how many seeds it takes to find each bug, from a few first seeds."""
    firsts = (1, 1000, 2000)
    columns = ("planted bug", *(f"from {first}" for first in firsts), "broken", "a named test")
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    tests = named_tests()
    for bug in BUGS:
        found = [seeds_to_find(bug, first) for first in firsts]
        times = " | ".join(str(tried) if result else "–" for tried, result in found)
        results = (result for _, result in found if result)
        broken = {violation.partition(":")[0] for result in results for violation in result.broken}
        promises, test = ", ".join(sorted(broken, key=int)), tests[bug.name]
        print(f"| {bug.name} | {times} | {promises} | `{test}` |", flush=True)


if __name__ == "__main__":
    main()
