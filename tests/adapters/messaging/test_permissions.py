"""A NATS user with the least rights works; one that lacks a right is told which."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from attrs import frozen

from adapters.messaging.jetstream.check import check
from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.dead_letters import JetStreamDeadLetters
from adapters.messaging.jetstream.event_log import JetStreamEventLog
from adapters.messaging.jetstream.plans import ORDERS, PLANS, SHIPMENTS_CONSUMER
from adapters.messaging.jetstream.publisher import JetStreamPublisher
from adapters.messaging.jetstream.streams import Streams
from adapters.messaging.jetstream.subscription import JetStreamSubscription
from application.ports.alerts import AlertKind
from application.ports.event_publisher import BrokerUnavailable, BrokerUnsuitable
from payments_kit.servers.nats import LocalNats
from tests.contracts.brokers import other_client
from tests.contracts.event_publisher import created
from tests.contracts.inbound_events import LONG, SHORT, acknowledged, bodies, fetch_until

LEAST_RIGHTS = (Path(__file__).parents[3] / "docs/examples/nats-least-rights.conf").read_text()

ADMIN = 'users = [ { user: admin, password: "admin" }'

# A denial is reported within milliseconds; without it, each request would take five seconds.
SECONDS = 60.0


@frozen
class Shop:
    """A server whose streams exist, and whose users have the rights of a file."""

    server: LocalNats

    async def permit(self, rights: str) -> None:
        """Give the users these rights, and restart the server."""
        file = self.server.folder / "nats.conf"
        original = self.server.folder / "original.json"
        if not original.exists():
            original.write_text(file.read_text())
        settings = json.loads(original.read_text())
        lines = [f"{name}: {json.dumps(value)}" for name, value in settings.items()]
        users = rights.replace("users = [", ADMIN, 1)
        file.write_text("\n".join((users, *lines)))
        await asyncio.to_thread(self.server.restart)

    @contextlib.asynccontextmanager
    async def connect(self, user: str = "payments:change-me") -> AsyncIterator["Payments"]:
        """Connect our adapters as a user."""
        url = f"nats://{user}@127.0.0.1:{self.server.port}"
        async with JetStreamConnection(url) as connection:
            yield Payments(connection)

    async def publish(self, *data: bytes, subject: str = "order:created") -> None:
        """Publish order events as another service."""
        async with other_client(f"nats://admin:admin@127.0.0.1:{self.server.port}") as client:
            for each in data:
                await client.jetstream(timeout=SECONDS).publish(subject, each)


class Payments:
    """Our adapters on one connection."""

    def __init__(self, connection: JetStreamConnection) -> None:
        self.connection = connection
        self.streams = Streams(connection)
        self.letters = JetStreamDeadLetters(connection, self.streams)
        self.publisher = JetStreamPublisher(connection, self.streams)
        self.orders = JetStreamSubscription(
            connection, self.streams, self.letters, ORDERS, durable="payments"
        )

        self.shipments = JetStreamSubscription(
            *(self.connection, self.streams, self.letters, PLANS.shipments),
            durable=SHIPMENTS_CONSUMER,
        )

    async def work(self) -> None:
        """Do everything that a worker and an operator do."""
        assert (await self.publisher.publish([created()])).stored
        [progress] = await self.orders.progress()
        await self.orders.set_back(progress, 1)
        first, second = await self.orders.fetch(2, LONG)
        await first.dead_letter("malformed")
        await second.ack()
        assert await acknowledged(self.orders, 2)
        [progress] = await self.orders.progress()
        assert await self.orders.has_acknowledged(progress, 0)
        [letter] = await self.letters.list(10)
        await self.letters.replay(letter)
        assert bodies(await fetch_until(self.orders, 1)) == [b"1"]
        [progress] = await self.shipments.progress()
        await self.shipments.set_back(progress, 1)
        [shipped] = await self.shipments.fetch(1, LONG)
        await shipped.dead_letter("malformed")
        assert await acknowledged(self.shipments, shipped.position.sequence)
        letter = (await self.letters.list(10))[-1]
        await self.letters.replay(letter)
        assert bodies(await fetch_until(self.shipments, 1)) == [b"shipped"]

    async def problems(self) -> list[str]:
        results = await check(self.connection, self.streams, "payments")
        return [result.text for result in results if not result.ok]


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    with LocalNats() as server:
        shop = Shop(server)
        await shop.permit(LEAST_RIGHTS)
        async with shop.connect("admin:admin") as admin:
            for plan in PLANS:
                await until_connected(admin.connection)
                await admin.streams.ensure(plan)
        await shop.publish(b"1", b"2")
        await shop.publish(b"shipped", subject="order:shipped")
        yield shop


async def until_connected(connection: JetStreamConnection) -> None:
    async with asyncio.timeout(SECONDS):
        while True:
            with contextlib.suppress(BrokerUnavailable):
                await connection.client()
                return


async def test_the_least_rights_are_enough(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    async with shop.connect() as payments:
        await until_connected(payments.connection)
        await payments.work()
        assert await payments.problems() == []
    assert "may not" not in caplog.text


@pytest.mark.parametrize(
    "subject",
    [
        "$JS.API.STREAM.INFO.ORDERS",
        "$JS.API.CONSUMER.INFO.ORDERS.payments",
        "$JS.API.CONSUMER.CREATE.ORDERS.payments",
        "$JS.API.CONSUMER.DELETE.ORDERS.payments",
        "$JS.API.STREAM.MSG.GET.ORDERS",
        "$JS.API.STREAM.MSG.GET.PAYMENTS_DEAD_LETTERS",
        "$JS.API.CONSUMER.MSG.NEXT.ORDERS.payments",
        "$JS.ACK.ORDERS.payments.>",
        "$JS.API.CONSUMER.CREATE.ORDERS.payments-shipments",
        "$JS.API.CONSUMER.MSG.NEXT.ORDERS.payments-shipments",
        "$JS.ACK.ORDERS.payments-shipments.>",
        "payment:created",
        "payments.dead-letters.>",
        "order:created",
        "order:shipped",
    ],
)
async def test_a_missing_right_is_named_at_once(shop: Shop, subject: str) -> None:
    await shop.permit(LEAST_RIGHTS.replace(f'"{subject}"\n', "\n", 1))
    async with shop.connect() as payments, asyncio.timeout(SECONDS):
        await until_connected(payments.connection)
        with pytest.raises(BrokerUnsuitable) as denied:
            await payments.work()
        assert denied.value.kind is AlertKind.PERMISSION_MISSING
        stem = subject.removesuffix(">")
        assert str(denied.value).startswith(f"our NATS user may not publish to {stem}")


async def test_an_export_needs_one_right_more_and_names_it(shop: Shop) -> None:
    right = '"$JS.API.STREAM.MSG.GET.PAYMENTS"'
    since, until = datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=1)
    async with shop.connect() as payments:
        await until_connected(payments.connection)
        await payments.publisher.publish([created()])
        log = JetStreamEventLog(payments.connection, payments.streams)
        orders = [each async for each in log.read(ORDERS.subjects, since, until)]
        assert [each.data for each in orders] == [b"1", b"2"]
        with pytest.raises(BrokerUnavailable, match=r"STREAM\.MSG\.GET\.PAYMENTS"):
            _ = [each async for each in log.read(PLANS.payments.subjects, since, until)]
    await shop.permit(LEAST_RIGHTS.replace(f"# {right}", right))
    async with shop.connect() as payments:
        await until_connected(payments.connection)
        log = JetStreamEventLog(payments.connection, payments.streams)
        [ours] = [each async for each in log.read(PLANS.payments.subjects, since, until)]
        assert ours.subject == "payment:created"


async def test_doctor_names_each_missing_right(shop: Shop) -> None:
    rights = LEAST_RIGHTS
    missing = ("payment:created", "payments.dead-letters.>", "$JS.ACK.ORDERS.payments.>")
    for subject in missing:
        rights = rights.replace(f'"{subject}"\n', "\n", 1)
    await shop.permit(rights)
    async with shop.connect() as payments:
        await until_connected(payments.connection)
        assert await payments.problems() == [
            f"NATS: our user may not publish to {subject}" for subject in missing
        ]


async def test_without_replies_nothing_waits(shop: Shop) -> None:
    await shop.permit(LEAST_RIGHTS.replace('"_INBOX.>"', '"elsewhere"'))
    async with shop.connect() as payments, asyncio.timeout(SECONDS):
        await until_connected(payments.connection)
        with pytest.raises(BrokerUnsuitable, match=r"may not subscribe to _INBOX\.>"):
            await payments.orders.fetch(1, SHORT)


async def test_a_stream_that_is_missing_and_may_not_be_created_is_named(shop: Shop) -> None:
    async with other_client(f"nats://admin:admin@127.0.0.1:{shop.server.port}") as client:
        await client.jetstream(timeout=SECONDS).delete_stream("ORDERS")
    async with shop.connect() as payments, asyncio.timeout(SECONDS):
        await until_connected(payments.connection)
        with pytest.raises(BrokerUnsuitable, match=r"publish to \$JS\.API\.STREAM\.CREATE\.ORDERS"):
            await payments.orders.fetch(1, SHORT)


async def test_a_right_that_is_given_later_is_used(shop: Shop) -> None:
    rights = LEAST_RIGHTS.replace('"$JS.API.CONSUMER.CREATE.ORDERS.payments"\n', "\n", 1)
    await shop.permit(rights)
    async with shop.connect() as payments, asyncio.timeout(SECONDS):
        await until_connected(payments.connection)
        with pytest.raises(BrokerUnsuitable):
            await payments.orders.fetch(1, LONG)
        await shop.permit(LEAST_RIGHTS)
        assert sorted(bodies(await fetch_until(payments.orders, 2))) == [b"1", b"2"]
