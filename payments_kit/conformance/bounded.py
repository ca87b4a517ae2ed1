"""An adapter held to what every call of the port promises: an end in time, and no third exception."""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

from attrs import frozen

from application.ports.payment_gateway import (
    CALL_SECONDS,
    CardToken,
    GatewayAdapter,
    GatewayUnavailable,
    OutcomeUnknown,
)
from domain.outcome import Outcome
from domain.payment import Payment
from domain.refund import Refund, RefundOutcome

Answer = TypeVar("Answer")

MAX_CALL: Final = CALL_SECONDS + 2.0
"""What the port promises, and 2 s for a busy machine to notice that they are over."""


@frozen
class BoundedGateway:
    """The adapter itself, but for calls that break these promises: they are an AssertionError."""

    _gateway: GatewayAdapter
    _seconds: float = MAX_CALL

    @property
    def name(self) -> str:
        """The adapter's."""
        return self._gateway.name

    @property
    def livemode(self) -> bool:
        """The adapter's."""
        return self._gateway.livemode

    async def charge(self, payment: Payment, token: CardToken) -> Outcome:
        """Call the adapter's."""
        return await self._held("charge", self._gateway.charge(payment, token))

    async def find(self, payment: Payment) -> Outcome | None:
        """Call the adapter's."""
        return await self._held("find", self._gateway.find(payment))

    async def cancel(self, payment: Payment) -> Outcome | None:
        """Call the adapter's."""
        return await self._held("cancel", self._gateway.cancel(payment))

    async def refund(self, payment: Payment, refund: Refund) -> RefundOutcome:
        """Call the adapter's."""
        return await self._held("refund", self._gateway.refund(payment, refund))

    async def find_refund(self, payment: Payment, refund: Refund) -> RefundOutcome | None:
        """Call the adapter's."""
        return await self._held("find_refund", self._gateway.find_refund(payment, refund))

    async def check(self) -> None:
        """Call the adapter's."""
        await self._held("check", self._gateway.check())

    async def close(self) -> None:
        """Call the adapter's."""
        await self._held("close", self._gateway.close())

    async def _held(self, method: str, call: Awaitable[Answer]) -> Answer:
        __tracebackhide__ = True
        limit = asyncio.timeout(self._seconds)
        try:
            async with limit:
                return await call
        except (OutcomeUnknown, GatewayUnavailable):
            raise
        except Exception as error:
            if limit.expired():
                did, promise = "never ended", "every call ends within 15 s"
            else:
                did = f"raised {type(error).__name__}"
                promise = "whatever is not surely understood is OutcomeUnknown"
            raise AssertionError(f"`{method}` {did}: {promise}") from error


class BoundedHarness:
    """A harness whose adapters are held to these promises; all else is the harness's own."""

    def __init__(self, harness: object) -> None:
        self._harness = harness

    def __getattr__(self, name: str) -> object:
        value = getattr(self._harness, name)
        return BoundedGateway(value) if name in ("gateway", "unreachable") else value
