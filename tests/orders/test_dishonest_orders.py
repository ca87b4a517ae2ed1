"""The suite finds the reference service's faults, and each dishonest service by a named promise."""
# ruff: noqa: D101 - the names of the services say what is wrong with them

import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from attrs import evolve

from payments_kit.orders.events import Fact, PaymentEvent, Subject, read_event
from payments_kit.orders.guard import Action, Decision, NoticeKind, OrderPayments, OrderStatus
from tests.orders.promises import TESTS, broken_promises, is_kept
from tests.orders.services import HonestOrders, ReferenceOrders


async def test_an_honest_service_keeps_every_promise() -> None:
    assert await broken_promises(HonestOrders) == set()


async def test_the_reference_service_completes_a_cancelled_order_and_more() -> None:
    assert await broken_promises(ReferenceOrders) == {
        "a cancelled order is never completed",
        "a payment that is repeated after the cancellation changes nothing",
        "another payment after the cancellation changes nothing",
        "a cancellation at the time of the payment wins",
        "nothing brings a cancelled order back",
        "an unreadable event stops nothing",
        "an event of an unknown order stops nothing",
        "an order does not stay complete when all is refunded",
        "a refunded order is not completed by a repeated payment",
        "a refund that arrives first counts",
        "refunds in parts are added up",
        "an unpaid order expires and is never completed",
        "an order does not expire while its money is held",
        "an order does not expire while its payment is pending",
        "the versions of an order have no gap",
    }


class CompletesCancelledOrders(HonestOrders):
    async def status(self, order_id: str) -> str:
        alive = evolve(self.payments[order_id], is_cancelled=False)
        is_complete = alive.status is OrderStatus.COMPLETE
        return "complete" if is_complete else await super().status(order_id)


class IsCompletedAgainByARedelivery(HonestOrders):
    def decide(self, payments: OrderPayments, event: PaymentEvent) -> Decision:
        if event.fact in payments.facts and event.fact.subject is Subject.CREATED:
            return Decision(evolve(payments, is_cancelled=False), Action.RECORD)
        return super().decide(payments, event)


class LosesTheCancellation(HonestOrders):
    """It does not lock the order that it reads and writes."""

    async def cancel_order(self, order_id: str) -> None:
        await self.cancel(order_id)


class KnowsEventsByTheirIds(HonestOrders):
    async def receive(self, event: PaymentEvent, event_id: str) -> None:
        named = evolve(event.fact, payment_id=event_id)
        before = self.payments.get(event.order_id)
        await super().receive(evolve(event, fact=named), event_id)
        if before is not None and self.payments[event.order_id].facts != before.facts:
            self.delivered[event.order_id] += event.fact.subject is Subject.CREATED
            self.delivered[event.order_id] -= before.status is OrderStatus.CREATED


class DeliversAtEachEvent(HonestOrders):
    def decide(self, payments: OrderPayments, event: PaymentEvent) -> Decision:
        decision = super().decide(payments, event)
        is_again = event.fact.subject is Subject.CREATED and not payments.is_cancelled
        return evolve(decision, action=Action.COMPLETE) if is_again else decision


class DeliversTwiceAtOnce(DeliversAtEachEvent):
    """It checks before, and outside of the transaction, whether the event is new."""

    async def deliver(self, subject: str, data: bytes, event_id: str) -> bool:
        event = read_event(subject, data)
        if event and event.fact in (await self.load(event.order_id)).facts:
            return True
        return await super().deliver(subject, data, event_id)


class DeliversForAnAuthorization(HonestOrders):
    def decide(self, payments: OrderPayments, event: PaymentEvent) -> Decision:
        if event.fact.subject is Subject.AUTHORIZED:
            event = evolve(event, fact=evolve(event.fact, subject=Subject.CREATED))
        return super().decide(payments, event)


class DeliversAfterACrashAgain(HonestOrders):
    """It remembers in memory what it has delivered."""

    async def crash_before_ack(self, subject: str, data: bytes, event_id: str) -> None:
        await super().crash_before_ack(subject, data, event_id)
        self.payments = dict.fromkeys(self.payments, OrderPayments())


class RefusesUnknownFields(HonestOrders):
    async def deliver(self, subject: str, data: bytes, event_id: str) -> bool:
        return b"new" not in data and await super().deliver(subject, data, event_id)


class NeedsOurFields(HonestOrders):
    async def deliver(self, subject: str, data: bytes, event_id: str) -> bool:
        return json.loads(data)["amount"] and await super().deliver(subject, data, event_id)


class KeepsUnknownSubjects(HonestOrders):
    async def deliver(self, subject: str, data: bytes, event_id: str) -> bool:
        is_known = subject in [each.value for each in Subject]
        return is_known and await super().deliver(subject, data, event_id)


class EndsAtAnUnreadableEvent(HonestOrders):
    async def deliver(self, subject: str, data: bytes, event_id: str) -> bool:
        json.loads(data)
        return await super().deliver(subject, data, event_id)


class DropsUnreadableEvents(HonestOrders):
    async def deliver(self, subject: str, data: bytes, event_id: str) -> bool:
        return data == b"nonsense" or await super().deliver(subject, data, event_id)


class EndsAtAnUnknownOrder(HonestOrders):
    async def receive(self, event: PaymentEvent, event_id: str) -> None:
        await self.load(event.order_id)
        await super().receive(event, event_id)


class IgnoresSome(HonestOrders):
    ignored: frozenset[Subject] = frozenset()

    def decide(self, payments: OrderPayments, event: PaymentEvent) -> Decision:
        if event.fact.subject in self.ignored:
            return Decision(payments, Action.IGNORE)
        return super().decide(payments, event)


class IgnoresRefunds(IgnoresSome):
    ignored = frozenset({Subject.REFUNDED})


class IgnoresReleasedMoney(IgnoresSome):
    ignored = frozenset({Subject.VOIDED})


class IgnoresFailures(IgnoresSome):
    ignored = frozenset({Subject.FAILED})


class IgnoresDisputes(IgnoresSome):
    ignored = frozenset({Subject.DISPUTED})


class IgnoresEarlyRefunds(HonestOrders):
    def decide(self, payments: OrderPayments, event: PaymentEvent) -> Decision:
        if payments.status is OrderStatus.CREATED and event.fact.subject is Subject.REFUNDED:
            return Decision(payments, Action.IGNORE)
        return super().decide(payments, event)


class TakesEveryRefundAsAll(HonestOrders):
    def decide(self, payments: OrderPayments, event: PaymentEvent) -> Decision:
        if event.fact.subject is Subject.REFUNDED:
            event = evolve(event, fact=evolve(event.fact, amount=10**9))
        return super().decide(payments, event)


class CountsARefundAgain(HonestOrders):
    def decide(self, payments: OrderPayments, event: PaymentEvent) -> Decision:
        if event.fact.subject is Subject.REFUNDED:
            number = f"{event.fact.about}-{len(payments.facts)}"
            event = evolve(event, fact=evolve(event.fact, about=number))
        return super().decide(payments, event)


class TakesAnyPaymentsRefund(HonestOrders):
    """It asks which order a refund is of, and not which payment."""

    def decide(self, payments: OrderPayments, event: PaymentEvent) -> Decision:
        return super().decide(
            payments, evolve(event, fact=evolve(event.fact, payment_id="the order"))
        )


class TakesAFailedRefundAsDone(HonestOrders):
    def decide(self, payments: OrderPayments, event: PaymentEvent) -> Decision:
        fact = event.fact
        if fact.subject is Subject.REFUND_FAILED:
            event = evolve(event, fact=Fact(Subject.REFUNDED, fact.payment_id, "x", fact.amount))
        return super().decide(payments, event)


class CancelsAtADispute(HonestOrders):
    def decide(self, payments: OrderPayments, event: PaymentEvent) -> Decision:
        decision = super().decide(payments, event)
        is_over = event.fact.subject is Subject.DISPUTED
        return evolve(decision, payments=payments.cancel()) if is_over else decision


class LetsAFailureUndoAPayment(HonestOrders):
    def decide(self, payments: OrderPayments, event: PaymentEvent) -> Decision:
        if event.fact.subject is Subject.FAILED:
            payments = OrderPayments(payments.is_cancelled)
        return super().decide(payments, event)


class ExpiresWhileMoneyIsHeld(HonestOrders):
    def may_expire(self, payments: OrderPayments) -> bool:
        return payments.status is OrderStatus.CREATED and not payments.pending_payments


class ExpiresWhilePending(HonestOrders):
    def may_expire(self, payments: OrderPayments) -> bool:
        return payments.status is OrderStatus.CREATED and not payments.held_payments


class WaitsForEverForLateMoney(HonestOrders):
    def may_expire(self, payments: OrderPayments) -> bool:
        pending = [each for each in payments.facts if each.subject is Subject.PENDING]
        is_late = any(each.subject is Subject.REFUNDED for each in payments.facts)
        return super().may_expire(payments) and not (pending and is_late)


class ExpiresWhenPaid(HonestOrders):
    def may_expire(self, payments: OrderPayments) -> bool:
        return True


class SkipsAVersion(HonestOrders):
    async def cancel(self, order_id: str) -> None:
        self.versions[order_id] += 1
        await super().cancel(order_id)


class PublishesACancellationAgain(HonestOrders):
    async def receive(self, event: PaymentEvent, event_id: str) -> None:
        await super().receive(event, event_id)
        if event.order_id in self.payments and self.payments[event.order_id].is_cancelled:
            self.publish(event.order_id, "order:cancelled")


class PublishesAtEachEvent(HonestOrders):
    async def receive(self, event: PaymentEvent, event_id: str) -> None:
        await super().receive(event, event_id)
        self.versions[event.order_id] += 1
        self.publish(event.order_id, "order:updated")


class TellsTwice(HonestOrders):
    def tell(self, kind: NoticeKind) -> None:
        self.told += [kind.value, kind.value]


class TellsOfEveryPayment(HonestOrders):
    def decide(self, payments: OrderPayments, event: PaymentEvent) -> Decision:
        self.told.append("an event")
        return super().decide(payments, event)


class TellsNothingOfASecondPayment(HonestOrders):
    def tell(self, kind: NoticeKind) -> None:
        if kind is not NoticeKind.PAID_TWICE:
            super().tell(kind)


class NeverEnds(HonestOrders):
    async def deliver(self, subject: str, data: bytes, event_id: str) -> bool:
        return False


class HasAStatusOfItsOwn(HonestOrders):
    async def status(self, order_id: str) -> str:
        return "COMPLETE"


class CompletesEverything(HonestOrders):
    async def create_order(self, price: Decimal) -> str:
        order_id = await super().create_order(price)
        payments = self.payments[order_id]
        self.payments[order_id] = payments.apply(
            PaymentEvent(order_id, Fact(Subject.CREATED, "x"))
        ).payments
        return order_id


DISHONEST: dict[type[HonestOrders], str] = {
    CompletesCancelledOrders: "a cancelled order is never completed",
    IsCompletedAgainByARedelivery: (
        "a payment that is repeated after the cancellation changes nothing"
    ),
    LosesTheCancellation: "a cancellation at the time of the payment wins",
    KnowsEventsByTheirIds: "a payment is recognized under another event id",
    DeliversAtEachEvent: "an order is delivered once",
    DeliversTwiceAtOnce: "two deliveries at the same time deliver an order once",
    DeliversForAnAuthorization: "an order without captured money is not delivered",
    DeliversAfterACrashAgain: "a crash does not deliver an order twice",
    RefusesUnknownFields: "unknown fields are ignored",
    NeedsOurFields: "the event of the reference service completes an order",
    KeepsUnknownSubjects: "unknown events are acknowledged and ignored",
    EndsAtAnUnreadableEvent: "an unreadable event stops nothing",
    DropsUnreadableEvents: "an unreadable event is reported",
    EndsAtAnUnknownOrder: "an event of an unknown order stops nothing",
    IgnoresRefunds: "an order does not stay complete when all is refunded",
    IgnoresReleasedMoney: "an order expires after its money was released",
    IgnoresFailures: "an order expires after its pending payment failed",
    IgnoresDisputes: "what an order cannot solve is reported once",
    IgnoresEarlyRefunds: "a refund that arrives first counts",
    TakesEveryRefundAsAll: "a refund of a part leaves the order complete",
    CountsARefundAgain: "a repeated refund counts once",
    TakesAnyPaymentsRefund: "a late payment's refund does not undo the other payment",
    TakesAFailedRefundAsDone: "a refund that failed leaves the order complete",
    CancelsAtADispute: "a dispute changes no order",
    LetsAFailureUndoAPayment: "a failure does not undo another payment",
    ExpiresWhileMoneyIsHeld: "an order does not expire while its money is held",
    ExpiresWhilePending: "an order does not expire while its payment is pending",
    WaitsForEverForLateMoney: "an order expires after its late money was given back",
    ExpiresWhenPaid: "a paid order does not expire",
    SkipsAVersion: "the versions of an order have no gap",
    PublishesACancellationAgain: "a cancellation is published once",
    PublishesAtEachEvent: "a repeated event publishes nothing",
    TellsTwice: "what an order cannot solve is reported once",
    TellsOfEveryPayment: "what is expected is not reported",
    TellsNothingOfASecondPayment: "a second payment of an order is reported",
    NeverEnds: "a payment completes its order and no other",
    HasAStatusOfItsOwn: "an order is not complete before it is paid",
    CompletesEverything: "an order is not complete before it is paid",
}


@pytest.mark.parametrize(("service", "promise"), DISHONEST.items(), ids=lambda it: str(it)[-40:])
async def test_a_dishonest_service_breaks_the_promise(
    service: Callable[[], HonestOrders], promise: str
) -> None:
    assert not await is_kept(promise, service)


def test_every_promise_has_its_own_name() -> None:
    assert len(TESTS) == 52
