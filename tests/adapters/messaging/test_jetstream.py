"""JetStream when servers fail, are replaced, or have other services' streams."""

import asyncio
import contextlib
import json
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, StreamConfig

from adapters.messaging.jetstream.api import ApiReply, ConsumerInfo, Reply
from adapters.messaging.jetstream.check import check
from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.consumers import MAX_CREATIONS
from adapters.messaging.jetstream.dead_letters import JetStreamDeadLetters
from adapters.messaging.jetstream.plans import DEAD_LETTERS, ORDERS, PAYMENTS, Plan
from adapters.messaging.jetstream.publisher import JetStreamPublisher
from adapters.messaging.jetstream.streams import Streams
from adapters.messaging.jetstream.subscription import JetStreamSubscription
from adapters.messaging.wire import encode
from application.ports.event_publisher import BrokerUnavailable, OutboxEntry, PublishResult
from application.ports.inbound_events import DeadLetterCount, InboundEvent
from payments_kit.servers.nats import LocalNats
from payments_kit.servers.processes import free_port
from tests.contracts.brokers import other_client
from tests.contracts.event_publisher import created, failed, refunded
from tests.contracts.inbound_events import LONG, SHORT, bodies, fetch_all

# Every wait has a limit; on a quiet machine a reconnection takes a second.
TIMEOUT = 60.0

Result = TypeVar("Result")
Shop = JetStreamContext


class Broker:
    """All adapters on one connection."""

    def __init__(self, connection: JetStreamConnection) -> None:
        self.connection = connection
        self.streams = Streams(connection)
        self.publisher = JetStreamPublisher(connection, self.streams)
        self.letters = JetStreamDeadLetters(connection, self.streams)
        self.orders = JetStreamSubscription(
            connection, self.streams, self.letters, ORDERS, durable="payments"
        )

    async def publish_until_stored(self, *entries: OutboxEntry) -> PublishResult:
        return await until_available(lambda: self.publisher.publish(entries))

    async def cannot_be_used(self, wait: timedelta = SHORT) -> None:
        """Check that the broker is unavailable for publishing and fetching."""
        with pytest.raises(BrokerUnavailable):
            await self.orders.fetch(10, wait)
        with pytest.raises(BrokerUnavailable):
            await self.publisher.publish([created("payment-2")])

    async def fetch_until_some(self) -> Sequence[InboundEvent]:
        return await until_available(lambda: self.orders.fetch(100, timedelta(seconds=1)))


async def until_available(call: Callable[[], Awaitable[Result]]) -> Result:
    """Repeat a call until the broker is available and there is a result."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            try:
                if result := await call():
                    return result
            except BrokerUnavailable:
                pass
            await asyncio.sleep(0.05)


@pytest.fixture
def server() -> Iterator[LocalNats]:
    """Yield a server of this test's own."""
    with LocalNats(sync_interval="always") as server:
        yield server


@pytest.fixture
async def broker(nats_url: str) -> AsyncIterator[Broker]:
    """Yield the adapters on the shared server."""
    async with JetStreamConnection(nats_url) as connection:
        yield Broker(connection)


@pytest.fixture
async def own_broker(server: LocalNats) -> AsyncIterator[Broker]:
    """Yield the adapters on this test's own server."""
    async with JetStreamConnection(server.url) as connection:
        yield Broker(connection)


@pytest.fixture
async def shop(nats_url: str) -> AsyncIterator[JetStreamContext]:
    """Yield another service's connection to the shared server."""
    async with other_client(nats_url) as client:
        yield client.jetstream(timeout=TIMEOUT)


async def send(shop: Shop, *bodies: bytes) -> None:
    for body in bodies:
        await shop.publish("order:created", body)


async def count_payment_events(server: LocalNats) -> int:
    async with other_client(server.url) as client:
        return (await client.jetstream(timeout=TIMEOUT).stream_info("PAYMENTS")).state.messages


async def reconfigure(server: LocalNats, **changes: Any) -> None:
    """Change top-level settings of a server, remove those that are None, and restart it."""
    file = server.folder / "nats.conf"
    config = json.loads(file.read_text()) | changes
    file.write_text(json.dumps({name: each for name, each in config.items() if each is not None}))
    await asyncio.to_thread(server.restart)


# --- the connection ------------------------------------------------------------------------------


async def test_opening_needs_no_server_and_everything_is_unavailable_at_once() -> None:
    async with JetStreamConnection(f"nats://127.0.0.1:{free_port()}") as connection:
        broker = Broker(connection)
        assert not connection.is_connected
        async with asyncio.timeout(TIMEOUT):
            await broker.cannot_be_used(timedelta(seconds=TIMEOUT * 10))
            with pytest.raises(BrokerUnavailable):
                await broker.letters.list(1)
            [result] = await check(connection, broker.streams, "payments")
        assert not result.ok


async def test_a_server_that_starts_later_is_used(server: LocalNats) -> None:
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


async def test_credentials_are_used_and_never_shown(
    server: LocalNats, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await reconfigure(server, authorization={"user": "shop", "password": "s3cret@:/"})
    url = f"nats://shop:%s@127.0.0.1:{server.port}"
    async with JetStreamConnection(url % "s3cret%40%3A%2F") as connection:
        assert (await Broker(connection).publish_until_stored(created())).stored
    async with JetStreamConnection(url % "wr0ng") as rejected:
        with pytest.raises(BrokerUnavailable) as error:
            await rejected.client()
    shown = f"{caplog.text} {connection!r} {rejected!r} {error.value}"
    assert "Authorization Violation" in shown
    assert "s3cret" not in shown
    assert "wr0ng" not in shown


async def test_a_connection_that_cannot_be_opened_can_be_closed_at_any_time() -> None:
    # Each attempt is refused within microseconds. At some of these moments, cancellation and
    # refusal coincide, which blocked one of ten attempts before.
    for steps in range(100):
        connection = JetStreamConnection("nats://127.0.0.1:1")
        connection.open()
        for _ in range(steps % 40):
            await asyncio.sleep(0)
        async with asyncio.timeout(TIMEOUT):
            await connection.close()


# --- servers that fail ---------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["kill", "stop"])
async def test_everything_continues_after_a_restart(
    server: LocalNats, own_broker: Broker, end: str
) -> None:
    await own_broker.publisher.publish([created()])
    assert not await own_broker.orders.fetch(10, SHORT)
    await asyncio.to_thread(getattr(server, end))
    await own_broker.cannot_be_used()
    await asyncio.to_thread(server.start)
    await own_broker.publish_until_stored(created(), created("payment-2"))
    assert await count_payment_events(server) == 2
    async with other_client(server.url) as client:
        await send(client.jetstream(timeout=TIMEOUT), b"1")
    [event] = await own_broker.fetch_until_some()
    await event.ack()


async def test_everything_continues_with_a_new_client_if_the_library_closes_one(
    shop: Shop, broker: Broker
) -> None:
    await broker.streams.ensure(ORDERS)
    for number in range(2):
        first, last = created(f"payment-{number}"), failed(f"payment-{number}")
        await broker.publish_until_stored(first)
        assert (await broker.publisher.publish([last])).stored
        await send(shop, b"%d" % number)
        [event] = await broker.fetch_until_some()
        assert event.data == b"%d" % number
        await event.ack()
        await (await broker.connection.client()).close()


async def test_deleted_streams_and_consumers_are_created_again(shop: Shop, broker: Broker) -> None:
    await broker.publisher.publish([created()])
    assert not await broker.orders.fetch(10, SHORT)
    for stream in ("ORDERS", "PAYMENTS"):
        await shop.delete_stream(stream)
    again = await broker.publisher.publish([created(), failed()])
    assert again.stored == {created().event.id, failed().event.id}
    await broker.orders.fetch(10, SHORT)
    await broker.orders.fetch(10, SHORT)
    await send(shop, b"1")
    [event] = await broker.fetch_until_some()
    assert event.data == b"1"


async def test_one_of_several_streams_is_created_again_while_the_others_store(
    shop: Shop, broker: Broker
) -> None:
    await shop.add_stream(StreamConfig(name="PAYMENTS", subjects=["payment:created"]))
    events = [created(), failed()]
    assert len((await broker.publisher.publish(events)).stored) == 2
    stream_of = await broker.streams.ensure(PAYMENTS)
    assert stream_of["payment:failed"] != stream_of["payment:created"]
    await shop.delete_stream(stream_of["payment:failed"])
    assert len((await broker.publisher.publish(events)).stored) == 2


async def test_dead_letters_can_be_stored_and_replayed_after_streams_were_deleted(
    shop: Shop, broker: Broker
) -> None:
    await broker.streams.ensure(ORDERS)
    await send(shop, b"1", b"2")
    first, second = await broker.fetch_until_some()
    await first.dead_letter("malformed")
    await shop.delete_stream("PAYMENTS_DEAD_LETTERS")
    await second.dead_letter("malformed")
    [letter] = await broker.letters.list(10)
    assert letter.data == second.data
    await shop.delete_stream("ORDERS")
    await broker.letters.replay(letter)
    [again] = await broker.fetch_until_some()
    assert again.data == letter.data


async def test_a_consumer_deleted_in_a_fetch_is_created_again(shop: Shop, broker: Broker) -> None:
    assert not await broker.orders.fetch(10, SHORT)
    fetch = asyncio.create_task(broker.orders.fetch(10, timedelta(seconds=TIMEOUT * 2)))

    async def is_waiting() -> bool:
        return bool((await shop.consumer_info("ORDERS", "payments")).num_waiting)

    assert await until_available(is_waiting)
    await shop.delete_consumer("ORDERS", "payments")
    async with asyncio.timeout(TIMEOUT):
        assert not await fetch
    await send(shop, b"1")
    assert await broker.fetch_until_some()


class Interrupted(JetStreamConnection):
    """A connection during whose requests another client deletes the consumer."""

    def __init__(self, url: str, deletions: int) -> None:
        super().__init__(url)
        self.deletions = deletions

    async def request(self, path: str, reply_type: type[Reply], body: object = None) -> Reply:
        reply = await super().request(path, reply_type, body)
        if path.startswith("CONSUMER.CREATE") and self.deletions:
            self.deletions -= 1
            await super().request("CONSUMER.DELETE.ORDERS.payments", ApiReply)
        return reply


async def test_a_consumer_deleted_when_it_is_created_is_created_again(
    shop: Shop, nats_url: str
) -> None:
    async with Interrupted(nats_url, MAX_CREATIONS - 1) as connection:
        broker = Broker(connection)
        await broker.streams.ensure(ORDERS)
        await send(shop, b"1", b"2")
        assert bodies(await fetch_all(broker.orders, 2)) == [b"1", b"2"]
        connection.deletions = MAX_CREATIONS - 1
        [progress] = await broker.orders.progress()
        assert (await broker.orders.set_back(progress, 2)).begins == 2
        connection.deletions = MAX_CREATIONS
        await shop.delete_consumer("ORDERS", "payments")
        with pytest.raises(BrokerUnavailable):
            await broker.orders.progress()


class Inheriting(JetStreamConnection):
    """A connection at which a consumer that is created has delivered and acknowledged everything.

    So does a server that creates it while it still deletes one of the same name.
    """

    def __init__(self, url: str, shop: Shop) -> None:
        super().__init__(url)
        self.shop = shop
        self.left = 0

    async def request(self, path: str, reply_type: type[Reply], body: object = None) -> Reply:
        reply = await super().request(path, reply_type, body)
        if not path.startswith("CONSUMER.CREATE") or not self.left:
            return reply
        self.left -= 1
        subscription = await self.shop.pull_subscribe_bind("payments", "ORDERS")
        for message in await subscription.fetch(100, timeout=TIMEOUT):
            await message.ack_sync(timeout=TIMEOUT)
        inherited = await super().request("CONSUMER.INFO.ORDERS.payments", reply_type)
        assert isinstance(inherited, ConsumerInfo)
        inherited.delivered.last_active = None
        return inherited


async def test_a_consumer_that_continues_where_a_deleted_one_ended_is_created_again(
    shop: Shop, nats_url: str
) -> None:
    async with Inheriting(nats_url, shop) as connection:
        broker = Broker(connection)
        await broker.streams.ensure(ORDERS)
        await send(shop, b"1", b"2")
        connection.left = MAX_CREATIONS - 1
        assert bodies(await fetch_all(broker.orders, 2)) == [b"1", b"2"]
        connection.left = 1
        [progress] = await broker.orders.progress()
        again = await broker.orders.set_back(progress, 2)
        assert (again.begins, again.acknowledged, again.waiting) == (2, 1, 1)
        connection.left = MAX_CREATIONS
        with pytest.raises(BrokerUnavailable, match="continued where one before it had ended"):
            await broker.orders.set_back(progress, 1)
        assert bodies(await broker.fetch_until_some()) == [b"1", b"2"]


class Interleaved(JetStreamConnection):
    """A connection before whose next creation of a consumer another process acts."""

    other: Callable[[], Awaitable[object]] | None = None

    async def request(self, path: str, reply_type: type[Reply], body: object = None) -> Reply:
        if path.startswith("CONSUMER.CREATE.ORDERS.payments") and self.other:
            other, self.other = self.other, None
            await other()
        return await super().request(path, reply_type, body)


async def test_a_consumer_that_an_operator_creates_at_the_same_time_is_used_unchanged(
    shop: Shop, nats_url: str
) -> None:
    theirs = ConsumerConfig(
        durable_name="payments", filter_subjects=list(ORDERS.subjects), ack_wait=7
    )
    async with Interleaved(nats_url) as connection:
        broker = Broker(connection)
        await broker.streams.ensure(ORDERS)
        await send(shop, b"1")
        connection.other = lambda: shop.add_consumer("ORDERS", theirs)
        assert bodies(await fetch_all(broker.orders, 1)) == [b"1"]
    assert (await shop.consumer_info("ORDERS", "payments")).config.ack_wait == 7


class Later(JetStreamConnection):
    """A connection at which a consumer begins after its settings say, once.

    So does one that inherits the state of another one that began there, and delivered nothing.
    """

    begins = 0

    async def request(self, path: str, reply_type: type[Reply], body: object = None) -> Reply:
        if not path.startswith("CONSUMER.CREATE") or not self.begins:
            return await super().request(path, reply_type, body)
        assert isinstance(body, dict)
        begins, self.begins = self.begins, 0
        later = {**body["config"], "opt_start_seq": begins}
        reply = await super().request(path, reply_type, {**body, "config": later})
        assert isinstance(reply, ConsumerInfo)
        reply.config["opt_start_seq"] = body["config"]["opt_start_seq"]
        return reply


async def test_a_consumer_that_begins_where_a_deleted_one_began_is_created_again(
    shop: Shop, nats_url: str
) -> None:
    async with Later(nats_url) as connection:
        broker = Broker(connection)
        await broker.streams.ensure(ORDERS)
        await send(shop, b"1", b"2", b"3", b"4")
        [progress] = await broker.orders.progress()
        connection.begins = 4
        again = await broker.orders.set_back(progress, 2)
        assert (again.begins, again.acknowledged, again.waiting) == (2, 1, 3)


class Outdated(JetStreamConnection):
    """A connection to a server of a cluster that still knows a consumer which was deleted."""

    deleted: ConsumerInfo | None = None
    deletions = 0
    is_created = False

    async def request(self, path: str, reply_type: type[Reply], body: object = None) -> Reply:
        reply = await super().request(path, reply_type, body)
        self.deletions += path.startswith("CONSUMER.DELETE")
        self.is_created |= path.startswith("CONSUMER.CREATE")
        if path.startswith("CONSUMER.INFO") and self.is_created and self.deleted is not None:
            known, self.deleted = self.deleted, None
            assert isinstance(known, reply_type)
            return known
        return reply


async def test_a_deleted_consumer_that_another_server_still_knows_is_not_used(
    shop: Shop, nats_url: str
) -> None:
    async with Outdated(nats_url) as connection:
        broker = Broker(connection)
        await broker.streams.ensure(ORDERS)
        await send(shop, b"1", b"2", b"3", b"4")
        [progress] = await broker.orders.progress()
        later = await broker.orders.set_back(progress, 4)
        path = "CONSUMER.INFO.ORDERS.payments"
        connection.deleted = await connection.request(path, ConsumerInfo)
        connection.deletions, connection.is_created = 0, False
        again = await broker.orders.set_back(later, 2)
        assert (again.begins, again.waiting, connection.deletions) == (2, 3, 1)


@pytest.mark.parametrize(("theirs", "begins"), [(None, 1), (1, 1), (2, 2), (3, 2), (4, 2)])
async def test_a_consumer_that_another_process_has_set_back_to_a_later_place_is_not_used(
    shop: Shop, nats_url: str, broker: Broker, theirs: int | None, begins: int
) -> None:
    async with Interleaved(nats_url) as connection:
        ours = Broker(connection)
        await ours.streams.ensure(ORDERS)
        await send(shop, b"1", b"2", b"3", b"4")
        [progress] = await ours.orders.progress()
        connection.other = lambda: broker.orders.set_back(progress, theirs)
        again = await ours.orders.set_back(progress, 2)
        assert (again.begins, again.waiting) == (begins, 5 - begins)


async def test_a_consumer_that_another_process_has_created_and_uses_is_kept(
    shop: Shop, nats_url: str, broker: Broker
) -> None:
    found = list[InboundEvent]()

    async def use() -> None:
        await broker.orders.progress()
        await send(shop, b"1", b"2")
        found.extend(await fetch_all(broker.orders, 1))

    # The server would delete the events of this stream with its only consumer.
    await shop.add_stream(name="ORDERS", subjects=["*"], retention="interest")
    async with Interleaved(nats_url) as connection:
        connection.other = use
        [progress] = await Broker(connection).orders.progress()
        assert (progress.is_untouched, progress.waiting) == (False, 2)
        assert bodies([*found, *await fetch_all(broker.orders, 1)]) == [b"1", b"2"]


async def test_a_server_that_does_not_respond_is_unavailable_in_time(
    server: LocalNats, own_broker: Broker
) -> None:
    await own_broker.publisher.publish([created()])
    await own_broker.orders.fetch(1, SHORT)
    server.process.signal(signal.SIGSTOP)
    try:
        async with asyncio.timeout(TIMEOUT):
            await own_broker.cannot_be_used()
    finally:
        server.process.signal(signal.SIGCONT)
    await own_broker.publish_until_stored(created("payment-2"))
    assert await count_payment_events(server) == 2


async def test_a_fetch_does_not_wait_for_events_after_the_first(shop: Shop, broker: Broker) -> None:
    assert not await broker.orders.fetch(10, SHORT)
    fetch = asyncio.create_task(broker.orders.fetch(10, timedelta(seconds=TIMEOUT * 2)))
    await send(shop, b"1")
    async with asyncio.timeout(TIMEOUT):
        [event] = await fetch
    assert event.data == b"1"


# --- streams and consumers -----------------------------------------------------------------------


@pytest.mark.parametrize("plan", [ORDERS, PAYMENTS, DEAD_LETTERS])
async def test_a_missing_stream_is_created_with_our_settings(
    shop: Shop, broker: Broker, plan: Plan
) -> None:
    await broker.streams.ensure(plan)
    config = (await shop.stream_info(plan.name)).config
    expected = plan.config(plan.name, plan.subjects, replicas=1)
    for name in (
        *("subjects", "storage", "retention", "discard", "max_age", "max_msg_size"),
        *("duplicate_window", "deny_delete", "deny_purge", "num_replicas"),
    ):
        assert getattr(config, name) == getattr(expected, name), name


async def test_many_replicas_may_create_the_streams_at_once(nats_url: str) -> None:
    async def ensure() -> dict[str, str]:
        async with JetStreamConnection(nats_url) as connection:
            return dict(await Streams(connection).ensure(ORDERS))

    found = await asyncio.gather(*(ensure() for _ in range(8)))
    assert {tuple(each.values()) for each in found} == {("ORDERS", "ORDERS")}


async def test_existing_stream_and_consumer_are_used_unchanged(shop: Shop, broker: Broker) -> None:
    await shop.add_stream(StreamConfig(name="SHOP", subjects=["*"]))
    before = await shop.stream_info("SHOP")
    consumer = ConsumerConfig(durable_name="payments", filter_subject="*", ack_wait=7)
    await shop.add_consumer("SHOP", consumer)
    await shop.publish("ticket:created", b"not ours")
    await send(shop, b"1")
    [event] = await broker.fetch_until_some()
    assert event.data == b"1"
    await event.ack()

    async def is_all_acknowledged() -> bool:
        return not (await shop.consumer_info("SHOP", "payments")).num_ack_pending

    assert await until_available(is_all_acknowledged), "not ours, it would be delivered for ever"
    assert (await broker.publisher.publish([created()])).stored
    [only] = await shop.streams_info()
    assert only.config.name == "SHOP"
    assert (await shop.stream_info("SHOP")).config == before.config
    assert (await shop.consumer_info("SHOP", "payments")).config.ack_wait == 7
    assert not await broker.letters.list(10)


async def test_one_subscription_may_use_several_streams(shop: Shop, broker: Broker) -> None:
    # It has the name of our stream, but only one of its subjects.
    await shop.add_stream(StreamConfig(name="ORDERS", subjects=["order:created"]))
    assert not await broker.orders.fetch(10, SHORT)
    sent = [b"%d" % number for number in range(40)]
    await send(shop, *sent)
    await shop.publish("order:cancelled", b"cancelled")
    events = await fetch_all(broker.orders, 41)
    await asyncio.gather(*(event.ack() for event in events))
    assert set(bodies(events)) == {*sent, b"cancelled"}
    assert not await broker.orders.fetch(10, SHORT)
    found = await broker.streams.ensure(ORDERS)
    assert found == {"order:created": "ORDERS", "order:cancelled": "ORDERS_2"}


async def test_a_subject_that_moves_to_another_stream_is_read_there(
    shop: Shop, broker: Broker
) -> None:
    await shop.add_stream(StreamConfig(name="SHOP", subjects=list(ORDERS.subjects)))
    await send(shop, b"1")
    [event] = await broker.fetch_until_some()
    await event.ack()
    await shop.update_stream(StreamConfig(name="SHOP", subjects=["order:created"]))
    await shop.add_stream(StreamConfig(name="OTHER", subjects=["order:cancelled"]))
    await shop.publish("order:cancelled", b"2")
    with contextlib.suppress(BrokerUnavailable):
        await broker.orders.progress()
    [event] = await broker.fetch_until_some()
    assert (event.subject, event.data) == ("order:cancelled", b"2")
    assert {each.stream for each in await broker.orders.progress()} == {"SHOP", "OTHER"}


async def test_a_subscription_may_have_one_subject_of_a_stream(broker: Broker) -> None:
    completion = JetStreamSubscription(
        *(broker.connection, broker.streams, broker.letters, PAYMENTS),
        durable="payments-complete",
        subjects=["payment:created"],
    )
    await broker.publisher.publish([failed(), created()])
    [event] = await completion.fetch(10, LONG)
    assert event.subject == "payment:created"
    await event.ack()
    assert not await completion.fetch(10, SHORT)


@pytest.mark.parametrize("subject", ["payments.dead-letters.>", "payments.>"])
async def test_dead_letters_are_counted_without_what_else_their_stream_has(
    shop: Shop, broker: Broker, subject: str
) -> None:
    await shop.add_stream(StreamConfig(name="SHOP", subjects=[subject, "*"]))
    await broker.streams.ensure(ORDERS)
    await send(shop, b"1", b"2", b"3")
    for event in await fetch_all(broker.orders, 3):
        await (event.ack() if event.data == b"2" else event.dead_letter("malformed"))
    count = await broker.letters.count()
    first, last = await broker.letters.list(10)
    assert count == DeadLetterCount(2, first.recorded_at, last.recorded_at)


async def test_an_event_too_large_to_be_copied_becomes_a_dead_letter_too(
    shop: Shop, broker: Broker
) -> None:
    body = os.urandom(2**20 - 20)
    await broker.streams.ensure(ORDERS)
    await send(shop, body, body[: 2**19])
    for event in await broker.fetch_until_some():
        await event.dead_letter("too large")
    large, half = await broker.letters.list(10)
    assert (large.data, large.reason) == (body, "too large")
    assert (half.data, half.reason) == (body[: 2**19], "too large")
    await broker.letters.replay(large)
    [again] = await broker.fetch_until_some()
    assert again.data == body
    await shop.delete_stream("ORDERS")
    without_content = await broker.letters.show(large.id)
    assert without_content is not None
    assert "deleted" in without_content.reason
    broker.streams.forget()
    await broker.streams.ensure(ORDERS)
    await send(shop, b"another event of the same number")
    assert await broker.letters.show(large.id) == without_content


@pytest.mark.parametrize("above", [0, 1, 100])
async def test_an_event_at_the_limit_of_the_server_does_not_end_the_connection(
    broker: Broker, above: int
) -> None:
    """The headers count, too. The stream's own limit is smaller."""
    limit = (await broker.connection.client()).max_payload
    length = limit - encode(refunded(reason="")).size + above
    entry = refunded(reason="x" * length)
    assert encode(entry).size == limit + above
    published = await broker.publisher.publish([entry, created()])
    assert published.stored == {created().event.id}
    assert published.rejected.keys() == {entry.event.id}


# --- payments doctor -----------------------------------------------------------------------------


async def test_a_check_has_one_line_for_each_result(broker: Broker) -> None:
    await broker.streams.ensure(ORDERS)
    results = await check(broker.connection, broker.streams, "payments")
    assert all(result.ok for result in results)
    lines = [result.text for result in results]
    assert "stream for order:created: ORDERS" in lines
    assert any(line.startswith("stream for payment:created: none yet") for line in lines)


async def test_a_check_fails_without_jetstream(server: LocalNats, own_broker: Broker) -> None:
    await reconfigure(server, jetstream=None)
    await until_available(own_broker.connection.jetstream)
    results = await check(own_broker.connection, own_broker.streams, "payments")
    with pytest.raises(BrokerUnavailable):
        await own_broker.publisher.publish([created()])
    assert [result.ok for result in results] == [True, False]
    assert "JetStream" in results[-1].text
