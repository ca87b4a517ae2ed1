"""Deleting old rows, and publishing sent events again."""

from datetime import UTC, datetime, timedelta

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.outbox_queue import SqlOutboxQueue
from adapters.persistence.sql.outbox_windows import WINDOW
from adapters.persistence.sql.retention import SqlRetention
from application.ports.alerts import AlertKind
from application.ports.operator_sessions import OperatorSession
from tests.contracts.differences import a_difference
from tests.contracts.operator_sessions import LIMITS
from tests.contracts.outbox_queue import failure
from tests.contracts.storages import Storage
from tests.contracts.unit_of_work import NOTIFICATION

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


async def test_sent_events_are_deleted_by_their_age_and_unsent_ones_never(
    sql: Database, storage: Storage
) -> None:
    retention, queue = SqlRetention(sql), SqlOutboxQueue(sql)
    await storage.add(*(failure(number) for number in range(4)))
    await queue.mark_sent([failure(0).id])
    await queue.park({failure(1).id: "too large"})
    await storage.elapse(retention.sent)
    await queue.mark_sent([failure(2).id])
    assert await retention.delete_old_rows() == 1
    assert await retention.delete_old_rows() == 0
    assert await storage.unsent() == [failure(3)]
    assert await queue.republish(LONG_AGO) == 1
    assert await storage.unsent() == [failure(2), failure(3)]


async def test_notifications_and_declines_are_deleted_by_their_age(
    sql: Database, storage: Storage
) -> None:
    retention, counter = SqlRetention(sql), storage.declines
    work = storage.begin()
    work.inbox.add(NOTIFICATION)
    await work.commit()
    await counter.add(["user:1"])
    assert await retention.delete_old_rows() == 0
    await storage.elapse(retention.declined)
    await counter.add(["user:1"])
    assert await retention.delete_old_rows() == 1
    assert await storage.declined(2 * retention.declined, "user:1") == {"user:1": 1}
    assert await storage.begin().inbox.has(NOTIFICATION)
    await storage.elapse(retention.received)
    assert await retention.delete_old_rows() == 2
    assert not await storage.begin().inbox.has(NOTIFICATION)


async def test_alerts_and_differences_are_deleted_by_when_they_were_found_last(
    sql: Database, storage: Storage
) -> None:
    retention, found = SqlRetention(sql), a_difference(storage)
    for _ in range(2):
        await storage.alerts.add(AlertKind.CLOCK_SKEW, "host", "10 s behind", 1)
        await storage.differences.record([found])
        await storage.elapse(retention.alerted * 0.6)
    assert await retention.delete_old_rows() == 0
    await storage.elapse(retention.alerted * 0.4)
    assert await retention.delete_old_rows() == 1
    await storage.differences.record([found])
    await storage.elapse(retention.differed * 0.6)
    assert await retention.delete_old_rows() == 0
    assert len(await storage.differences.list_open(10)) == 1
    await storage.elapse(retention.differed * 0.4)
    assert await retention.delete_old_rows() == 1


async def test_sessions_of_operators_are_deleted_a_day_after_they_began(
    sql: Database, storage: Storage
) -> None:
    retention = SqlRetention(sql)
    await storage.sessions.begin(b"1", OperatorSession("alice", b"proof"))
    assert await retention.delete_old_rows() == 0
    await storage.elapse(retention.signed_in)
    await storage.sessions.begin(b"2", OperatorSession("alice", b"proof"))
    assert await retention.delete_old_rows() == 1
    assert await storage.sessions.find(b"2", LIMITS) is not None


async def test_events_sent_since_a_time_are_published_again_in_order(
    sql: Database, storage: Storage
) -> None:
    queue = SqlOutboxQueue(sql)
    await storage.add(*(failure(number) for number in range(6)))
    await queue.mark_sent([failure(0).id, failure(1).id])
    await storage.elapse(timedelta(days=1))
    await queue.mark_sent([failure(number).id for number in (4, 3, 2)])
    since = datetime.now(UTC) - timedelta(hours=12)
    assert await queue.republish(since) == 3
    assert await queue.republish(since) == 0
    assert await storage.unsent() == [failure(number) for number in (2, 3, 4, 5)]


async def test_more_events_than_one_window_are_republished(sql: Database, storage: Storage) -> None:
    many = [failure(number) for number in range(2 * WINDOW + 1)]
    await storage.add(*many)
    queue = SqlOutboxQueue(sql)
    await queue.mark_sent([each.id for each in many])
    assert await queue.republish(LONG_AGO) == len(many)


async def test_old_events_behind_many_that_must_stay_are_deleted(
    sql: Database, storage: Storage
) -> None:
    retention, queue = SqlRetention(sql), SqlOutboxQueue(sql)
    many = [failure(number) for number in range(2 * WINDOW + 1)]
    await storage.add(*many)
    await queue.mark_sent([many[-1].id])
    await storage.elapse(retention.sent)
    await storage.add(failure(len(many)))
    assert await retention.delete_old_rows() == 1
    assert await retention.delete_old_rows() == 0
    assert len(await storage.unsent()) == len(many)
