"""What moved on a gateway's balance, with fees and payouts: for settlement and ledger."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from attrs import frozen

from application.ports.gateway_records import Page, Period, check_page
from application.ports.payment_gateway import (
    GatewayUnavailable,
    LookupRefused,
    OutcomeUnknown,
    PaymentGateway,
)
from domain.movement import Movement, Payout

Listed = TypeVar("Listed")


ListMovements = Callable[[Period, str | None], Awaitable[Page[Movement]]]
"""Return a page of the movements that were created in a period; see gateway_records.py for pages.

All pages together have each of them once, also if others are created meanwhile. It sees every
movement that the gateway has confirmed.

- It is in one of two periods that meet, by its `created_at`, also if they meet within a second.
- `amount` less `fee` is what the gateway says that the balance changes by.
- The charge of a refund or a dispute is in `charge_id`, as we know it from the outcome of a charge.
- A movement that is a payout bears its id as `payout_id` and `source`. Others may have none here
  although a payout contains them; `ListPayoutMovements` tells.
- A kind that is not known is OTHER, with the gateway's own word.

Raises:
    OutcomeUnknown: the gateway could not be queried, or its list cannot be read.
"""

ListPayouts = Callable[[Period, str | None], Awaitable[Page[Payout]]]
"""Return a page of the payouts that were created in a period.

Raises:
    OutcomeUnknown: as for the movements.
"""

FindPayout = Callable[[str], Awaitable[Payout | None]]
"""Return a payout; None if the gateway has none with this id.

Raises:
    OutcomeUnknown: as for the movements.
"""

ListPayoutMovements = Callable[[str, str | None], Awaitable[Page[Movement]]]
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
            list_movements=_pages(gateway, "list_movements", Movement),
            list_payouts=_pages(gateway, "list_payouts", Payout),
            find_payout=_found(gateway, "find_payout"),
            list_payout_movements=_pages(gateway, "list_payout_movements", Movement),
        )


def _pages(
    gateway: PaymentGateway, name: str, kind: type[Listed]
) -> Callable[[Any, str | None], Awaitable[Page[Listed]]] | None:
    method = getattr(gateway, name, None)
    if not callable(method):
        return None

    async def checked(asked: object, cursor: str | None) -> Page[Listed]:
        page = await _called(name, method(asked, cursor))
        check_page(name, page, cursor, (kind,))
        return page  # type: ignore[no-any-return]  # checked above

    return checked


def _found(gateway: PaymentGateway, name: str) -> FindPayout | None:
    method = getattr(gateway, name, None)
    if not callable(method):
        return None

    async def checked(payout_id: str) -> Payout | None:
        found = await _called(name, method(payout_id))
        if found is not None and not isinstance(found, Payout):
            raise LookupRefused(f"`{name}` does not return a Payout")
        return found

    return checked


async def _called(name: str, call: Awaitable[Any]) -> Any:
    try:
        return await call
    except OutcomeUnknown:
        raise
    except GatewayUnavailable as unavailable:
        raise OutcomeUnknown(str(unavailable)) from unavailable
    except Exception as error:
        raise LookupRefused(f"`{name}` raised {type(error).__name__}") from error
