"""Streams and consumers that exist already are used unless they would lose or repeat events."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from attrs import frozen
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, StreamConfig

from adapters.messaging.jetstream.check import BrokerCheckResult, check
from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.dead_letters import JetStreamDeadLetters
from adapters.messaging.jetstream.namespace import covers
from adapters.messaging.jetstream.plans import ORDERS
from adapters.messaging.jetstream.publisher import JetStreamPublisher
from adapters.messaging.jetstream.streams import Streams
from adapters.messaging.jetstream.subscription import JetStreamSubscription
from application.ports.event_publisher import BrokerUnavailable, BrokerUnsuitable
from tests.contracts.brokers import other_client
from tests.contracts.event_publisher import created, refunded
from tests.contracts.inbound_events import LONG, SHORT

TIMEOUT = 60.0
DEAD_LETTERS = "payments.dead-letters.>"


@frozen
class Host:
    """A NATS server with the streams and consumers of its host, and our adapters on it."""

    shop: JetStreamContext
    connection: JetStreamConnection

    @property
    def streams(self) -> Streams:
        return Streams(self.connection)

    @property
    def orders(self) -> JetStreamSubscription:
        letters = JetStreamDeadLetters(self.connection, self.streams)
        return JetStreamSubscription(
            self.connection, self.streams, letters, ORDERS, durable="payments"
        )

    async def add_stream(self, **settings: Any) -> None:
        await self.shop.add_stream(StreamConfig(**{"name": "ORDERS", "subjects": ["*"]} | settings))

    async def add_consumer(self, **settings: Any) -> None:
        config = {"durable_name": "payments", "filter_subjects": list(ORDERS.subjects)}
        await self.shop.add_consumer("ORDERS", ConsumerConfig(**config | settings))

    async def doctor(self) -> list[BrokerCheckResult]:
        return list(await check(self.connection, self.streams, "payments"))

    async def problems(self) -> list[str]:
        return [result.text for result in await self.doctor() if not result.ok]


@pytest.fixture
async def host(nats_url: str) -> AsyncIterator[Host]:
    async with other_client(nats_url) as client, JetStreamConnection(nats_url) as connection:
        yield Host(client.jetstream(timeout=TIMEOUT), connection)


@pytest.mark.parametrize(
    ("version", "is_remarked"),
    [
        *(("2.10.16", False), ("2.10.17", True), ("2.10.25-RC.1", True), ("2.10.26", False)),
        *(("2.9.25", False), ("2.15.1", False), ("", False), ("next", False)),
    ],
)
async def test_a_server_that_may_leave_out_events_is_named(
    host: Host, version: str, is_remarked: bool
) -> None:
    client = await host.connection.client()
    client._server_info["version"] = version
    first = (await host.doctor())[0]
    remark = f"; version {version} may leave out order events that are read again after a failover"
    assert first.ok
    assert first.text.startswith("NATS: connected" + remark) == is_remarked
    assert (first.text == "NATS: connected") != is_remarked


UNSUITABLE_CONSUMERS: dict[str, dict[str, Any]] = {
    "does not deliver order:cancelled": {"filter_subjects": ["order:created"]},
    "is not a pull consumer": {"deliver_subject": "else.where"},
    "ack policy none": {"ack_policy": "none"},
    "ack policy all": {"ack_policy": "all"},
    "deliver policy new": {"deliver_policy": "new"},
    "deliver policy last": {"deliver_policy": "last"},
    "begins in the future (opt_start": {
        "deliver_policy": "by_start_time",
        "opt_start_time": "2100-01-01T00:00:00+02:00",
    },
    "begins in the future": {"deliver_policy": "by_start_sequence", "opt_start_seq": 9},
    "after 5 deliveries": {"max_deliver": 5},
    "headers only": {"headers_only": True},
    "is deleted while no worker runs": {"inactive_threshold": 3600},
    "is paused until": {"pause_until": "2100-01-01T00:00:00Z"},
    "repeats events after 0:00:00.500000": {"ack_wait": 0.5},
}


@pytest.mark.parametrize(("problem", "settings"), UNSUITABLE_CONSUMERS.items())
async def test_a_consumer_that_would_lose_or_repeat_events_is_named_and_not_used(
    host: Host, problem: str, settings: dict[str, Any]
) -> None:
    await host.add_stream()
    await host.add_consumer(**settings)
    await host.shop.publish("order:created", b"1")
    with pytest.raises(BrokerUnsuitable):
        await host.orders.fetch(1, SHORT)
    with pytest.raises(BrokerUnsuitable) as unsuitable:
        await host.orders.progress()
    assert problem in str(unsuitable.value)
    assert str(unsuitable.value).startswith("consumer payments of stream ORDERS ")
    [found] = await host.problems()
    assert found == str(unsuitable.value)
    assert "\n" not in found


@pytest.mark.parametrize(
    "settings",
    [
        {"deliver_policy": "by_start_sequence", "opt_start_seq": 1},
        {"deliver_policy": "by_start_time", "opt_start_time": "2020-01-01T00:00:00Z"},
        {"filter_subjects": None, "filter_subject": "*"},
        {"filter_subjects": None},
        {"ack_wait": 5, "max_ack_pending": 10, "sample_freq": "100", "description": "theirs"},
        {"replay_policy": "original", "max_waiting": 4},
    ],
    ids=str,
)
async def test_a_consumer_that_is_merely_unusual_is_used(
    host: Host, settings: dict[str, Any]
) -> None:
    await host.add_stream()
    await host.add_consumer(**settings)
    before = await host.shop.consumer_info("ORDERS", "payments")
    await host.shop.publish("order:created", b"1")
    [event] = await host.orders.fetch(1, LONG)
    assert event.data == b"1"
    assert not await host.problems()
    assert (await host.shop.consumer_info("ORDERS", "payments")).config == before.config


@pytest.mark.parametrize("hours", [-12, 0, 14])
async def test_a_consumer_may_begin_at_a_past_time_of_any_zone(host: Host, hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    # The library, which only the tests use to read it, cannot read a part of a second there.
    begin = (datetime.now(UTC) - timedelta(hours=1)).replace(microsecond=0).astimezone(zone)
    await host.add_stream()
    await host.add_consumer(deliver_policy="by_start_time", opt_start_time=begin.isoformat())
    await host.shop.publish("order:created", b"1")
    [event] = await host.orders.fetch(1, LONG)
    assert event.data == b"1"


UNSUITABLE_STREAMS: dict[str, dict[str, Any]] = {
    "deletes events after 0:10:00": {"max_age": 600},
    "beyond 100 (max_msgs)": {"max_msgs": 100},
    "beyond 1 (max_msgs_per_subject)": {"max_msgs_per_subject": 1},
    "beyond 4096 (max_bytes)": {"max_bytes": 4096},
    "oldest events beyond 2 (max_msgs_per_subject)": {
        "max_msgs_per_subject": 2,
        "discard": "new",
    },
    "of more than 100 bytes (max_msg_size)": {"max_msg_size": 100},
    "confirms no event": {"no_ack": True},
    "is sealed": {"sealed": True},
    "under other subjects": {"subject_transform": {"src": "payment:created", "dest": "moved"}},
}


@pytest.mark.parametrize(("problem", "settings"), UNSUITABLE_STREAMS.items())
async def test_a_stream_that_would_lose_or_repeat_events_is_named_and_not_used(
    host: Host, problem: str, settings: dict[str, Any]
) -> None:
    sealed = settings.pop("sealed", False)
    await host.add_stream(name="SHOP", **settings)
    if sealed:
        config = (await host.shop.stream_info("SHOP")).config
        await host.shop.update_stream(config.evolve(sealed=True))
    with pytest.raises(BrokerUnsuitable) as unsuitable:
        await JetStreamPublisher(host.connection, host.streams).publish([created()])
    assert str(unsuitable.value).startswith("stream SHOP ")
    assert problem in str(unsuitable.value)
    assert any(problem in found for found in await host.problems())


@pytest.mark.parametrize(
    ("remark", "settings"),
    [
        ("in memory", {"storage": "memory"}),
        ("do not return", {"retention": "workqueue"}),
        ("", {"max_age": 30 * 86_400, "max_bytes": 2**30}),
        ("refuses new events beyond 10 (max_msgs,", {"max_msgs": 10, "discard": "new"}),
    ],
)
async def test_a_stream_that_is_merely_unusual_is_used(
    host: Host, remark: str, settings: dict[str, Any]
) -> None:
    await host.add_stream(name="SHOP", **settings)
    publisher = JetStreamPublisher(host.connection, host.streams)
    assert (await publisher.publish([created()])).stored
    await host.shop.publish("order:created", b"1")
    [event] = await host.orders.fetch(1, LONG)
    assert event.data == b"1"
    assert not await host.problems()
    assert any(remark in result.text for result in await host.doctor())


async def test_a_work_queue_whose_events_another_consumer_takes_is_named(host: Host) -> None:
    await host.add_stream(retention="workqueue")
    await host.shop.add_consumer(
        "ORDERS", ConsumerConfig(durable_name="shop", filter_subject="order:created")
    )
    with pytest.raises(BrokerUnsuitable, match="work queue, and another consumer takes its events"):
        await host.orders.fetch(1, SHORT)


async def test_a_work_queue_is_set_back_to_what_it_still_has(host: Host) -> None:
    await host.add_stream(retention="workqueue")
    for body in (b"1", b"2"):
        await host.shop.publish("order:created", body)
    orders = host.orders
    [first] = await orders.fetch(1, LONG)
    await first.ack()
    [progress] = await orders.progress()
    await orders.set_back(progress, 1)
    assert await fetch_one(orders) == b"2"


async def fetch_one(orders: JetStreamSubscription) -> bytes:
    """Return the only event, whose consumer was just created."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            with contextlib.suppress(BrokerUnavailable):
                for event in await orders.fetch(10, timedelta(seconds=1)):
                    return event.data


async def test_an_event_that_is_not_acknowledged_is_kept_when_a_stream_of_interest_is_set_back(
    host: Host,
) -> None:
    await host.add_stream(retention="interest")
    orders = host.orders
    [progress] = await orders.progress()
    for body in (b"1", b"2"):
        await host.shop.publish("order:created", body)
    [first] = await orders.fetch(1, LONG)
    await first.ack()
    [progress] = await orders.progress()
    await orders.set_back(progress, 1)
    assert await fetch_one(orders) == b"2"


@pytest.mark.parametrize(
    ("problem", "settings"),
    [
        ("what nobody subscribes to", {"subjects": [DEAD_LETTERS], "retention": "interest"}),
        ("a part of payments.dead", {"subjects": ["payments.dead-letters.order:created"]}),
    ],
)
async def test_a_stream_that_would_lose_dead_letters_is_named(
    host: Host, problem: str, settings: dict[str, Any]
) -> None:
    await host.add_stream(name="SHOP", **settings)
    [found] = await host.problems()
    assert found.startswith(f"stream for {DEAD_LETTERS}: stream SHOP ")
    assert problem in found


async def test_a_consumer_keeps_its_settings_when_it_is_set_back(host: Host) -> None:
    await host.add_stream()
    await host.add_consumer(ack_wait=7, max_ack_pending=10, description="theirs")
    await host.shop.publish("order:created", b"1")
    [progress] = await host.orders.progress()
    await host.orders.set_back(progress, 2)
    config = (await host.shop.consumer_info("ORDERS", "payments")).config
    assert (config.ack_wait, config.max_ack_pending, config.description) == (7, 10, "theirs")
    assert config.opt_start_seq == 2


async def test_a_consumer_that_was_set_back_beyond_the_end_of_its_stream_can_return(
    host: Host,
) -> None:
    """As after its stream was restored from an older backup: nobody has chosen to begin there."""
    await host.add_stream()
    await host.shop.publish("order:created", b"1")
    orders = host.orders
    [progress] = await orders.progress()
    progress = await orders.set_back(progress, 9)
    assert not await host.problems()
    assert await orders.progress() == [progress]
    await orders.set_back(progress, None)
    assert await fetch_one(orders) == b"1"


@pytest.mark.parametrize("limit", [{"max_msgs": 2}, {"max_bytes": 10_000}], ids=str)
async def test_a_full_stream_is_named_loses_nothing_and_is_used_again_once_it_has_room(
    host: Host, limit: dict[str, int]
) -> None:
    await host.add_stream(name="SHOP", discard="new", **limit)
    assert not await host.problems()
    for _ in range(2):
        await host.shop.publish("payment:failed", b"x" * 2_000)
    while not limit.get("max_msgs") and (await host.shop.stream_info("SHOP")).state.bytes < 9_500:
        await host.shop.publish("payment:failed", b"")
    assert all(each.endswith(("(max_msgs)", "(max_bytes)")) for each in await host.problems())
    assert any("SHOP is full" in each for each in await host.problems())
    publisher = JetStreamPublisher(host.connection, host.streams)
    with pytest.raises(BrokerUnavailable, match="exceeded"):
        await publisher.publish([created(f"payment-{'1' * 100}")])
    large = refunded(reason="x" * 2**23)
    published = await publisher.publish([created(f"payment-{'1' * 100}"), large])
    assert not published.stored
    assert published.rejected.keys() == {large.event.id}
    await host.shop.purge_stream("SHOP")
    assert not await host.problems()
    assert (await publisher.publish([created(f"payment-{'1' * 100}")])).stored


@pytest.mark.parametrize(
    ("pattern", "subject", "expected"),
    [
        ("order:created", "order:created", True),
        ("*", "order:created", True),
        (">", "shop1.order:created", True),
        ("*", "shop1.order:created", False),
        ("shop1.*", "shop1.order:created", True),
        ("shop1.>", "shop1", False),
        ("order:*", "order:created", False),
        ("a.*.c", "a.b.c", True),
        ("a.*", "a.>", False),
        ("a.>", "a.b.>", True),
    ],
)
def test_a_subject_with_wildcards_covers(pattern: str, subject: str, expected: bool) -> None:
    assert covers(pattern, subject) is expected
