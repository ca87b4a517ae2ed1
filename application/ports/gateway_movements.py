"""What moved on a gateway's balance, with fees and payouts: for settlement and ledger."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar

from attrs import frozen

from application.ports.payment_gateway import (
    GatewayUnavailable,
    LookupRefused,
    OutcomeUnknown,
    PaymentGateway,
)
from domain.movement import Movement, Payout

Listed = TypeVar("Listed")


@frozen
class MovementPage:
    """Some movements, in no particular order."""

    movements: Sequence[Movement]
    next_cursor: str | None = None
    """What to ask for the next page with; None: this is the last one. A page may be empty."""


@frozen
class PayoutPage:
    """Some payouts, in no particular order."""

    payouts: Sequence[Payout]
    next_cursor: str | None = None
    """As of a MovementPage."""


ListMovements = Callable[[datetime, datetime, str | None], Awaitable[MovementPage]]
"""Return a page of the movements that were created in a time, without its end.

All pages together have each of them once, also if others are created meanwhile. It sees every
movement that the gateway has confirmed. A page ends within LOOKUP_SECONDS and has at most some
hundred movements, so that a list of any length needs no more memory than that.

- `amount` less `fee` is what the gateway says that the balance changes by.
- The charge of a refund or a dispute is in `charge_id`, as we know it from the outcome of a charge.
- A movement that is a payout bears its id as `payout_id` and `source`. Others may have none here
  although a payout contains them; `ListPayoutMovements` tells.
- A kind that is not known is OTHER, with the gateway's own word.

Raises:
    OutcomeUnknown: the gateway could not be queried, or its list cannot be read.
"""

ListPayouts = Callable[[datetime, datetime, str | None], Awaitable[PayoutPage]]
"""Return a page of the payouts that were created in a time, without its end.

Raises:
    OutcomeUnknown: as for the movements.
"""

FindPayout = Callable[[str], Awaitable[Payout | None]]
"""Return a payout; None if the gateway has none with this id.

Raises:
    OutcomeUnknown: as for the movements.
"""

ListPayoutMovements = Callable[[str, str | None], Awaitable[MovementPage]]
"""Return a page of the movements that an itemized payout contains, and the payout's own.

All bear its id as `payout_id`. What it contains adds up to its amount.

Raises:
    OutcomeUnknown: as for the movements, or it is not itemized.
"""


@frozen
class GatewayMovements:
    """The balance of one gateway; None for what it cannot tell.

    Promises, checked by payments_kit/conformance/movement_promises.py on every adapter that has
    them. They are optional: an adapter without them keeps working. Only one with `list_movements`
    is in settlement and ledger, and only one that has all three others tells what was paid out.
    """

    list_movements: ListMovements | None = None
    list_payouts: ListPayouts | None = None
    find_payout: FindPayout | None = None
    list_payout_movements: ListPayoutMovements | None = None

    @property
    def has_payouts(self) -> bool:
        """Whether it tells which movements were paid out."""
        methods = (self.list_payouts, self.find_payout, self.list_payout_movements)
        return None not in methods

    @classmethod
    def of(cls, gateway: PaymentGateway) -> "GatewayMovements":
        """Return what a gateway can tell: the methods of these names that it has.

        A method that does anything else than is documented here raises LookupRefused: an adapter
        that was written earlier may have one of these names for its own use.
        """
        return cls(
            list_movements=_checked(gateway, "list_movements", MovementPage),
            list_payouts=_checked(gateway, "list_payouts", PayoutPage),
            find_payout=_checked(gateway, "find_payout", Payout, type(None)),
            list_payout_movements=_checked(gateway, "list_payout_movements", MovementPage),
        )


def _checked(
    gateway: PaymentGateway, name: str, *kinds: type[Listed]
) -> Callable[..., Awaitable[Listed]] | None:
    method = getattr(gateway, name, None)
    if not callable(method):
        return None

    async def checked(*arguments: object) -> Listed:
        try:
            found = await method(*arguments)
        except (OutcomeUnknown, GatewayUnavailable):
            raise
        except Exception as error:
            raise LookupRefused(f"`{name}` raised {type(error).__name__}") from error
        if not isinstance(found, kinds):
            raise LookupRefused(f"`{name}` does not return {kinds[0].__name__}")
        return found

    return checked
