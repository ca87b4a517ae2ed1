"""What every unit of work promises, whatever it keeps the books in."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from itertools import count

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings

from application.ports.event_publisher import OutboxQueue
from application.ports.gateway_notifications import (
    ChargeNotification,
    DisputeNotification,
    ExternalRefundNotification,
)
from application.ports.unit_of_work import BeginUnitOfWork, Conflict, UnitOfWork
from application.retry import RetryOnConflict
from domain.claim import PaymentInProgress
from domain.dispute import DisputeStatus
from domain.events import Event, PaymentCreated, PaymentFailed
from domain.identifiers import ChargeId, DisputeId, OrderId, PaymentId, RefundId
from domain.order import Order
from domain.payment import FIRST_CHECK_AFTER
from domain.refund import Refunded, RefundFailed, RefundPending
from tests.builders import (
    NOW,
    ORDER,
    PAYMENT,
    PRICE,
    a_bill,
    after,
    an_order,
    cancelled_event,
    charged,
    claimed,
    declined,
)
from tests.builders import begin as begin_payment
from tests.strategies import orders

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
"""What every unit of work of these tests is caused by."""

NOTICE = "evt_1"

# Races may take as long as a loaded machine likes, but have to end.
SECONDS = 60.0

_numbers = count(1)

# The examples share one database, under names of their own, and the suite has many subclasses.
_SHARED = (HealthCheck.function_scoped_fixture, HealthCheck.differing_executors)


class UnitOfWorkContract:
    """A subclass says how to begin a unit of work, caused by TRACE, and where its events go."""

    @pytest.fixture
    def begin(self) -> BeginUnitOfWork:
        raise NotImplementedError

    @pytest.fixture
    def queue(self) -> OutboxQueue:
        raise NotImplementedError

    # --- reading what was saved ----------------------------------------------------------------

    async def test_a_bill_never_heard_of_is_absent(self, begin: BeginUnitOfWork) -> None:
        assert await begin().orders.get_many([ORDER]) == {}
        assert await begin().orders.get_many([]) == {}
        assert await begin().orders.find_by_payment(PAYMENT) is None

    @settings(max_examples=50, suppress_health_check=_SHARED)
    @given(order=orders())
    async def test_a_bill_is_read_as_it_was_saved(
        self, begin: BeginUnitOfWork, order: Order
    ) -> None:
        order = numbered(order, next(_numbers))
        await save(begin, order)
        found = await read(begin, order.id)
        assert oldest_first(found) == oldest_first(order)
        for payment in order.payments:
            assert await begin().orders.find_by_payment(payment.id) == found

    async def test_a_bill_is_read_as_it_was_saved_last(self, begin: BeginUnitOfWork) -> None:
        for order in a_long_story():
            await save(begin, order)
            assert await read(begin, ORDER) == order

    async def test_only_a_cancellation_heard_is_kept(self, begin: BeginUnitOfWork) -> None:
        order = a_bill(order=cancelled_event(version=7))
        await save(begin, order)
        assert await read(begin, ORDER) == order

    @pytest.mark.parametrize(
        "expires_at",
        [
            datetime.max.replace(tzinfo=UTC),
            datetime.min.replace(tzinfo=UTC),
            NOW.astimezone(timezone(timedelta(hours=5, minutes=30))),
            NOW + timedelta(microseconds=1),
        ],
    )
    async def test_every_expiry_is_kept(self, begin: BeginUnitOfWork, expires_at: datetime) -> None:
        order = a_bill(order=an_order(expires_at=expires_at))
        await save(begin, order)
        found = await read(begin, ORDER)
        assert found == order
        assert found.order.is_expired(NOW) == order.is_expired(NOW)

    async def test_a_thousand_bills_are_written_and_read_at_once(
        self, begin: BeginUnitOfWork
    ) -> None:
        many = {OrderId(f"order-{n}"): a_bill(order=an_order(f"order-{n}")) for n in range(1_000)}
        for version in (0, 1):
            work = begin()
            found = await work.orders.get_many(many.keys())
            assert len(found) == version * len(many)
            for order_id in many:
                work.orders.save(a_bill(order=an_order(order_id, version)))
            await work.commit()
        found = await begin().orders.get_many([*many, OrderId("unknown")])
        assert {order.id for order in found.values()} == many.keys()
        assert {order.version for order in found.values()} == {1}

    async def test_the_bill_that_holds_a_payment_or_its_charge_is_found(
        self, begin: BeginUnitOfWork
    ) -> None:
        paid = claimed().settle(PAYMENT, charged(), NOW)
        await save(begin, paid)
        await save(begin, claimed("payment-2", an_order("order-2")))
        assert await begin().orders.find_by_payment(PAYMENT) == paid
        assert await begin().orders.find_by_charge(charged().charge_id) == paid
        assert await begin().orders.find_by_payment(PaymentId("payment-3")) is None
        assert await begin().orders.find_by_charge(ChargeId("ch_3")) is None

    @pytest.mark.parametrize("how", ["of", "holding", "charged"])
    async def test_what_is_read_is_guarded_however_it_was_found(
        self, begin: BeginUnitOfWork, how: str
    ) -> None:
        paid = claimed().settle(PAYMENT, charged(), NOW)
        await save(begin, paid)

        async def find(work: UnitOfWork) -> Order | None:
            if how == "of":
                return (await work.orders.get_many([ORDER]))[ORDER]
            if how == "holding":
                return await work.orders.find_by_payment(PAYMENT)
            return await work.orders.find_by_charge(charged().charge_id)

        first, second = begin(), begin()
        for work in (first, second):
            order = await find(work)
            assert order is not None
            work.orders.save(order.complete())
        await first.commit()
        with pytest.raises(Conflict):
            await second.commit()

    # --- what is due ---------------------------------------------------------------------------

    async def test_what_is_longest_due_comes_first(self, begin: BeginUnitOfWork) -> None:
        for seconds, number in enumerate((3, 1, 2)):
            order = an_order(f"order-{number}")
            await save(begin, claimed(f"payment-{number}", order, after(seconds=seconds)))
        await save(begin, a_bill(order=an_order("order-4")))
        assert (
            await begin().orders.find_due(NOW + FIRST_CHECK_AFTER - timedelta(seconds=1), 10) == []
        )
        assert await begin().orders.find_due(NOW + FIRST_CHECK_AFTER, 10) == ["order-3"]
        later = after(hours=1)
        assert await begin().orders.find_due(later, 10) == ["order-3", "order-1", "order-2"]
        assert await begin().orders.find_due(later, 2) == ["order-3", "order-1"]

    async def test_a_bill_is_due_once_for_everything_on_it(self, begin: BeginUnitOfWork) -> None:
        paid = claimed().settle(PAYMENT, charged(), NOW)
        for number in (1, 2):
            paid = paid.reserve_refund(RefundId(f"refund-{number}"), PAYMENT, 1, "requested", NOW)
        await save(begin, paid)
        assert await begin().orders.find_due(NOW, 10) == []
        assert await begin().orders.find_due(after(hours=1), 10) == [ORDER]

    # --- all or nothing ------------------------------------------------------------------------

    async def test_what_is_not_committed_leaves_no_trace(
        self, begin: BeginUnitOfWork, queue: OutboxQueue
    ) -> None:
        work = begin()
        work.orders.save(claimed())
        work.outbox.add(FAILED)
        work.inbox.add(NOTICE)
        await nothing_was_written(begin, queue)
        del work
        await nothing_was_written(begin, queue)

    async def test_everything_is_committed_together(
        self, begin: BeginUnitOfWork, queue: OutboxQueue
    ) -> None:
        work = begin()
        work.orders.save(claimed())
        work.outbox.add(FAILED)
        work.inbox.add(NOTICE)
        await work.commit()
        assert await read(begin, ORDER) == claimed()
        assert await events(queue) == [FAILED]
        assert await begin().inbox.has(NOTICE)

    async def test_a_conflict_leaves_no_trace(
        self, begin: BeginUnitOfWork, queue: OutboxQueue
    ) -> None:
        await save(begin, a_bill(order=an_order("order-2")))
        late = begin()
        late.orders.save(claimed())
        late.orders.save(a_bill(order=an_order("order-2", version=1)))  # written since, unread
        late.outbox.add(FAILED)
        late.inbox.add(NOTICE)
        with pytest.raises(Conflict):
            await late.commit()
        await nothing_was_written(begin, queue)
        assert (await read(begin, OrderId("order-2"))).order.version == 0

    async def test_committing_nothing_does_nothing(self, begin: BeginUnitOfWork) -> None:
        await begin().commit()

    # --- who was first -------------------------------------------------------------------------

    async def test_of_two_that_change_what_they_read_the_second_gets_a_conflict(
        self, begin: BeginUnitOfWork
    ) -> None:
        await save(begin, a_bill())
        first, second = begin(), begin()
        for number, work in enumerate((first, second)):
            order = (await work.orders.get_many([ORDER]))[ORDER]
            work.orders.save(begin_payment(order, f"payment-{number}"))
        await first.commit()
        with pytest.raises(Conflict):
            await second.commit()
        assert [payment.id for payment in (await read(begin, ORDER)).payments] == ["payment-0"]

    async def test_of_two_that_find_none_the_second_gets_a_conflict(
        self, begin: BeginUnitOfWork
    ) -> None:
        first, second = begin(), begin()
        for version, work in enumerate((first, second)):
            assert await work.orders.get_many([ORDER]) == {}
            work.orders.save(a_bill(order=an_order(version=version)))
        await first.commit()
        with pytest.raises(Conflict):
            await second.commit()
        assert (await read(begin, ORDER)).order.version == 0

    async def test_saving_a_bill_unchanged_is_a_change(self, begin: BeginUnitOfWork) -> None:
        await save(begin, a_bill())
        first, second = begin(), begin()
        for work in (first, second):
            work.orders.save((await work.orders.get_many([ORDER]))[ORDER])
        await first.commit()
        with pytest.raises(Conflict):
            await second.commit()

    async def test_reading_alone_is_never_a_conflict(self, begin: BeginUnitOfWork) -> None:
        await save(begin, a_bill())
        reader = begin()
        await reader.orders.get_many([ORDER])
        await save(begin, claimed())
        reader.inbox.add(NOTICE)
        await reader.commit()

    async def test_of_twenty_that_claim_an_order_at_once_one_gets_it(
        self, begin: BeginUnitOfWork
    ) -> None:
        await save(begin, a_bill())
        retry = RetryOnConflict(begin)

        async def claim(number: int) -> str | None:
            async def decision(work: UnitOfWork) -> str:
                order = (await work.orders.get_many([ORDER]))[ORDER]
                work.orders.save(begin_payment(order, f"payment-{number}"))
                return f"payment-{number}"

            try:
                return await retry(decision)
            except PaymentInProgress:
                return None

        async with asyncio.timeout(SECONDS):
            claims = await asyncio.gather(*(claim(number) for number in range(20)))
        winners = [payment_id for payment_id in claims if payment_id]
        assert [payment.id for payment in (await read(begin, ORDER)).payments] == winners
        assert len(winners) == 1

    async def test_of_twenty_that_change_an_order_at_once_all_get_through(
        self, begin: BeginUnitOfWork
    ) -> None:
        paid = claimed().settle(PAYMENT, charged(), NOW)
        await save(begin, paid)
        retry = RetryOnConflict(begin)

        async def reserve(number: int) -> None:
            async def decision(work: UnitOfWork) -> None:
                order = await work.orders.find_by_payment(PAYMENT)
                assert order is not None
                refund_id = RefundId(f"refund-{number}")
                work.orders.save(order.reserve_refund(refund_id, PAYMENT, 1, "requested", NOW))

            await retry(decision)

        async with asyncio.timeout(SECONDS):
            await asyncio.gather(*(reserve(number) for number in range(20)))
        order = await read(begin, ORDER)
        assert order.refundable(order.payment(PAYMENT)).minor_units == PRICE.minor_units - 20

    async def test_batches_that_overlap_all_get_through(self, begin: BeginUnitOfWork) -> None:
        names = [OrderId(f"order-{number}") for number in range(50)]
        retry = RetryOnConflict(begin)

        async def merge(some: list[OrderId]) -> None:
            async def decision(work: UnitOfWork) -> None:
                found = await work.orders.get_many(some)
                for order_id in some:
                    order = found.get(order_id, a_bill(order=an_order(order_id)))
                    order = evolve(order.replica, version=order.version + 1)
                    work.orders.save(evolve(order, order=order))

            await retry(decision)

        async with asyncio.timeout(SECONDS):
            await asyncio.gather(*(merge(names), merge(names[::-1]), merge(names[10:40])))
        found = await begin().orders.get_many(names)
        assert sum(order.version for order in found.values()) == 50 + 50 + 30

    # --- the inbox and the outbox --------------------------------------------------------------

    async def test_a_notice_is_kept_from_the_commit_on(self, begin: BeginUnitOfWork) -> None:
        await save(begin, claimed().settle(PAYMENT, charged(), NOW))
        work = begin()
        for notification in CHARGE_NOTICES:
            work.inbox.defer(notification, NOW)
        assert await begin().inbox.find_deferred(NOW, 10) == []
        await work.commit()
        assert await begin().inbox.find_deferred(NOW, 10) == CHARGE_NOTICES

    async def test_a_kept_notice_waits_for_its_charge_or_until_it_is_too_old(
        self, begin: BeginUnitOfWork
    ) -> None:
        notification = CHARGE_NOTICES[0]
        await keep(begin, notification, NOW)
        assert await begin().inbox.find_deferred(NOW, 10) == []
        assert await begin().inbox.find_deferred(after(seconds=1), 10) == [notification]
        await save(begin, claimed())
        assert await begin().inbox.find_deferred(NOW, 10) == []
        order = await read(begin, ORDER)
        await save(begin, order.settle(PAYMENT, charged(), NOW))
        assert await begin().inbox.find_deferred(NOW, 10) == [notification]

    async def test_the_longest_kept_notices_come_first_and_none_in_the_way_of_others(
        self, begin: BeginUnitOfWork
    ) -> None:
        await save(begin, claimed().settle(PAYMENT, charged(), NOW))
        first, second, third, *_ = CHARGE_NOTICES
        await keep(begin, evolve(third, id="evt_strange", charge_id=ChargeId("ch_strange")), NOW)
        await keep(begin, second, after(seconds=2))
        await keep(begin, first, after(seconds=1))
        assert await begin().inbox.find_deferred(NOW, 10) == [first, second]
        assert await begin().inbox.find_deferred(NOW, 1) == [first]

    async def test_keeping_a_notice_again_changes_nothing(self, begin: BeginUnitOfWork) -> None:
        notification = CHARGE_NOTICES[0]
        await keep(begin, notification, NOW)
        await keep(begin, notification, after(hours=1))
        assert await begin().inbox.find_deferred(after(seconds=1), 10) == [notification]

    async def test_a_notice_forgotten_is_kept_no_longer_once_that_is_committed(
        self, begin: BeginUnitOfWork, queue: OutboxQueue
    ) -> None:
        one, other, *_ = CHARGE_NOTICES
        for notification in (one, other):
            await keep(begin, notification, NOW)
        work = begin()
        work.inbox.remove_deferred(one.id)
        assert await begin().inbox.find_deferred(after(seconds=1), 10) == [one, other]
        work.outbox.add(FAILED)
        await work.commit()
        assert await begin().inbox.find_deferred(after(seconds=1), 10) == [other]
        assert await events(queue) == [FAILED]
        alone = begin()
        for notification in (one, other):
            alone.inbox.remove_deferred(notification.id)
        await alone.commit()
        assert await begin().inbox.find_deferred(after(seconds=1), 10) == []

    async def test_a_conflict_keeps_and_forgets_nothing(self, begin: BeginUnitOfWork) -> None:
        one, other, *_ = CHARGE_NOTICES
        await keep(begin, one, NOW)
        await save(begin, a_bill())
        late = begin()
        late.orders.save(claimed())  # unread
        late.inbox.defer(other, NOW)
        late.inbox.remove_deferred(one.id)
        with pytest.raises(Conflict):
            await late.commit()
        assert await begin().inbox.find_deferred(after(seconds=1), 10) == [one]

    async def test_a_notice_is_heard_once(self, begin: BeginUnitOfWork, queue: OutboxQueue) -> None:
        assert not await begin().inbox.has(NOTICE)
        first, second = begin(), begin()
        for work in (first, second):
            work.inbox.add(NOTICE)
        second.orders.save(claimed())
        second.outbox.add(FAILED)
        await first.commit()
        with pytest.raises(Conflict):
            await second.commit()
        assert await begin().inbox.has(NOTICE)
        assert not await begin().inbox.has("evt_2")
        assert await begin().orders.get_many([ORDER]) == {}
        assert await events(queue) == []

    async def test_a_notice_added_twice_to_one_decision_is_one(
        self, begin: BeginUnitOfWork
    ) -> None:
        work = begin()
        work.inbox.add(NOTICE)
        work.inbox.add(NOTICE)
        await work.commit()

    async def test_an_event_that_is_there_already_changes_nothing(
        self, begin: BeginUnitOfWork, queue: OutboxQueue
    ) -> None:
        work = begin()
        work.outbox.add(FAILED)
        work.outbox.add(FAILED)
        await work.commit()
        again = begin()
        again.outbox.add(FAILED)
        again.outbox.add(CREATED)
        await again.commit()
        assert await events(queue) == [FAILED, CREATED]

    async def test_an_event_tells_what_it_was_caused_by(
        self, begin: BeginUnitOfWork, queue: OutboxQueue
    ) -> None:
        work = begin()
        work.outbox.add(CREATED)
        await work.commit()
        (entry,) = await queue.take("relay", timedelta(minutes=1), 10)
        assert entry.traceparent == TRACE
        assert entry.recorded_at.tzinfo is not None


FAILED = PaymentFailed(PAYMENT, ORDER, "card_declined")
CREATED = PaymentCreated.of(claimed().settle(PAYMENT, charged(), NOW).payment(PAYMENT))

_CHARGE = charged().charge_id
CHARGE_NOTICES: list[ChargeNotification] = [
    ExternalRefundNotification("evt_1", _CHARGE, "re_1", PRICE, Refunded("re_1", PRICE)),
    ExternalRefundNotification("evt_2", _CHARGE, "re_2", PRICE, RefundPending("re_2")),
    ExternalRefundNotification("evt_3", _CHARGE, "re_3", PRICE, RefundFailed("lost_card", "re_3")),
    DisputeNotification(
        "evt_4", _CHARGE, DisputeId("dp_1"), PRICE, "fraudulent", DisputeStatus.LOST
    ),
]


async def save(begin: BeginUnitOfWork, order: Order) -> None:
    """Write a bill, whatever was there before."""
    work = begin()
    await work.orders.get_many([order.id])
    work.orders.save(order)
    await work.commit()


async def keep(begin: BeginUnitOfWork, notification: ChargeNotification, since: datetime) -> None:
    """Keep a notice, whatever was kept before."""
    work = begin()
    work.inbox.defer(notification, since)
    await work.commit()


async def read(begin: BeginUnitOfWork, order_id: OrderId) -> Order:
    """What others see."""
    return (await begin().orders.get_many([order_id]))[order_id]


async def events(queue: OutboxQueue) -> list[Event]:
    """What waits to be published."""
    return [entry.event for entry in await queue.take("relay", timedelta(minutes=1), 1_000)]


async def nothing_was_written(begin: BeginUnitOfWork, queue: OutboxQueue) -> None:
    """Nobody sees the ordinary order, an event or the notice."""
    assert await begin().orders.get_many([ORDER]) == {}
    assert await begin().orders.find_by_payment(PAYMENT) is None
    assert await events(queue) == []
    assert not await begin().inbox.has(NOTICE)


def a_long_story() -> list[Order]:
    """The ordinary order from its creation to its end, step by step."""
    second = PaymentId("payment-2")
    story = [a_bill(order=an_order(expires_at=after(hours=1)))]
    story.append(begin_payment(story[-1], PAYMENT))
    story.append(story[-1].settle(PAYMENT, declined(), after(seconds=1)))
    story.append(begin_payment(story[-1], second, after(seconds=2)))
    story.append(story[-1].settle(second, charged(second), after(seconds=3)))
    refund_id = RefundId("refund-1")
    story.append(story[-1].reserve_refund(refund_id, second, 100, "requested", after(seconds=4)))
    story.append(story[-1].apply(cancelled_event(), after(seconds=5)))
    story.append(story[-1].settle_refund(refund_id, Refunded("re_1", PRICE), after(seconds=6)))
    charge_id, dispute_id = charged(second).charge_id, DisputeId("dp_1")
    for status in (DisputeStatus.OPEN, DisputeStatus.LOST):
        story.append(story[-1].record_dispute(dispute_id, charge_id, PRICE, "fraudulent", status))
    return story


def numbered(order: Order, number: int) -> Order:
    """The same bill under names of its own."""
    order_id = OrderId(f"{order.id}-{number}")
    payments = (
        evolve(each, id=PaymentId(f"{each.id}-{number}"), order_id=order_id)
        for each in order.payments
    )
    refunds = (
        evolve(
            each,
            id=RefundId(f"{each.id}-{number}"),
            payment_id=PaymentId(f"{each.payment_id}-{number}"),
            order_id=order_id,
        )
        for each in order.refunds
    )
    disputes = (
        evolve(
            each,
            id=DisputeId(f"{each.id}-{number}"),
            payment_id=PaymentId(f"{each.payment_id}-{number}"),
            order_id=order_id,
        )
        for each in order.disputes
    )
    order = evolve(order.replica, id=order_id)
    return Order(order, tuple(payments), tuple(refunds), tuple(disputes))


def oldest_first(order: Order) -> Order:
    """The same bill, with what happened at the same moment in a fixed order."""
    return evolve(
        order,
        payments=tuple(sorted(order.payments, key=lambda each: (each.created_at, each.id))),
        refunds=tuple(sorted(order.refunds, key=lambda each: (each.created_at, each.id))),
        disputes=tuple(sorted(order.disputes, key=lambda each: each.id)),
    )
