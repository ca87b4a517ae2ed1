"""What a query to PayPal that fails means."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.gateways.calls import TimeLeft, time_left
from adapters.gateways.paypal.errors import RequestRefused
from application.ports.payment_gateway import (
    LOOKUP_SECONDS,
    GatewayUnavailable,
    KeyRefused,
    LookupRefused,
    OutcomeUnknown,
)


@asynccontextmanager
async def querying(seconds: float = LOOKUP_SECONDS) -> AsyncIterator[TimeLeft]:
    """Limit the time of a query, which changes nothing; yield how much of it is left.

    Raises:
        LookupRefused: PayPal refuses it, so that it is useless to ask again.
        OutcomeUnknown: the query fails in any other way.
    """
    try:
        async with asyncio.timeout(seconds):
            yield time_left(seconds)
    except TimeoutError:
        raise OutcomeUnknown("PayPal did not reply in time") from None
    except (RequestRefused, KeyRefused) as refused:
        raise LookupRefused(str(refused)) from None
    except GatewayUnavailable as error:
        raise OutcomeUnknown(str(error)) from None
