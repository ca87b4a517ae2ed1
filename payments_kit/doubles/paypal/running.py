"""The double as an HTTP server in the current event loop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from attrs import frozen

from payments_kit.doubles.faults import Faults
from payments_kit.doubles.paypal.app import application
from payments_kit.doubles.paypal.double import Double
from payments_kit.doubles.paypal.ledger import Ledger
from payments_kit.doubles.paypal.webhooks import Webhooks
from payments_kit.doubles.serving import serving


@frozen
class RunningDouble:
    """A double that is listening."""

    url: str
    double: Double

    @property
    def ledger(self) -> Ledger:
        """Its objects."""
        return self.double.ledger

    @property
    def faults(self) -> Faults:
        """The faults of its next requests."""
        return self.double.faults

    @property
    def webhooks(self) -> Webhooks:
        """Its webhook endpoints and deliveries."""
        return self.double.webhooks


@asynccontextmanager
async def running_paypal_double(
    double: Double | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[RunningDouble]:
    """Serve a double until the block ends; port 0 is any free port."""
    double = double or Double()
    async with serving(application(double), host=host, port=port) as url:
        double.ledger.address = double.webhooks.address = url
        yield RunningDouble(url, double)
