"""The consumer of the events of the payments service."""

from nats.errors import TimeoutError as NoMessages
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig

from payments_kit.orders.events import SUBJECTS
from ticketshop.orders import Orders

STREAM, DURABLE = "PAYMENTS", "ticketshop"


async def consume(jetstream: JetStreamContext, orders: Orders) -> None:
    """Receive events until the task is cancelled."""
    config = ConsumerConfig(durable_name=DURABLE, filter_subjects=list(SUBJECTS))
    await jetstream.add_consumer(STREAM, config)
    subscription = await jetstream.pull_subscribe_bind(DURABLE, STREAM)
    while True:
        try:
            messages = await subscription.fetch(100, timeout=5)
        except NoMessages:
            continue
        for message in messages:
            orders.receive(message.subject, message.data)
            # After the commit: a crash before it delivers the event again, which changes nothing.
            await message.ack()
