"""Forgetting, sending again, and the figures for operators."""

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from sqlalchemy import text

from adapters.persistence.sql.backlog import Backlog, read_backlog
from adapters.persistence.sql.database import Database, Statement
from adapters.persistence.sql.decline_counter import SqlDeclineCounter
from adapters.persistence.sql.outbox_queue import SqlOutboxQueue
from adapters.persistence.sql.retention import SqlRetention
from adapters.persistence.sql.unit_of_work import SqlUnitOfWork
from application.ports.unit_of_work import BeginUnitOfWork
from domain.identifiers import RefundId
from domain.order import Order
from domain.payment import AUTHENTICATION_WINDOW, PaymentStatus
from domain.refund import RefundStatus
from tests.builders import a_bill, a_payment, a_refund, an_order, dollars
from tests.contracts.outbox_queue import LEASE, add, failure, told
from tests.contracts.unit_of_work import NOTICE, save

DAY = timedelta(days=1)
ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
def begin(sql: Database) -> BeginUnitOfWork:
    return lambda: SqlUnitOfWork(sql)


async def put_back(sql: Database, table: str, column: str, by: timedelta) -> None:
    """Move everything in a table into the past."""
    move = text(f"UPDATE {table} SET {column} = {column} - CAST(:by AS interval)")
    await sql.run(Statement.of(move), by=by)


# --- forgetting --------------------------------------------------------------------------------


async def test_events_are_forgotten_when_they_were_sent_long_ago(
    sql: Database, begin: BeginUnitOfWork
) -> None:
    retention, queue = SqlRetention(sql), SqlOutboxQueue(sql)
    await add(begin, *(failure(number) for number in range(4)))
    await queue.mark_sent([failure(0).id])
    await queue.park({failure(1).id: "too large"})
    await put_back(sql, "outbox", "sent_at", retention.sent)
    await put_back(sql, "outbox", "recorded_at", retention.sent)
    await queue.mark_sent([failure(2).id])
    assert await retention.forget() == 1
    assert await retention.forget() == 0
    assert told(await queue.take("relay", LEASE, 10)) == [failure(3)]
    assert await queue.republish(ALWAYS) == 1
    assert (await read_backlog(sql)).events_parked == 1


async def test_notices_and_declines_are_forgotten_by_their_age(
    sql: Database, begin: BeginUnitOfWork
) -> None:
    retention, counter = SqlRetention(sql), SqlDeclineCounter(sql)
    work = begin()
    work.inbox.add(NOTICE)
    await work.commit()
    await counter.add(["user:1"])
    assert await retention.forget() == 0
    await put_back(sql, "inbox", "heard_at", retention.heard)
    await put_back(sql, "declines", "at", retention.declined)
    await counter.add(["user:1"])
    assert await retention.forget() == 2
    assert not await begin().inbox.has(NOTICE)
    assert await counter.count(["user:1"], 2 * retention.declined) == {"user:1": 1}


# --- sending again -----------------------------------------------------------------------------


async def test_what_was_sent_since_is_sent_again_in_its_order(
    sql: Database, begin: BeginUnitOfWork
) -> None:
    queue = SqlOutboxQueue(sql)
    await add(begin, *(failure(number) for number in range(6)))
    await queue.mark_sent([failure(0).id, failure(1).id])
    await put_back(sql, "outbox", "sent_at", DAY)
    await queue.mark_sent([failure(number).id for number in (4, 3, 2)])
    since = datetime.now(UTC) - DAY / 2
    assert await queue.republish(since) == 3
    assert await queue.republish(since) == 0
    assert told(await queue.take("relay", LEASE, 10)) == [
        failure(number) for number in (2, 3, 4, 5)
    ]


async def test_more_than_one_batch_is_sent_again(sql: Database, begin: BeginUnitOfWork) -> None:
    many = [failure(number) for number in range(10_001)]
    await add(begin, *many)
    queue = SqlOutboxQueue(sql)
    await queue.mark_sent([each.id for each in many])
    assert await queue.republish(ALWAYS) == len(many)


# --- figures -----------------------------------------------------------------------------------


async def test_there_is_nothing_to_see_to_at_first(sql: Database) -> None:
    assert await read_backlog(sql) == Backlog({}, None, 0, 0, 0, None, 0)


async def test_what_is_not_over_is_counted(sql: Database, begin: BeginUnitOfWork) -> None:
    now = datetime.now(UTC)
    for number, (status, next_check_at) in enumerate(
        [
            (PaymentStatus.PROCESSING, now),
            (PaymentStatus.PROCESSING, now),
            (PaymentStatus.REVIEW, None),
            (PaymentStatus.ABANDONED, now),
            (PaymentStatus.ABANDONED, None),
            (PaymentStatus.FAILED, None),
            (PaymentStatus.SUCCEEDED, None),
        ]
    ):
        await save(begin, bill_with(number, status, now - number * DAY, next_check_at))
    await add(begin, failure(0), failure(1), failure(2))
    await SqlOutboxQueue(sql).mark_sent([failure(0).id])
    await SqlOutboxQueue(sql).park({failure(1).id: "too large"})
    seen = await read_backlog(sql)
    assert seen.unfinished == {
        PaymentStatus.PROCESSING: 2,
        PaymentStatus.REVIEW: 1,
        PaymentStatus.ABANDONED: 1,
    }
    assert seen.oldest_open is not None
    assert DAY <= seen.oldest_open < 2 * DAY
    assert (seen.events_waiting, seen.events_parked) == (1, 1)
    assert seen.oldest_event is not None
    assert seen.oldest_event >= timedelta(0)


async def test_a_customer_at_their_bank_is_not_waited_for_before_their_time_is_over(
    sql: Database, begin: BeginUnitOfWork
) -> None:
    now, minute = datetime.now(UTC), timedelta(minutes=1)
    began = now - AUTHENTICATION_WINDOW + minute
    await save(begin, bill_with(1, PaymentStatus.REQUIRES_ACTION, began, now))
    assert (await read_backlog(sql)).oldest_open is None
    await save(begin, bill_with(2, PaymentStatus.REQUIRES_ACTION, began - 3 * minute, now))
    oldest = (await read_backlog(sql)).oldest_open
    assert oldest is not None
    assert 2 * minute <= oldest < 3 * minute


async def test_refunds_are_counted_by_who_has_to_see_to_them(
    sql: Database, begin: BeginUnitOfWork
) -> None:
    paid = a_payment(status=PaymentStatus.SUCCEEDED)
    statuses = [RefundStatus.PENDING, RefundStatus.PENDING, RefundStatus.FAILED]
    refunds = (
        a_refund(f"refund-{number}", dollars("1"), status) for number, status in enumerate(statuses)
    )
    await save(begin, a_bill(paid, refunds=tuple(refunds)))
    seen = await read_backlog(sql)
    assert (seen.refunds_under_way, seen.refunds_failed) == (2, 1)


async def test_a_refused_refund_needs_nobody_once_another_one_was_made(
    sql: Database, begin: BeginUnitOfWork
) -> None:
    paid = a_payment(status=PaymentStatus.SUCCEEDED)
    refused = a_refund("refund-1", dollars("60"), RefundStatus.FAILED)
    await save(begin, a_bill(paid, refunds=(refused,)))
    assert (await read_backlog(sql)).refunds_failed == 1
    again = evolve(
        a_refund("refund-2", dollars("60")), created_at=refused.created_at + timedelta(minutes=1)
    )
    await save(begin, a_bill(paid, refunds=(refused, again)))
    assert (await read_backlog(sql)).refunds_failed == 0
    refused_again = evolve(again, status=RefundStatus.FAILED, next_check_at=None)
    await save(begin, a_bill(paid, refunds=(refused, refused_again)))
    assert (await read_backlog(sql)).refunds_failed == 1


async def test_a_refused_refund_needs_nobody_once_nothing_is_left_to_give_back(
    sql: Database, begin: BeginUnitOfWork
) -> None:
    paid = a_payment(status=PaymentStatus.SUCCEEDED)
    by_another_hand = a_refund("re_1", status=RefundStatus.SUCCEEDED, reference="re_1")
    refused = evolve(
        a_refund("refund-1", status=RefundStatus.FAILED),
        created_at=by_another_hand.created_at + timedelta(minutes=1),
    )
    await save(begin, a_bill(paid, refunds=(by_another_hand, refused)))
    assert (await read_backlog(sql)).refunds_failed == 0


async def test_a_payment_in_review_of_which_nothing_is_left_needs_nobody(
    sql: Database, begin: BeginUnitOfWork
) -> None:
    review = a_payment(status=PaymentStatus.REVIEW)
    most = a_refund("refund-1", dollars("99"), RefundStatus.SUCCEEDED)
    rest = a_refund("refund-2", dollars("1"), RefundStatus.FAILED)
    await save(begin, a_bill(review, refunds=(most, rest)))
    assert (await read_backlog(sql)).unfinished == {PaymentStatus.REVIEW: 1}
    again = evolve(rest, id=RefundId("refund-3"), status=RefundStatus.PENDING)
    await save(begin, a_bill(review, refunds=(most, rest, again)))
    assert (await read_backlog(sql)).unfinished == {}


def bill_with(
    number: int, status: PaymentStatus, created_at: datetime, next_check_at: datetime | None
) -> Order:
    """One of many bills, with a payment in this state."""
    order = an_order(f"order-{number}")
    payment = a_payment(
        f"payment-{number}", status, created_at=created_at, next_check_at=next_check_at
    )
    return Order(order, (evolve(payment, order_id=order.id),))
