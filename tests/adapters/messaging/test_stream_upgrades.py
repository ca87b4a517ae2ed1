"""A stream of an earlier release gets the subjects that this one adds; no other stream does."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest
from nats.js import JetStreamContext
from nats.js.api import StreamConfig

from adapters.messaging.jetstream.check import check
from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.dead_letters import JetStreamDeadLetters
from adapters.messaging.jetstream.plans import ORDERS, PAYMENTS, PLANS, SHIPMENTS_CONSUMER, Plan
from adapters.messaging.jetstream.streams import Streams
from adapters.messaging.jetstream.subscription import JetStreamSubscription
from application.ports.event_publisher import BrokerUnsuitable
from tests.adapters.messaging.test_permissions import (
    LEAST_RIGHTS,
    Shop,
    shop,
    until_connected,
)
from tests.contracts.brokers import other_client
from tests.contracts.inbound_events import LONG, SHORT, bodies, fetch_until

__all__ = ["shop"]

TIMEOUT = 60.0

NEW = "payment:pending"

# What release 1.0.0rc1 has created.
EARLIER = attrs.evolve(PAYMENTS, subjects=tuple(each for each in PAYMENTS.subjects if each != NEW))

UPDATE = r"\$JS\.API\.STREAM\.UPDATE\.PAYMENTS"


@pytest.fixture
async def admin(nats_url: str) -> AsyncIterator[JetStreamContext]:
    async with other_client(nats_url) as client:
        yield client.jetstream(timeout=TIMEOUT)


@pytest.fixture
async def connection(nats_url: str) -> AsyncIterator[JetStreamConnection]:
    async with JetStreamConnection(nats_url) as connection:
        await until_connected(connection)
        yield connection


async def names(admin: JetStreamContext) -> list[str]:
    return sorted(str(info.config.name) for info in await admin.streams_info())


async def pending(connection: JetStreamConnection) -> str:
    """Return what doctor says about the new subject."""
    results = await check(connection, Streams(connection), "payments")
    [text] = [each.text for each in results if each.text.startswith(f"stream for {NEW}:")]
    return text


async def test_a_stream_of_an_earlier_release_gets_the_new_subject_and_nothing_else_changes(
    admin: JetStreamContext, connection: JetStreamConnection
) -> None:
    await Streams(connection).ensure(EARLIER)
    await admin.publish("payment:created", b"1")
    before = await admin.stream_info("PAYMENTS")
    assert (
        await pending(connection)
        == f"stream for {NEW}: none yet; PAYMENTS gets it when it is needed"
    )
    workers = [Streams(connection) for _ in range(4)]
    found = await asyncio.gather(*(each.ensure(PAYMENTS) for each in workers))
    assert found == [dict.fromkeys(PAYMENTS.subjects, "PAYMENTS")] * 4
    after = await admin.stream_info("PAYMENTS")
    assert after.config == before.config.evolve(subjects=sorted(PAYMENTS.subjects))
    assert after.state.messages == 1
    assert await names(admin) == ["PAYMENTS"]
    assert await pending(connection) == f"stream for {NEW}: PAYMENTS"
    # A worker of the earlier release goes on, also if it starts now.
    await Streams(connection).ensure(EARLIER)
    assert (await admin.stream_info("PAYMENTS")).config == after.config


@pytest.mark.parametrize(
    "settings",
    [
        {"description": "made by Terraform"},
        {"metadata": {"managed-by": "nack"}},
        {"max_age": 30 * 86_400.0},
        {"deny_purge": False},
        {"subjects": [*EARLIER.subjects, "invoice:created"]},
        {"max_bytes": 2**30},
    ],
    ids=str,
)
async def test_a_stream_with_other_settings_than_ours_is_left_alone_and_a_second_one_is_created(
    admin: JetStreamContext, connection: JetStreamConnection, settings: dict[str, Any]
) -> None:
    config = EARLIER.config("PAYMENTS", EARLIER.subjects, 1)
    await admin.add_stream(config.evolve(**settings))
    before = await admin.stream_info("PAYMENTS")
    assert "PAYMENTS has settings of its own, so PAYMENTS_2" in await pending(connection)
    assert (await Streams(connection).ensure(PAYMENTS))[NEW] == "PAYMENTS_2"
    assert (await admin.stream_info("PAYMENTS")).config == before.config
    assert (await admin.stream_info("PAYMENTS_2")).config.subjects == [NEW]


async def test_a_stream_that_its_operator_has_moved_is_still_ours(
    admin: JetStreamContext, connection: JetStreamConnection
) -> None:
    config: StreamConfig = EARLIER.config("PAYMENTS", EARLIER.subjects, 1)
    await admin.add_stream(config.evolve(placement={"tags": []}))
    assert (await Streams(connection).ensure(PAYMENTS))[NEW] == "PAYMENTS"


async def remove_new_subject(shop: Shop) -> None:
    async with other_client(f"nats://admin:admin@127.0.0.1:{shop.server.port}") as client:
        jetstream = client.jetstream(timeout=TIMEOUT)
        config = (await jetstream.stream_info("PAYMENTS")).config
        await jetstream.update_stream(config.evolve(subjects=list(EARLIER.subjects)))


async def test_a_user_who_may_create_streams_but_not_update_them_gets_a_second_one(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    await remove_new_subject(shop)
    wanted = ("STREAM.NAMES", "STREAM.CREATE.PAYMENTS")
    rights = LEAST_RIGHTS.replace('# "$JS.API.STREAM.CREATE.PAYMENTS"', '"$JS.API.STREAM.CREATE.*"')
    rights = rights.replace('# "$JS.API.STREAM.NAMES"', '"$JS.API.STREAM.NAMES"')
    assert all(f'"$JS.API.{each}' in rights for each in wanted)
    await shop.permit(rights.replace('STREAM.INFO.PAYMENTS"', 'STREAM.INFO.*"'))
    async with shop.connect() as payments, asyncio.timeout(TIMEOUT):
        await until_connected(payments.connection)
        with caplog.at_level(logging.WARNING):
            assert (await payments.streams.ensure(PAYMENTS))[NEW] == "PAYMENTS_2"
    assert f"stream PAYMENTS lacks {NEW}: our NATS user may not publish to" in caplog.text


async def test_a_user_who_may_do_neither_is_told_what_to_change(shop: Shop) -> None:
    await remove_new_subject(shop)
    async with shop.connect() as payments, asyncio.timeout(TIMEOUT):
        await until_connected(payments.connection)
        with pytest.raises(BrokerUnsuitable, match=f"PAYMENTS does not store {NEW}, .*{UPDATE}"):
            await payments.streams.ensure(PAYMENTS)
        [text] = [each for each in await payments.problems() if NEW in each]
        assert "PAYMENTS lacks it, and our NATS user may not publish to $JS.API.STREAM" in text
        async with shop.connect("admin:admin") as admin:
            await until_connected(admin.connection)
            for plan in PLANS:
                await admin.streams.ensure(plan)
        assert not await payments.problems()
        assert (await payments.streams.ensure(PAYMENTS))[NEW] == "PAYMENTS"


# --- order:shipped -------------------------------------------------------------------------------


def reader(connection: JetStreamConnection, plan: Plan, durable: str) -> JetStreamSubscription:
    streams = Streams(connection)
    letters = JetStreamDeadLetters(connection, streams)
    return JetStreamSubscription(connection, streams, letters, plan, durable=durable)


async def test_workers_of_an_earlier_release_share_no_consumer_of_shipments(
    admin: JetStreamContext, connection: JetStreamConnection
) -> None:
    earlier = reader(connection, ORDERS, "payments")
    assert not await earlier.fetch(1, SHORT)
    before = await admin.consumer_info("ORDERS", "payments")
    shipments = reader(connection, PLANS.shipments, SHIPMENTS_CONSUMER)
    assert not await shipments.fetch(1, SHORT)
    subjects = (await admin.stream_info("ORDERS")).config.subjects
    assert subjects == ["order:cancelled", "order:created", "order:shipped"]
    await admin.publish("order:shipped", b"shipped")
    await admin.publish("order:created", b"created")
    assert bodies(await fetch_until(earlier, 1)) == [b"created"]
    assert bodies(await shipments.fetch(1, LONG)) == [b"shipped"]
    assert (await admin.consumer_info("ORDERS", "payments")).config == before.config
    assert await names(admin) == ["ORDERS"]


@pytest.mark.parametrize("plan", [PLANS.orders, PLANS.shipments], ids=["orders", "shipments"])
async def test_a_missing_stream_of_orders_is_created_with_all_their_events(
    admin: JetStreamContext, connection: JetStreamConnection, plan: Plan
) -> None:
    await Streams(connection).ensure(plan)
    subjects = (await admin.stream_info("ORDERS")).config.subjects
    assert subjects == ["order:cancelled", "order:created", "order:shipped"]


async def test_shipments_in_the_stream_of_another_team_are_read_from_there(
    admin: JetStreamContext, connection: JetStreamConnection
) -> None:
    await admin.add_stream(StreamConfig(name="WAREHOUSE", subjects=["order:shipped", "parcel.*"]))
    streams = Streams(connection)
    assert set((await streams.ensure(PLANS.orders)).values()) == {"ORDERS"}
    assert await streams.ensure(PLANS.shipments) == {"order:shipped": "WAREHOUSE"}
    assert (await admin.stream_info("ORDERS")).config.subjects == sorted(ORDERS.subjects)
    await admin.publish("order:shipped", b"shipped")
    shipments = reader(connection, PLANS.shipments, SHIPMENTS_CONSUMER)
    assert bodies(await shipments.fetch(1, LONG)) == [b"shipped"]
    lines = [each.text for each in await check(connection, streams, "payments")]
    assert "stream for order:shipped: WAREHOUSE" in lines
    assert "consumer payments-shipments of stream WAREHOUSE: usable" in lines


async def test_without_a_stream_for_shipments_the_other_events_are_read_on(shop: Shop) -> None:
    async with other_client(f"nats://admin:admin@127.0.0.1:{shop.server.port}") as client:
        jetstream = client.jetstream(timeout=TIMEOUT)
        config = (await jetstream.stream_info("ORDERS")).config
        await jetstream.update_stream(config.evolve(subjects=list(ORDERS.subjects)))
    async with shop.connect() as payments, asyncio.timeout(TIMEOUT):
        await until_connected(payments.connection)
        with pytest.raises(BrokerUnsuitable, match="ORDERS does not store order:shipped, "):
            await payments.shipments.fetch(1, SHORT)
        assert sorted(bodies(await fetch_until(payments.orders, 2))) == [b"1", b"2"]
        [text] = [each for each in await payments.problems() if "order:shipped" in each]
        assert "ORDERS lacks it, and our NATS user may not publish to $JS.API.STREAM" in text
