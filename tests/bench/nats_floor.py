"""The floors of events: nats-py alone, in a process of its own.

`python -m tests.bench.nats_floor URL pull|publish COUNT` prints seconds and CPU seconds as JSON.
"""

import asyncio
import json
import sys
import time
from typing import Final

import nats
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamConfig

# As many as the service's worker fetches and publishes at once.
BATCH: Final = 256

STREAM: Final = "FLOOR"
SUBJECT: Final = "floor"

# About what `payment:created` has.
_MESSAGE: Final = b"x" * 250
_SECONDS: Final = 60.0


async def pull(stream: JetStreamContext, count: int) -> None:
    """Fetch and acknowledge the events of orders, a batch at a time."""
    config = ConsumerConfig(
        ack_policy=AckPolicy.EXPLICIT, deliver_policy=DeliverPolicy.ALL, max_ack_pending=4 * BATCH
    )
    subscription = await stream.pull_subscribe("order:created", stream="ORDERS", config=config)
    while count > 0:
        for message in await subscription.fetch(min(count, BATCH), _SECONDS):
            await message.ack()
            count -= 1


async def publish(stream: JetStreamContext, count: int) -> None:
    """Publish messages with at most BATCH unconfirmed."""
    started = time.time_ns()
    for first in range(0, count, BATCH):
        waiting = [
            await stream.publish_async(
                SUBJECT, _MESSAGE, headers={"Nats-Msg-Id": f"{started}-{number}"}
            )
            for number in range(first, min(count, first + BATCH))
        ]
        await asyncio.wait_for(asyncio.gather(*waiting), _SECONDS)


async def main(url: str, kind: str, count: int) -> dict[str, float]:
    """Do one kind of work so often."""
    client = await nats.connect(url)
    stream = client.jetstream()
    if kind == "publish":
        await stream.add_stream(StreamConfig(STREAM, subjects=[SUBJECT]))
    cpu, started = time.process_time(), time.perf_counter()
    await (pull if kind == "pull" else publish)(stream, count)
    used = {"seconds": time.perf_counter() - started, "cpu": time.process_time() - cpu}
    await client.close()
    return used


if __name__ == "__main__":
    url, kind, count = sys.argv[1:]
    json.dump(asyncio.run(main(url, kind, int(count))), sys.stdout)
