"""Whatever error JetStream's API has for any request, we wait, and nothing is lost."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import pytest

from adapters.messaging.jetstream.api import Reply, parse_reply
from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.plans import ORDERS
from application.ports.event_publisher import BrokerUnavailable
from tests.adapters.messaging.test_jetstream import Broker, Shop, send, shop
from tests.contracts.event_publisher import created
from tests.contracts.inbound_events import LONG

__all__ = ["shop"]

Result = TypeVar("Result")

# Of nats-server's server/errors.json; the last ones are of a later version, and no JSON at all.
ERRORS = {
    "no leader": b'{"error": {"code": 503, "err_code": 10008, "description": "unavailable"}}',
    "no room": b'{"error": {"code": 503, "err_code": 10023, "description": "resources"}}',
    "stream gone": b'{"error": {"code": 404, "err_code": 10059, "description": "not found"}}',
    "bad request": b'{"error": {"code": 400, "err_code": 10003, "description": "bad"}}',
    "unknown": b'{"error": {"code": 599, "err_code": 99999, "description": "of tomorrow"}}',
    "an empty error": b'{"error": {}}',
    "unreadable": b"-ERR",
}

# A call fails once here, and perhaps once more to look up again what it used.
ATTEMPTS = 3


class Refusing(JetStreamConnection):
    """A connection on which one request gets an error instead of its reply."""

    error = b""
    left = -1
    """How many requests get their own reply before; negative once it was refused."""

    async def request(self, path: str, reply_type: type[Reply], body: object = None) -> Reply:
        self.left -= 1
        if self.left == -1:
            return parse_reply(self.error, reply_type)
        return await super().request(path, reply_type, body)


@pytest.fixture
async def connection(nats_url: str) -> AsyncIterator[Refusing]:
    async with Refusing(nats_url) as connection:
        yield connection


async def attempted(call: Callable[[], Awaitable[Result]]) -> Result:
    """Call until the broker is available."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await call()
        except BrokerUnavailable:
            pass
    return await call()


async def use(broker: Broker, shop: Shop, number: int) -> None:
    """Use every adapter; each may be unavailable once, and then does all that it should."""
    entry = created(f"payment-{number}")
    await attempted(lambda: broker.streams.ensure(ORDERS))
    await send(shop, b"%d" % number)
    [event] = await attempted(lambda: broker.orders.fetch(10, LONG))
    assert event.data == b"%d" % number
    await event.ack()
    [progress] = await attempted(broker.orders.progress)
    assert progress.last == number
    assert (await attempted(lambda: broker.publisher.publish([entry]))).stored
    assert not await attempted(lambda: broker.letters.list(1))


@pytest.mark.parametrize("error", ERRORS)
async def test_an_error_at_any_request_is_an_outage_that_ends(
    connection: Refusing, shop: Shop, error: str
) -> None:
    connection.error = ERRORS[error]
    runs = 0
    while connection.left < 0:  # the last run had a request that was refused
        connection.left = runs
        runs += 1
        await use(Broker(connection), shop, runs)
    assert runs > 5
