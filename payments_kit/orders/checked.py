"""CheckedOrders: delivers events as a broker does, and checks what every delivery must keep."""
# ruff: noqa: S101 - it is a part of the tests

import asyncio
from collections.abc import Awaitable
from typing import Final, Generic, TypeVar

from attrs import frozen

from payments_kit.orders.harness import Harness
from payments_kit.orders.samples import PRICE, Message, SamplePayment

MAX_DELIVERIES: Final = 5
"""How often an event is delivered that is not acknowledged."""

HOOK_SECONDS: Final = 30.0
"""How long a hook may take: a service behind a broker needs milliseconds, on a busy machine more.
"""

STATUSES: Final = ("created", "complete", "refunded", "cancelled")

H_co = TypeVar("H_co", bound=Harness, covariant=True)
Result = TypeVar("Result")


@frozen
class CheckedOrders(Generic[H_co]):
    """The service under test; what breaks a promise of every delivery raises AssertionError."""

    harness: H_co

    async def order(self) -> SamplePayment:
        """Create an order, and return a payment of it, of which the service knows nothing."""
        created = self.harness.create_order(PRICE)
        return SamplePayment(str(await within_time("create_order", created)))

    async def cancel(self, order_id: str) -> None:
        """Cancel an order."""
        await within_time("cancel_order", self.harness.cancel_order(order_id))

    async def deliver(self, *messages: Message) -> None:
        """Deliver events, each until it is acknowledged, as it must be."""
        for message in messages:
            is_acknowledged = await self.offer(message)
            assert is_acknowledged, f"{message.subject} was not acknowledged"

    async def offer(self, message: Message) -> bool:
        """Deliver an event until it is acknowledged; return whether it was."""
        for _ in range(MAX_DELIVERIES):
            delivery = self.harness.deliver(message.subject, message.data, message.event_id)
            try:
                if await within_time("deliver", delivery):
                    return True
            except AssertionError:
                raise
            except Exception as error:
                text = f"{message.subject} stopped the service: {type(error).__name__}: {error}"
                raise AssertionError(text) from error
        return False

    async def status(self, order_id: str) -> str:
        """Return the status of an order."""
        status = str(await within_time("status", self.harness.status(order_id)))
        assert status in STATUSES, f"{status!r} is not one of {', '.join(STATUSES)}"
        return status


async def within_time(hook: str, call: Awaitable[Result]) -> Result:
    """Return what a hook returns; raise AssertionError if it does not end."""
    limit = asyncio.timeout(HOOK_SECONDS)
    try:
        async with limit:
            return await call
    except TimeoutError as error:
        if not limit.expired():
            raise
        text = f"`{hook}` did not end within {HOOK_SECONDS:.0f} s"
        raise AssertionError(text) from error
