"""The double, running: inside the test's own event loop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from attrs import frozen

from .app import Double
from .faults import Faults
from .ledger import Ledger
from .webhooks import Webhooks

# A held connection would else keep the server from closing for a minute.
CLOSE_WITHIN = 0.2


@frozen
class RunningDouble:
    """Its address, and a handle on everything that the control API reaches."""

    url: str
    double: Double

    @property
    def ledger(self) -> Ledger:
        return self.double.ledger

    @property
    def faults(self) -> Faults:
        return self.double.faults

    @property
    def webhooks(self) -> Webhooks:
        return self.double.webhooks


@asynccontextmanager
async def running_stripe_double(
    double: Double | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[RunningDouble]:
    """A double on a free loopback port, until the block ends."""
    double = double or Double()
    runner = web.AppRunner(
        double.application(), access_log=None, shutdown_timeout=CLOSE_WITHIN, handle_signals=False
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        address = runner.addresses[0]
        yield RunningDouble(f"http://{address[0]}:{address[1]}", double)
    finally:
        await runner.cleanup()
