"""The customer's bank and wallet: they decide about payments at the fake gateway."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from application.ports.payment_gateway import GatewayUnavailable, OutcomeUnknown
from application.ports.unit_of_work import StorageUnavailable
from entrypoints.settings import read_settings
from payments_kit.demo.orders_service import OrdersService

# A real bank pays a debit after days. Here there is time to look at the page and to act before.
DEBIT_DELAY: Final = timedelta(seconds=8)
# Between two looks at the pending payments.
IDLE_SECONDS: Final = 1.0


class WalletSession(Protocol):
    """What a customer may approve before the shop takes it."""

    @property
    def token(self) -> str:
        """What the order is paid with."""

    @property
    def minor_units(self) -> int:
        """How much will be taken."""

    @property
    def currency(self) -> str:
        """In which currency."""

    @property
    def return_url(self) -> str:
        """Where the customer comes back to who has approved."""

    @property
    def cancel_url(self) -> str:
        """Where the customer comes back to who has not."""

    @property
    def is_open(self) -> bool:
        """Whether it is neither approved nor closed."""


class Bank(Protocol):
    """Decides about payments.

    Its methods raise StorageUnavailable, GatewayUnavailable or OutcomeUnknown if they cannot.
    """

    async def decide(self, payment_id: str, approved: bool, notifies: bool = True) -> None:
        """Approve or decline a payment that waits for the bank or its money.

        Then notify the service; without that, recovery finds the decision.
        """

    async def settle_debit(self, payment_id: str) -> None:
        """Pay a pending debit; a voucher waits for its customer."""

    async def find_session(self, token: str) -> WalletSession | None:
        """Return a session of the fake gateway, or None if there is none."""

    async def approve(self, token: str) -> bool:
        """Approve a session; return whether it is approved now."""


@asynccontextmanager
async def open_bank(environment: Mapping[str, str]) -> AsyncIterator[Bank]:
    """Open the bank of the fake gateway of these processes."""
    from entrypoints.composition.demo import open_bank as open_at_gateway

    async with open_at_gateway(read_settings(environment)) as bank:
        yield bank


async def settle_debits(bank: Bank, orders: OrdersService) -> None:
    """Pay each pending debit after DEBIT_DELAY, until cancelled."""
    done: set[str] = set()
    while True:
        latest = datetime.now(UTC) - DEBIT_DELAY
        for payment_id, at in orders.projection.pending_payments().items():
            if at <= latest and payment_id not in done and await _settle(bank, payment_id):
                done.add(payment_id)
        await asyncio.sleep(IDLE_SECONDS)


async def _settle(bank: Bank, payment_id: str) -> bool:
    try:
        await bank.settle_debit(payment_id)
    except (StorageUnavailable, GatewayUnavailable, OutcomeUnknown):
        return False  # it is tried again
    return True
