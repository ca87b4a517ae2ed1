"""The worker reads the subject of the settings, composed as in production."""

import asyncio

from application.ports.event_publisher import BrokerUnavailable
from domain.replica import Shipment
from entrypoints.composition.dead_letters import open_dead_letters
from entrypoints.composition.worker import open_worker
from entrypoints.settings import read_settings
from entrypoints.worker.intake import OrderIntake
from tests.contracts.brokers import TIMEOUT, other_client


async def handled(intake: OrderIntake) -> int:
    """Run once, as soon as the worker has connected; return how many events arrived."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            try:
                return await intake.run_once()
            except BrokerUnavailable:
                await asyncio.sleep(0.05)


async def test_an_event_of_the_chosen_subject_captures(database_url: str, nats_url: str) -> None:
    environment = {
        "DATABASE_URL": database_url,
        "NATS_URL": nats_url,
        "PAYMENT_GATEWAY": "fake",
        "CAPTURE_SUBJECT": "parcel:sent",
    }
    settings = read_settings(environment, http=False)
    async with open_worker(settings) as (worker, _), other_client(nats_url) as shop:
        intake = worker.shipment_intake
        assert intake is not None
        assert await handled(intake) == 0
        body = b'{"id": "order-1", "version": 1, "amount": 300}'
        await shop.jetstream().publish("parcel:sent", body)
        assert await handled(intake) == 1
        found = await worker.use_cases.find_order("order-1")
        assert found.order.replica.shipment == Shipment(version=1, minor_units=300)
        async with open_dead_letters(settings) as letters:
            assert not await letters.list(10)
