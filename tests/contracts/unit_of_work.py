"""What every unit of work promises, whatever it keeps the books in."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from itertools import count

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings

from application.decide import Decide
from application.ports.event_publisher import OutboxQueue
from application.ports.gateway_notices import ChargeNotice, DisputeNotice, OutsideRefundNotice
from application.ports.unit_of_work import BeginUnitOfWork, Conflict, UnitOfWork
from domain.bill import Bill, PaymentUnderWay
from domain.dispute import DisputeId, DisputeStatus
from domain.events import Event, PaymentCreated, PaymentFailed
from domain.order import OrderId
from domain.payment import FIRST_LOOK, ChargeId, PaymentId
from domain.refund import Refunded, RefundId, RefundRefused, RefundUnderWay
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
from tests.strategies import bills

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
        assert await begin().bills.of([ORDER]) == {}
        assert await begin().bills.of([]) == {}
        assert await begin().bills.holding(PAYMENT) is None

    @settings(max_examples=50, suppress_health_check=_SHARED)
    @given(bill=bills())
    async def test_a_bill_is_read_as_it_was_saved(self, begin: BeginUnitOfWork, bill: Bill) -> None:
        bill = numbered(bill, next(_numbers))
        await save(begin, bill)
        found = await read(begin, bill.order.id)
        assert oldest_first(found) == oldest_first(bill)
        for payment in bill.payments:
            assert await begin().bills.holding(payment.id) == found

    async def test_a_bill_is_read_as_it_was_saved_last(self, begin: BeginUnitOfWork) -> None:
        for bill in a_long_story():
            await save(begin, bill)
            assert await read(begin, ORDER) == bill

    async def test_only_a_cancellation_heard_is_kept(self, begin: BeginUnitOfWork) -> None:
        bill = a_bill(order=cancelled_event(version=7))
        await save(begin, bill)
        assert await read(begin, ORDER) == bill

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
        bill = a_bill(order=an_order(expires_at=expires_at))
        await save(begin, bill)
        found = await read(begin, ORDER)
        assert found == bill
        assert found.order.is_expired(NOW) == bill.order.is_expired(NOW)

    async def test_a_thousand_bills_are_written_and_read_at_once(
        self, begin: BeginUnitOfWork
    ) -> None:
        many = {OrderId(f"order-{n}"): a_bill(order=an_order(f"order-{n}")) for n in range(1_000)}
        for version in (0, 1):
            work = begin()
            found = await work.bills.of(many.keys())
            assert len(found) == version * len(many)
            for order_id in many:
                work.bills.save(a_bill(order=an_order(order_id, version)))
            await work.commit()
        found = await begin().bills.of([*many, OrderId("unknown")])
        assert {bill.order.id for bill in found.values()} == many.keys()
        assert {bill.order.version for bill in found.values()} == {1}

    async def test_the_bill_that_holds_a_payment_or_its_charge_is_found(
        self, begin: BeginUnitOfWork
    ) -> None:
        paid = claimed().settle(PAYMENT, charged(), NOW)
        await save(begin, paid)
        await save(begin, claimed("payment-2", an_order("order-2")))
        assert await begin().bills.holding(PAYMENT) == paid
        assert await begin().bills.charged(charged().charge_id) == paid
        assert await begin().bills.holding(PaymentId("payment-3")) is None
        assert await begin().bills.charged(ChargeId("ch_3")) is None

    @pytest.mark.parametrize("how", ["of", "holding", "charged"])
    async def test_what_is_read_is_guarded_however_it_was_found(
        self, begin: BeginUnitOfWork, how: str
    ) -> None:
        paid = claimed().settle(PAYMENT, charged(), NOW)
        await save(begin, paid)

        async def find(work: UnitOfWork) -> Bill | None:
            if how == "of":
                return (await work.bills.of([ORDER]))[ORDER]
            if how == "holding":
                return await work.bills.holding(PAYMENT)
            return await work.bills.charged(charged().charge_id)

        first, second = begin(), begin()
        for work in (first, second):
            bill = await find(work)
            assert bill is not None
            work.bills.save(bill.complete())
        await first.commit()
        with pytest.raises(Conflict):
            await second.commit()

    # --- what is due ---------------------------------------------------------------------------

    async def test_what_is_longest_due_comes_first(self, begin: BeginUnitOfWork) -> None:
        for seconds, number in enumerate((3, 1, 2)):
            order = an_order(f"order-{number}")
            await save(begin, claimed(f"payment-{number}", order, after(seconds=seconds)))
        await save(begin, a_bill(order=an_order("order-4")))
        assert await begin().bills.due(NOW + FIRST_LOOK - timedelta(seconds=1), 10) == []
        assert await begin().bills.due(NOW + FIRST_LOOK, 10) == ["order-3"]
        later = after(hours=1)
        assert await begin().bills.due(later, 10) == ["order-3", "order-1", "order-2"]
        assert await begin().bills.due(later, 2) == ["order-3", "order-1"]

    async def test_a_bill_is_due_once_for_everything_on_it(self, begin: BeginUnitOfWork) -> None:
        paid = claimed().settle(PAYMENT, charged(), NOW)
        for number in (1, 2):
            paid = paid.reserve_refund(RefundId(f"refund-{number}"), PAYMENT, 1, "requested", NOW)
        await save(begin, paid)
        assert await begin().bills.due(NOW, 10) == []
        assert await begin().bills.due(after(hours=1), 10) == [ORDER]

    # --- all or nothing ------------------------------------------------------------------------

    async def test_what_is_not_committed_leaves_no_trace(
        self, begin: BeginUnitOfWork, queue: OutboxQueue
    ) -> None:
        work = begin()
        work.bills.save(claimed())
        work.outbox.add(FAILED)
        work.inbox.add(NOTICE)
        await nothing_was_written(begin, queue)
        del work
        await nothing_was_written(begin, queue)

    async def test_everything_is_committed_together(
        self, begin: BeginUnitOfWork, queue: OutboxQueue
    ) -> None:
        work = begin()
        work.bills.save(claimed())
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
        late.bills.save(claimed())
        late.bills.save(a_bill(order=an_order("order-2", version=1)))  # written since, unread
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
            bill = (await work.bills.of([ORDER]))[ORDER]
            work.bills.save(begin_payment(bill, f"payment-{number}"))
        await first.commit()
        with pytest.raises(Conflict):
            await second.commit()
        assert [payment.id for payment in (await read(begin, ORDER)).payments] == ["payment-0"]

    async def test_of_two_that_find_none_the_second_gets_a_conflict(
        self, begin: BeginUnitOfWork
    ) -> None:
        first, second = begin(), begin()
        for version, work in enumerate((first, second)):
            assert await work.bills.of([ORDER]) == {}
            work.bills.save(a_bill(order=an_order(version=version)))
        await first.commit()
        with pytest.raises(Conflict):
            await second.commit()
        assert (await read(begin, ORDER)).order.version == 0

    async def test_saving_a_bill_unchanged_is_a_change(self, begin: BeginUnitOfWork) -> None:
        await save(begin, a_bill())
        first, second = begin(), begin()
        for work in (first, second):
            work.bills.save((await work.bills.of([ORDER]))[ORDER])
        await first.commit()
        with pytest.raises(Conflict):
            await second.commit()

    async def test_reading_alone_is_never_a_conflict(self, begin: BeginUnitOfWork) -> None:
        await save(begin, a_bill())
        reader = begin()
        await reader.bills.of([ORDER])
        await save(begin, claimed())
        reader.inbox.add(NOTICE)
        await reader.commit()

    async def test_of_twenty_that_claim_an_order_at_once_one_gets_it(
        self, begin: BeginUnitOfWork
    ) -> None:
        await save(begin, a_bill())
        decide = Decide(begin)

        async def claim(number: int) -> str | None:
            async def decision(work: UnitOfWork) -> str:
                bill = (await work.bills.of([ORDER]))[ORDER]
                work.bills.save(begin_payment(bill, f"payment-{number}"))
                return f"payment-{number}"

            try:
                return await decide(decision)
            except PaymentUnderWay:
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
        decide = Decide(begin)

        async def reserve(number: int) -> None:
            async def decision(work: UnitOfWork) -> None:
                bill = await work.bills.holding(PAYMENT)
                assert bill is not None
                refund_id = RefundId(f"refund-{number}")
                work.bills.save(bill.reserve_refund(refund_id, PAYMENT, 1, "requested", NOW))

            await decide(decision)

        async with asyncio.timeout(SECONDS):
            await asyncio.gather(*(reserve(number) for number in range(20)))
        bill = await read(begin, ORDER)
        assert bill.refundable(bill.payment(PAYMENT)).minor == PRICE.minor - 20

    async def test_batches_that_overlap_all_get_through(self, begin: BeginUnitOfWork) -> None:
        names = [OrderId(f"order-{number}") for number in range(50)]
        decide = Decide(begin)

        async def merge(some: list[OrderId]) -> None:
            async def decision(work: UnitOfWork) -> None:
                found = await work.bills.of(some)
                for order_id in some:
                    bill = found.get(order_id, a_bill(order=an_order(order_id)))
                    order = evolve(bill.order, version=bill.order.version + 1)
                    work.bills.save(evolve(bill, order=order))

            await decide(decision)

        async with asyncio.timeout(SECONDS):
            await asyncio.gather(*(merge(names), merge(names[::-1]), merge(names[10:40])))
        found = await begin().bills.of(names)
        assert sum(bill.order.version for bill in found.values()) == 50 + 50 + 30

    # --- the inbox and the outbox --------------------------------------------------------------

    async def test_a_notice_is_kept_from_the_commit_on(self, begin: BeginUnitOfWork) -> None:
        await save(begin, claimed().settle(PAYMENT, charged(), NOW))
        work = begin()
        for notice in CHARGE_NOTICES:
            work.inbox.keep(notice, NOW)
        assert await begin().inbox.kept(NOW, 10) == []
        await work.commit()
        assert await begin().inbox.kept(NOW, 10) == CHARGE_NOTICES

    async def test_a_kept_notice_waits_for_its_charge_or_until_it_is_too_old(
        self, begin: BeginUnitOfWork
    ) -> None:
        notice = CHARGE_NOTICES[0]
        await keep(begin, notice, NOW)
        assert await begin().inbox.kept(NOW, 10) == []
        assert await begin().inbox.kept(after(seconds=1), 10) == [notice]
        await save(begin, claimed())
        assert await begin().inbox.kept(NOW, 10) == []
        bill = await read(begin, ORDER)
        await save(begin, bill.settle(PAYMENT, charged(), NOW))
        assert await begin().inbox.kept(NOW, 10) == [notice]

    async def test_the_longest_kept_notices_come_first_and_none_in_the_way_of_others(
        self, begin: BeginUnitOfWork
    ) -> None:
        await save(begin, claimed().settle(PAYMENT, charged(), NOW))
        first, second, third, *_ = CHARGE_NOTICES
        await keep(begin, evolve(third, id="evt_strange", charge_id=ChargeId("ch_strange")), NOW)
        await keep(begin, second, after(seconds=2))
        await keep(begin, first, after(seconds=1))
        assert await begin().inbox.kept(NOW, 10) == [first, second]
        assert await begin().inbox.kept(NOW, 1) == [first]

    async def test_keeping_a_notice_again_changes_nothing(self, begin: BeginUnitOfWork) -> None:
        notice = CHARGE_NOTICES[0]
        await keep(begin, notice, NOW)
        await keep(begin, notice, after(hours=1))
        assert await begin().inbox.kept(after(seconds=1), 10) == [notice]

    async def test_a_notice_forgotten_is_kept_no_longer_once_that_is_committed(
        self, begin: BeginUnitOfWork, queue: OutboxQueue
    ) -> None:
        one, other, *_ = CHARGE_NOTICES
        for notice in (one, other):
            await keep(begin, notice, NOW)
        work = begin()
        work.inbox.forget(one.id)
        assert await begin().inbox.kept(after(seconds=1), 10) == [one, other]
        work.outbox.add(FAILED)
        await work.commit()
        assert await begin().inbox.kept(after(seconds=1), 10) == [other]
        assert await events(queue) == [FAILED]
        alone = begin()
        for notice in (one, other):
            alone.inbox.forget(notice.id)
        await alone.commit()
        assert await begin().inbox.kept(after(seconds=1), 10) == []

    async def test_a_conflict_keeps_and_forgets_nothing(self, begin: BeginUnitOfWork) -> None:
        one, other, *_ = CHARGE_NOTICES
        await keep(begin, one, NOW)
        await save(begin, a_bill())
        late = begin()
        late.bills.save(claimed())  # unread
        late.inbox.keep(other, NOW)
        late.inbox.forget(one.id)
        with pytest.raises(Conflict):
            await late.commit()
        assert await begin().inbox.kept(after(seconds=1), 10) == [one]

    async def test_a_notice_is_heard_once(self, begin: BeginUnitOfWork, queue: OutboxQueue) -> None:
        assert not await begin().inbox.has(NOTICE)
        first, second = begin(), begin()
        for work in (first, second):
            work.inbox.add(NOTICE)
        second.bills.save(claimed())
        second.outbox.add(FAILED)
        await first.commit()
        with pytest.raises(Conflict):
            await second.commit()
        assert await begin().inbox.has(NOTICE)
        assert not await begin().inbox.has("evt_2")
        assert await begin().bills.of([ORDER]) == {}
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
CHARGE_NOTICES: list[ChargeNotice] = [
    OutsideRefundNotice("evt_1", _CHARGE, "re_1", PRICE, Refunded("re_1", PRICE)),
    OutsideRefundNotice("evt_2", _CHARGE, "re_2", PRICE, RefundUnderWay("re_2")),
    OutsideRefundNotice("evt_3", _CHARGE, "re_3", PRICE, RefundRefused("lost_card", "re_3")),
    DisputeNotice("evt_4", _CHARGE, DisputeId("dp_1"), PRICE, "fraudulent", DisputeStatus.LOST),
]


async def save(begin: BeginUnitOfWork, bill: Bill) -> None:
    """Write a bill, whatever was there before."""
    work = begin()
    await work.bills.of([bill.order.id])
    work.bills.save(bill)
    await work.commit()


async def keep(begin: BeginUnitOfWork, notice: ChargeNotice, since: datetime) -> None:
    """Keep a notice, whatever was kept before."""
    work = begin()
    work.inbox.keep(notice, since)
    await work.commit()


async def read(begin: BeginUnitOfWork, order_id: OrderId) -> Bill:
    """What others see."""
    return (await begin().bills.of([order_id]))[order_id]


async def events(queue: OutboxQueue) -> list[Event]:
    """What waits to be published."""
    return [entry.event for entry in await queue.take("relay", timedelta(minutes=1), 1_000)]


async def nothing_was_written(begin: BeginUnitOfWork, queue: OutboxQueue) -> None:
    """Nobody sees the ordinary order, an event or the notice."""
    assert await begin().bills.of([ORDER]) == {}
    assert await begin().bills.holding(PAYMENT) is None
    assert await events(queue) == []
    assert not await begin().inbox.has(NOTICE)


def a_long_story() -> list[Bill]:
    """The ordinary order from its creation to its end, step by step."""
    second = PaymentId("payment-2")
    story = [a_bill(order=an_order(expires_at=after(hours=1)))]
    story.append(begin_payment(story[-1], PAYMENT))
    story.append(story[-1].settle(PAYMENT, declined(), after(seconds=1)))
    story.append(begin_payment(story[-1], second, after(seconds=2)))
    story.append(story[-1].settle(second, charged(second), after(seconds=3)))
    refund_id = RefundId("refund-1")
    story.append(story[-1].reserve_refund(refund_id, second, 100, "requested", after(seconds=4)))
    story.append(story[-1].hear(cancelled_event(), after(seconds=5)))
    story.append(story[-1].settle_refund(refund_id, Refunded("re_1", PRICE), after(seconds=6)))
    charge_id, dispute_id = charged(second).charge_id, DisputeId("dp_1")
    for status in (DisputeStatus.OPEN, DisputeStatus.LOST):
        story.append(story[-1].hear_dispute(dispute_id, charge_id, PRICE, "fraudulent", status))
    return story


def numbered(bill: Bill, number: int) -> Bill:
    """The same bill under names of its own."""
    order_id = OrderId(f"{bill.order.id}-{number}")
    payments = (
        evolve(each, id=PaymentId(f"{each.id}-{number}"), order_id=order_id)
        for each in bill.payments
    )
    refunds = (
        evolve(
            each,
            id=RefundId(f"{each.id}-{number}"),
            payment_id=PaymentId(f"{each.payment_id}-{number}"),
            order_id=order_id,
        )
        for each in bill.refunds
    )
    disputes = (
        evolve(
            each,
            id=DisputeId(f"{each.id}-{number}"),
            payment_id=PaymentId(f"{each.payment_id}-{number}"),
            order_id=order_id,
        )
        for each in bill.disputes
    )
    order = evolve(bill.order, id=order_id)
    return Bill(order, tuple(payments), tuple(refunds), tuple(disputes))


def oldest_first(bill: Bill) -> Bill:
    """The same bill, with what happened at the same moment in a fixed order."""
    return evolve(
        bill,
        payments=tuple(sorted(bill.payments, key=lambda each: (each.created_at, each.id))),
        refunds=tuple(sorted(bill.refunds, key=lambda each: (each.created_at, each.id))),
        disputes=tuple(sorted(bill.disputes, key=lambda each: each.id)),
    )
