"""The interface of a harness: an adapter in its gateway's test mode, and hooks that control it.

Every harness implements `Harness`; the others only if the gateway's test mode allows it.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Literal, Protocol

from application.ports.payment_gateway import CardToken, GatewayAdapter
from domain.payment import Payment

Step = Literal["charge", "find", "refund", "find_refund"]
"""The method of the port whose request a fault applies to."""


class Harness(Protocol):
    """An adapter in test mode, and the gateway's own records, read without the adapter."""

    @property
    def gateway(self) -> GatewayAdapter:
        """The adapter."""

    @property
    def succeeding_token(self) -> CardToken:
        """A card that can be charged any amount, any number of times."""

    @property
    def declined_token(self) -> CardToken:
        """A card that is always declined."""

    async def charge_count(self, payment: Payment) -> int:
        """How many charges of this payment captured money, refunded or not."""

    async def refunded_amount(self, payment: Payment) -> int:
        """How many minor units of this payment are refunded, pending refunds included."""


class UnreliableHarness(Harness, Protocol):
    """A gateway whose connection can be made to fail."""

    @property
    def unreachable(self) -> GatewayAdapter:
        """An adapter that cannot connect to the gateway."""

    def lose_reply(self, step: Step) -> None:
        """Let the next such request be executed, and its reply be lost."""

    def lose_request(self, step: Step) -> None:
        """Let the next such request be lost: it is not executed, and there is no reply."""


class FailingHarness(Harness, Protocol):
    """A gateway that can be made to fail, and stores the failure under the idempotency key."""

    def fail(self, step: Step, *, executed: bool) -> None:
        """Let the next such request, executed or not, get an error that is repeated for its key."""


class RefusingHarness(Harness, Protocol):
    """A gateway that can be made to refuse the shop: its account, configuration or amounts."""

    def refuse(self) -> None:
        """Let the gateway refuse the next charge for a reason that no card can change."""


class RefundListingHarness(Harness, Protocol):
    """An adapter with `list_refunds`, at a gateway that others use as well."""

    async def refund_externally(self, payment: Payment, minor_units: int) -> str:
        """Refund so much of a payment without the adapter, as in the gateway's dashboard.

        Returns the gateway's identifier of the refund.
        """


class ChargeListingHarness(Harness, Protocol):
    """An adapter with `list_charges`."""

    def gateway_time(self) -> datetime:
        """Return the gateway's current time, or a little earlier."""


class AuthenticatingHarness(Harness, Protocol):
    """A gateway with cards that require authentication."""

    @property
    def authenticating_token(self) -> CardToken:
        """A card whose bank requires authentication."""

    async def authenticate(self, payment: Payment, succeeded: bool) -> None:
        """End the customer's authentication."""


class PendingHarness(Harness, Protocol):
    """A gateway with payments whose money comes later, such as bank debits."""

    @property
    def pending_token(self) -> CardToken:
        """A bank account, or another method whose money comes later."""

    async def finish_pending(self, payment: Payment, succeeded: bool) -> None:
        """Let the money of a pending payment come, or fail to come."""


class PendingListHarness(PendingHarness, ChargeListingHarness, Protocol):
    """Such a gateway whose adapter has `list_charges`."""

    @property
    def pending_token(self) -> CardToken:
        """A bank account, or another method whose money comes later."""

    def gateway_time(self) -> datetime:
        """Return the gateway's current time, or a little earlier."""


MakeHarness = Callable[[Mapping[str, str]], Harness | AbstractAsyncContextManager[Harness]]
"""The function that `--gateway` names: it receives the environment, once for every test."""


def hooks(harness: type) -> dict[str, str]:
    """Return the hooks that one of these classes adds, with their docstrings."""
    return {
        name: str(member.__doc__)
        for name, member in vars(harness).items()
        if not name.startswith("_")
    }
