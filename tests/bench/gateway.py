"""A gateway inside the process: PAYMENT_GATEWAY=tests.bench.gateway:make.

It approves every charge, after BENCH_GATEWAY_SECONDS, and keeps no records.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from attrs import frozen

from application.ports.payment_gateway import CardToken, GatewayAdapter, OutcomeUnknown
from domain.identifiers import ChargeId
from domain.outcome import Charged, Outcome
from domain.payment import Payment
from domain.refund import Refund, RefundOutcome

SECONDS: Final = "BENCH_GATEWAY_SECONDS"
REFERENCE: Final = "tests.bench.gateway:make"


@frozen
class ApprovingGateway:
    """Approves every charge; the benchmark needs nothing else."""

    seconds: float
    name: str = "bench"
    livemode: bool = False

    async def charge(self, payment: Payment, token: CardToken) -> Outcome:
        if self.seconds:
            await asyncio.sleep(self.seconds)
        return Charged(ChargeId(f"ch_{payment.id}"), payment.amount, self.livemode)

    async def find(self, payment: Payment) -> Outcome | None:
        raise OutcomeUnknown("this gateway keeps no records")

    async def cancel(self, payment: Payment) -> Outcome | None:
        raise OutcomeUnknown("this gateway keeps no records")

    async def refund(self, payment: Payment, refund: Refund) -> RefundOutcome:
        raise OutcomeUnknown("this gateway keeps no records")

    async def find_refund(self, payment: Payment, refund: Refund) -> RefundOutcome | None:
        raise OutcomeUnknown("this gateway keeps no records")

    async def check(self) -> None:
        """Accept."""

    async def close(self) -> None:
        """Do nothing: there is no connection."""


def make(environment: Mapping[str, str]) -> GatewayAdapter:
    """Make the gateway."""
    return ApprovingGateway(float(environment.get(SECONDS, "0")))
