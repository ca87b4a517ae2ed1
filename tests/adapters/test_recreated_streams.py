"""The stream of order events is deleted and created again under workers that live on."""

import asyncio

from nats.js import JetStreamContext

from adapters.messaging.jetstream.check import check
from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.streams import Streams
from application.ports.alerts import AlertKind
from domain.replica import OrderStatus
from tests.adapters.test_alignment import Worker, connection, create, shop, worker
from tests.contracts.inbound_events import LONG, fetch_until

__all__ = ["connection", "shop", "worker"]


async def recreate(shop: JetStreamContext) -> None:
    """Delete the stream and create it again, as a person does who wants it to be empty."""
    config = (await shop.stream_info("ORDERS")).config
    await shop.delete_stream("ORDERS")
    await shop.add_stream(config)


async def test_what_was_sent_to_the_new_stream_is_applied_although_its_numbers_are_the_old_ones(
    worker: Worker, shop: JetStreamContext
) -> None:
    await create(shop, 1, 2, 3)
    await worker.run_until_idle()
    await create(shop, 4, 5, 6)
    delivered = await fetch_until(worker.events, 3)  # a process that is about to apply them
    await recreate(shop)
    await create(shop, 7, 8, 9)
    for event in delivered:
        await event.ack()
    worker.intake.alignment.request()  # it is due every five seconds
    await worker.run_until_idle()
    assert {"order-7", "order-8", "order-9"} <= (await worker.orders()).keys()
    # What nobody has applied is gone with the stream; only who has sent it can send it again.
    [alert] = await worker.alerts.alerts.list_current()
    assert (alert.kind, alert.subject) == (AlertKind.STREAM_RECREATED, "ORDERS/payments")
    assert "these books end at 3 (" in alert.text


async def test_a_worker_that_waits_for_events_reads_the_new_stream(
    worker: Worker, shop: JetStreamContext, connection: JetStreamConnection
) -> None:
    waiting = asyncio.create_task(worker.events.fetch(10, LONG * 2))
    await is_waiting(shop)
    await recreate(shop)
    async with asyncio.timeout(LONG.total_seconds()):
        assert not await waiting
    await create(shop, 1)
    await worker.run_until_idle()
    assert await worker.orders() == {"order-1": OrderStatus.CREATED}
    results = await check(connection, Streams(connection), "payments")
    assert all(result.ok for result in results), results


async def is_waiting(shop: JetStreamContext) -> None:
    """Wait until a worker waits for events."""
    async with asyncio.timeout(LONG.total_seconds()):
        while not (await shop.consumer_info("ORDERS", "payments")).num_waiting:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
