"""The log of JetStream: streams that have lost something, and gaps."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from nats.js.api import RetentionPolicy, StreamConfig

from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.event_log import FIRST, LAST, JetStreamEventLog
from adapters.messaging.jetstream.streams import Streams
from application.ports.event_log import StoredEvent
from tests.contracts.brokers import other_client

SUBJECTS = ["order:created"]

# More than are requested at once.
GAP = 200


@pytest.fixture
async def jetstream(nats_url: str) -> AsyncIterator[Any]:
    async with other_client(nats_url) as client:
        yield client.jetstream()


@pytest.fixture
async def log(nats_url: str) -> AsyncIterator[JetStreamEventLog]:
    async with JetStreamConnection(nats_url) as connection:
        yield JetStreamEventLog(connection, Streams(connection))


async def all_of(log: JetStreamEventLog, since: datetime = FIRST) -> list[StoredEvent]:
    return [each async for each in log.read(SUBJECTS, since, LAST)]


async def test_what_a_limit_has_removed_is_known(jetstream: Any, log: JetStreamEventLog) -> None:
    await jetstream.add_stream(StreamConfig(name="THEIRS", subjects=SUBJECTS, max_msgs=3))
    for number in range(5):
        await jetstream.publish(SUBJECTS[0], b"%d" % number)
    found = await all_of(log)
    assert [each.data for each in found] == [b"2", b"3", b"4"]
    assert await log.complete_since(SUBJECTS) == found[0].stored_at


async def test_a_stream_that_removes_what_was_acknowledged_keeps_nothing(
    jetstream: Any, log: JetStreamEventLog
) -> None:
    queue = StreamConfig(name="Q", subjects=SUBJECTS, retention=RetentionPolicy.WORK_QUEUE)
    await jetstream.add_stream(queue)
    assert await log.complete_since(SUBJECTS) == LAST


async def test_a_subject_without_a_stream_keeps_nothing(log: JetStreamEventLog) -> None:
    assert await log.complete_since(SUBJECTS) == LAST
    assert await all_of(log) == []


async def test_a_stream_that_never_had_a_message_is_complete_and_empty(
    jetstream: Any, log: JetStreamEventLog
) -> None:
    await jetstream.add_stream(StreamConfig(name="THEIRS", subjects=SUBJECTS))
    assert await log.complete_since(SUBJECTS) == FIRST
    assert await all_of(log) == []


async def test_a_gap_is_skipped(jetstream: Any, log: JetStreamEventLog) -> None:
    await jetstream.add_stream(StreamConfig(name="THEIRS", subjects=["order:created", "other"]))
    await jetstream.publish(SUBJECTS[0], b"first")
    for _ in range(GAP):
        await jetstream.publish("other", b"")
    await jetstream.purge_stream("THEIRS", subject="other")
    await jetstream.publish(SUBJECTS[0], b"last")
    assert [each.data for each in await all_of(log)] == [b"first", b"last"]
    now = datetime.now(UTC)
    assert await all_of(log, now) == []
