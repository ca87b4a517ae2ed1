"""What a gateway adapter is tested with: its test cards, the gateway's own books, and its failures.

`Harness` is what the suite needs; the others are offered where the gateway's test mode allows it.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol

from application.ports.payment_gateway import CardToken, GatewayAdapter
from domain.payment import Payment

Step = Literal["charge", "find", "refund", "find_refund"]
"""The port's method whose request something happens to."""


class Harness(Protocol):
    """A gateway in its test mode, and what its own books say, which the adapter has no part in."""

    @property
    def gateway(self) -> GatewayAdapter:
        """The adapter."""

    @property
    def succeeding_token(self) -> CardToken:
        """A card that is good for any amount, as often as it is used."""

    @property
    def declined_token(self) -> CardToken:
        """A card that is declined."""

    async def charges(self, payment: Payment) -> int:
        """How many charges of this payment have taken money, refunded or not."""

    async def given_back(self, payment: Payment) -> int:
        """How many minor units of this payment have been given back, or are on their way."""


class UnreliableHarness(Harness, Protocol):
    """A gateway whose connection can be made to fail."""

    @property
    def unreachable(self) -> GatewayAdapter:
        """An adapter for which no connection to the gateway opens."""

    def lose_reply(self, step: Step) -> None:
        """Have the next such request done, and its reply lost."""

    def lose_request(self, step: Step) -> None:
        """Have the next such request lost: nothing is done, and no reply comes."""


class FailingHarness(Harness, Protocol):
    """A gateway that can be made to fail, and remembers under the key that it did."""

    def fail(self, step: Step, *, done: bool) -> None:
        """Have the next such request, done or not, answered with an error for ever."""


class AuthenticatingHarness(Harness, Protocol):
    """A gateway that knows cards whose bank wants to see the customer."""

    @property
    def authenticating_token(self) -> CardToken:
        """Such a card."""

    async def authenticate(self, payment: Payment, succeeded: bool) -> None:
        """The customer comes back from the bank."""


MakeHarness = Callable[[Mapping[str, str]], Harness | AbstractAsyncContextManager[Harness]]
"""What `--gateway` names: it gets the environment, and is called once for every test."""


def hooks(harness: type) -> dict[str, str]:
    """What one of these classes itself asks for, by name, in the words of its docstrings."""
    return {
        name: str(member.__doc__)
        for name, member in vars(harness).items()
        if not name.startswith("_")
    }
