"""JetStream when servers die, are replaced, or belong to somebody else."""

import asyncio
import json
import logging
import os
import signal
from collections.abc import Iterator
from datetime import timedelta

import pytest
from nats.js.api import ConsumerConfig, StreamConfig
from nats.js.errors import APIError

from adapters.messaging.jetstream import (
    JetStreamConnection,
    JetStreamDeadLetters,
    JetStreamPublisher,
    JetStreamSubscription,
    Streams,
    check,
)
from adapters.messaging.jetstream.streams import DEAD_LETTERS, ORDERS, PAYMENTS
from application.ports.event_publisher import BrokerUnavailable, OutboxEntry
from application.ports.inbound_events import InboundEvent
from payments_kit.servers.nats import LocalNats
from payments_kit.servers.processes import free_port
from tests.contracts.brokers import stranger
from tests.contracts.event_publisher import created, failed
from tests.contracts.inbound_events import LONG, SHORT

# Every wait ends; on a quiet machine a reconnection takes a second.
TIMEOUT = 60.0


class Broker:
    """Everything of ours on one connection."""

    def __init__(self, connection: JetStreamConnection) -> None:
        self.connection = connection
        self.streams = Streams(connection)
        self.publisher = JetStreamPublisher(connection, self.streams)
        self.letters = JetStreamDeadLetters(connection, self.streams)
        self.orders = JetStreamSubscription(
            connection, self.streams, self.letters, ORDERS, durable="payments"
        )

    async def publish_until_stored(self, *entries: OutboxEntry) -> PublishResult:
        async with asyncio.timeout(TIMEOUT):
            while True:
                try:
                    return await self.publisher.publish(entries)
                except BrokerUnavailable:
                    await asyncio.sleep(0.1)

    async def fetch_until_there(self) -> list[InboundEvent]:
        async with asyncio.timeout(TIMEOUT):
            while True:
                try:
                    if events := await self.orders.fetch(100, timedelta(seconds=1)):
                        return list(events)
                except BrokerUnavailable:
                    await asyncio.sleep(0.1)


@pytest.fixture
def server() -> Iterator[LocalNats]:
    """A server that a test may do anything to."""
    with LocalNats(sync_interval="always") as server:
        yield server


async def send(url: str, *bodies: bytes, subject: str = "order:created") -> None:
    async with stranger(url) as client:
        for body in bodies:
            await client.jetstream().publish(subject, body, timeout=TIMEOUT)


async def count(url: str, stream: str) -> int:
    async with stranger(url) as client:
        return (await client.jetstream().stream_info(stream)).state.messages


# --- the connection --------------------------------------------------------------------------------


async def test_opening_needs_no_server_and_everything_says_at_once_that_there_is_none() -> None:
    async with JetStreamConnection(f"nats://127.0.0.1:{free_port()}") as connection:
        broker = Broker(connection)
        assert not connection.is_connected
        async with asyncio.timeout(10):
            with pytest.raises(BrokerUnavailable):
                await broker.publisher.publish([created()])
            with pytest.raises(BrokerUnavailable):
                await broker.orders.fetch(1, LONG)
            with pytest.raises(BrokerUnavailable):
                await broker.letters.list(1)
            [finding] = await check(connection, broker.streams)
        assert not finding.well


async def test_a_server_that_comes_later_is_found() -> None:
    with LocalNats() as server:
        server.stop()
        async with JetStreamConnection(server.url) as connection:
            broker = Broker(connection)
            with pytest.raises(BrokerUnavailable):
                await broker.publisher.publish([created()])
            await asyncio.to_thread(server.start)
            assert (await broker.publish_until_stored(created())).stored


async def test_closing_leaves_no_task_behind(nats_url: str) -> None:
    before = asyncio.all_tasks()
    async with JetStreamConnection(nats_url) as connection:
        await Broker(connection).orders.fetch(1, SHORT)
    async with JetStreamConnection(f"nats://127.0.0.1:{free_port()}"):
        await asyncio.sleep(0.1)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_one_of_several_servers_is_enough(nats_url: str) -> None:
    servers = f"127.0.0.1:{free_port()}, {nats_url.removeprefix('nats://')}"
    async with JetStreamConnection(servers) as connection:
        assert (await Broker(connection).publish_until_stored(created())).stored


async def test_credentials_are_used_and_told_to_nobody(
    server: LocalNats, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = json.loads((server.folder / "nats.conf").read_text())
    settings["authorization"] = {"user": "shop", "password": "s3cret@:/"}
    (server.folder / "nats.conf").write_text(json.dumps(settings))
    await asyncio.to_thread(server.restart)
    url = f"nats://shop:%s@127.0.0.1:{server.port}"
    async with JetStreamConnection(url % "s3cret%40%3A%2F") as connection:
        broker = Broker(connection)
        assert (await broker.publish_until_stored(created())).stored
    async with JetStreamConnection(url % "wr0ng") as refused:
        with pytest.raises(BrokerUnavailable) as caught:
            await refused.client()
    told = f"{caplog.text} {connection!r} {refused!r} {caught.value}"
    assert "Authorization Violation" in told
    assert "s3cret" not in told
    assert "wr0ng" not in told


# --- servers that die ------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["kill", "stop"])
async def test_everything_goes_on_after_a_restart(server: LocalNats, end: str) -> None:
    async with JetStreamConnection(server.url) as connection:
        broker = Broker(connection)
        await broker.publisher.publish([created()])
        assert not await broker.orders.fetch(10, SHORT)
        await asyncio.to_thread(getattr(server, end))
        with pytest.raises(BrokerUnavailable):
            await broker.publisher.publish([created("payment-2")])
        with pytest.raises(BrokerUnavailable):
            await broker.orders.fetch(10, SHORT)
        await asyncio.to_thread(server.start)
        await broker.publish_until_stored(created(), created("payment-2"))
        assert await count(server.url, "PAYMENTS") == 2
        await send(server.url, b"1")
        [event] = await broker.fetch_until_there()
        await event.ack()


async def test_a_wiped_server_gets_its_streams_and_consumers_again(server: LocalNats) -> None:
    async with JetStreamConnection(server.url) as connection:
        broker = Broker(connection)
        await broker.publisher.publish([created()])
        assert not await broker.orders.fetch(10, SHORT)
        for stream in ("ORDERS", "PAYMENTS"):
            await delete(server.url, stream)
        again = await broker.publisher.publish([created(), failed()])
        assert again.stored == {created().event.id, failed().event.id}
        await broker.orders.fetch(10, SHORT)
        await broker.orders.fetch(10, SHORT)
        await send(server.url, b"1")
        [event] = await broker.fetch_until_there()
        assert event.data == b"1"


async def test_dead_letters_that_were_wiped_can_be_kept_and_replayed_again(nats_url: str) -> None:
    async with JetStreamConnection(nats_url) as connection:
        broker = Broker(connection)
        await broker.streams.holding(ORDERS)
        await send(nats_url, b"1", b"2")
        first, second = await broker.fetch_until_there()
        await first.dead_letter("poison")
        await delete(nats_url, "PAYMENTS_DEAD_LETTERS")
        await second.dead_letter("poison")
        [letter] = await broker.letters.list(10)
        assert letter.data == second.data
        await delete(nats_url, "ORDERS")
        await broker.letters.replay(letter)
        [again] = await broker.fetch_until_there()
        assert again.data == letter.data


async def delete(url: str, stream: str) -> None:
    async with stranger(url) as client:
        await client.jetstream().delete_stream(stream)


async def test_a_deleted_consumer_is_made_again(nats_url: str) -> None:
    async with JetStreamConnection(nats_url) as connection:
        broker = Broker(connection)
        waiting = asyncio.create_task(broker.orders.fetch(10, timedelta(seconds=3)))
        await send_when_there(nats_url, "ORDERS")
        async with stranger(nats_url) as client:
            await client.jetstream().delete_consumer("ORDERS", "payments")
        await waiting
        await send(nats_url, b"1")
        assert await broker.fetch_until_there()


async def send_when_there(url: str, stream: str) -> None:
    async with asyncio.timeout(TIMEOUT), stranger(url) as client:
        while True:
            try:
                await client.jetstream().consumer_info(stream, "payments")
            except APIError:
                await asyncio.sleep(0.05)
            else:
                return


async def test_a_server_that_does_not_answer_is_not_waited_for_long(server: LocalNats) -> None:
    async with JetStreamConnection(server.url) as connection:
        broker = Broker(connection)
        await broker.publisher.publish([created()])
        await broker.orders.fetch(1, SHORT)
        server.process.signal(signal.SIGSTOP)
        try:
            async with asyncio.timeout(30):
                with pytest.raises(BrokerUnavailable):
                    await broker.orders.fetch(1, SHORT)
                with pytest.raises(BrokerUnavailable):
                    await broker.publisher.publish([created("payment-2")])
        finally:
            server.process.signal(signal.SIGCONT)
        await broker.publish_until_stored(created("payment-2"))
        assert await count(server.url, "PAYMENTS") == 2


async def test_a_first_event_is_not_kept_waiting_for_others(nats_url: str) -> None:
    async with JetStreamConnection(nats_url) as connection:
        broker = Broker(connection)
        assert not await broker.orders.fetch(10, SHORT)
        waiting = asyncio.create_task(broker.orders.fetch(10, timedelta(seconds=TIMEOUT * 2)))
        await send(nats_url, b"1")
        async with asyncio.timeout(TIMEOUT):
            [event] = await waiting
        assert event.data == b"1"


# --- streams of others -----------------------------------------------------------------------------


async def test_missing_streams_are_created_with_our_settings(nats_url: str) -> None:
    async with JetStreamConnection(nats_url) as connection:
        for plan in (ORDERS, PAYMENTS, DEAD_LETTERS):
            await Broker(connection).streams.holding(plan)
    async with stranger(nats_url) as client:
        for plan in (ORDERS, PAYMENTS, DEAD_LETTERS):
            config = (await client.jetstream().stream_info(plan.name)).config
            wanted = plan.config(plan.name, plan.subjects, replicas=1)
            for name in ("subjects", "storage", "retention", "discard", "max_age", "max_msg_size",
                         "duplicate_window", "deny_delete", "deny_purge", "num_replicas"):  # fmt: skip
                assert getattr(config, name) == getattr(wanted, name), name


async def test_many_replicas_may_create_the_streams_at_once(nats_url: str) -> None:
    connections = [JetStreamConnection(nats_url) for _ in range(8)]
    try:
        for connection in connections:
            connection.open()
        found = await asyncio.gather(
            *(Streams(connection).holding(ORDERS) for connection in connections)
        )
    finally:
        await asyncio.gather(*(connection.close() for connection in connections))
    assert {tuple(each.values()) for each in found} == {("ORDERS", "ORDERS")}


async def test_a_foreign_stream_is_used_as_it_is(nats_url: str) -> None:
    async with stranger(nats_url) as client:
        await client.jetstream().add_stream(StreamConfig(name="SHOP", subjects=["*"]))
        before = await client.jetstream().stream_info("SHOP")
        await client.jetstream().add_consumer(
            "SHOP",
            ConsumerConfig(durable_name="payments", filter_subject="order:created", ack_wait=7),
        )
        async with JetStreamConnection(nats_url) as connection:
            broker = Broker(connection)
            await send(nats_url, b"1")
            assert [event.data for event in await broker.fetch_until_there()] == [b"1"]
            assert (await broker.publisher.publish([created()])).stored
            [only] = await client.jetstream().streams_info()
            assert only.config.name == "SHOP"
            assert (await client.jetstream().stream_info("SHOP")).config == before.config
            consumer = await client.jetstream().consumer_info("SHOP", "payments")
            assert consumer.config.ack_wait == 7


async def test_subjects_in_different_streams_are_heard_together(nats_url: str) -> None:
    async with stranger(nats_url) as client:
        # It has our name, too, and lacks one of the subjects.
        await client.jetstream().add_stream(StreamConfig(name="ORDERS", subjects=["order:created"]))
        async with JetStreamConnection(nats_url) as connection:
            broker = Broker(connection)
            assert not await broker.orders.fetch(10, SHORT)
            await send(nats_url, *(b"%d" % number for number in range(40)))
            await send(nats_url, b"cancelled", subject="order:cancelled")
            events: list[InboundEvent] = []
            while len(events) < 41:
                events += await broker.fetch_until_there()
            await asyncio.gather(*(event.ack() for event in events))
            assert {event.data for event in events} == {b"%d" % i for i in range(40)} | {
                b"cancelled"
            }
            assert not await broker.orders.fetch(10, SHORT)
            found = await broker.streams.holding(ORDERS)
            assert found == {"order:created": "ORDERS", "order:cancelled": "ORDERS_2"}


async def test_one_subject_of_a_stream_can_be_heard_alone(nats_url: str) -> None:
    async with JetStreamConnection(nats_url) as connection:
        broker = Broker(connection)
        completion = JetStreamSubscription(
            connection,
            broker.streams,
            broker.letters,
            PAYMENTS,
            durable="payments-complete",
            subjects=["payment:created"],
        )
        await broker.publisher.publish([failed(), created()])
        [event] = await completion.fetch(10, LONG)
        assert event.subject == "payment:created"
        await event.ack()
        assert not await completion.fetch(10, SHORT)


async def test_a_consumer_that_cannot_be_pulled_from_is_named(nats_url: str) -> None:
    async with stranger(nats_url) as client, JetStreamConnection(nats_url) as connection:
        await Broker(connection).streams.holding(ORDERS)
        config = ConsumerConfig(durable_name="payments", deliver_subject="elsewhere")
        await client.jetstream().add_consumer("ORDERS", config)
        with pytest.raises(BrokerUnavailable, match="payments of ORDERS is no pull consumer"):
            await Broker(connection).orders.fetch(1, SHORT)


async def test_an_event_as_large_as_a_message_may_be_becomes_a_letter_too(nats_url: str) -> None:
    body = os.urandom(2**20 - 20)
    async with JetStreamConnection(nats_url) as connection:
        broker = Broker(connection)
        await broker.streams.holding(ORDERS)
        await send(nats_url, body, body[: 2**19])
        for event in await broker.fetch_until_there():
            await event.dead_letter("too large")
        large, half = await broker.letters.list(10)
        assert large.data == body
        assert half.data == body[: 2**19]
        assert large.reason == half.reason == "too large"
        await broker.letters.replay(large)
        [again] = await broker.fetch_until_there()
        assert again.data == body
        await delete(nats_url, "ORDERS")
        gone = await broker.letters.show(large.id)
        assert gone is not None
        assert "gone" in gone.reason


async def test_the_doctor_is_told_a_line_each(nats_url: str) -> None:
    async with JetStreamConnection(nats_url) as connection:
        broker = Broker(connection)
        await broker.streams.holding(ORDERS)
        findings = await check(connection, broker.streams)
    assert all(finding.well for finding in findings)
    lines = [finding.text for finding in findings]
    assert "stream for order:created: ORDERS" in lines
    assert any(line.startswith("stream for payment:created: none yet") for line in lines)


async def test_the_doctor_misses_jetstream_where_it_is_off(server: LocalNats) -> None:
    settings = json.loads((server.folder / "nats.conf").read_text())
    del settings["jetstream"]
    (server.folder / "nats.conf").write_text(json.dumps(settings))
    await asyncio.to_thread(server.restart)
    async with JetStreamConnection(server.url) as connection:
        broker = Broker(connection)
        findings = await check(connection, broker.streams)
        with pytest.raises(BrokerUnavailable):
            await broker.publisher.publish([created()])
    assert [finding.well for finding in findings] == [True, False]
    assert "JetStream" in findings[-1].text


async def test_a_connection_that_cannot_be_made_can_be_closed_at_any_moment() -> None:
    # Each try is refused within microseconds; somewhere among these moments the cancellation and
    # the refusal meet, which hung in one of ten tries before.
    for moments in range(100):
        connection = JetStreamConnection("nats://127.0.0.1:1")
        connection.open()
        for _ in range(moments % 40):
            await asyncio.sleep(0)
        async with asyncio.timeout(TIMEOUT):
            await connection.close()
