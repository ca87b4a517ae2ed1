"""The promises of the lag of inbound events."""

from datetime import timedelta

from adapters.messaging.jetstream.plans import SHIPMENTS_CONSUMER
from tests.contracts.brokers import Broker


class InboundLagContract:
    """The promises of application/ports/inbound_lag.py."""

    async def test_without_a_consumer_there_is_none_and_none_is_created(
        self, broker: Broker
    ) -> None:
        assert await broker.lag.read() == []
        assert await broker.lag.read() == []

    async def test_what_was_not_ended_waits_or_is_delivered(self, broker: Broker) -> None:
        subscription = await broker.send_orders(b"1", b"2", b"3")
        first, *_ = await subscription.fetch(1, timedelta(seconds=60))
        [lag] = await broker.lag.read()
        assert (lag.consumer, lag.waiting + lag.delivered) == ("payments", 3)
        assert lag.delivered >= 1
        await first.ack()
        rest = await subscription.fetch(10, timedelta(seconds=60))
        while len(rest) < 2:
            rest = [*rest, *await subscription.fetch(10, timedelta(seconds=60))]
        for each in rest:
            await each.ack()
        while (await broker.lag.read())[0].delivered:
            await broker.let_pass(timedelta(milliseconds=10))
        [lag] = await broker.lag.read()
        assert (lag.waiting, lag.delivered) == (0, 0)

    async def test_each_consumer_has_a_lag_of_its_own(self, broker: Broker) -> None:
        shipments, shortly = broker.subscribe_to_shipments(), timedelta(seconds=0.1)
        assert not await shipments.fetch(1, shortly)
        orders = await broker.send_orders(b"1", b"2")
        assert await orders.fetch(1, timedelta(seconds=60))
        await broker.send("order:shipped", b"3", {})
        lags = {each.consumer: each.waiting + each.delivered for each in await broker.lag.read()}
        assert lags == {"payments": 2, SHIPMENTS_CONSUMER: 1}
