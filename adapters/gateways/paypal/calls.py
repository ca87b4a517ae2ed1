"""The time that the requests of one call share, and what a query that fails means."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from adapters.gateways.paypal.errors import RequestRefused
from application.ports.payment_gateway import (
    CALL_SECONDS,
    LOOKUP_SECONDS,
    GatewayUnavailable,
    KeyRefused,
    LookupRefused,
    OutcomeUnknown,
)

Result = TypeVar("Result")

MARGIN_SECONDS: Final = 0.5
"""What the requests of a call leave of its time, for a busy machine."""

TimeLeft = Callable[[], float]
"""Returns how many seconds a call's next request may take."""


def time_left(seconds: float = CALL_SECONDS) -> TimeLeft:
    """Return how much is left of a call that waits for nothing but requests with such timeouts."""
    now = asyncio.get_running_loop().time
    ends_at = now() + seconds - MARGIN_SECONDS
    return lambda: ends_at - now()


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


async def together(queries: Iterable[Coroutine[Any, Any, Result]]) -> list[Result]:
    """Send queries at once; return their results in order.

    Raises:
        Exception: the error of the first query that fails; the others are cancelled.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(query) for query in queries]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]
