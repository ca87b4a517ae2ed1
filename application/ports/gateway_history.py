"""What a gateway can list: its own record of what happened, which our books are compared with."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar

from attrs import field, frozen

from application.ports.gateway_notifications import Notification
from application.ports.payment_gateway import (
    GatewayUnavailable,
    LookupRefused,
    OutcomeUnknown,
    PaymentGateway,
)
from domain.money import Money
from domain.outcome import Authorized, Charged, Pending
from domain.payment import Payment
from domain.refund import ReportedRefund

MAX_LISTED: Final = 1000
"""The most charges that one list contains. Stripe returns 100 in some 0.3 s, so that such a list
takes a few seconds of the 15 s that a call may take."""

Listed = TypeVar("Listed")


class TooManyCharges(OutcomeUnknown):
    """The gateway created more than MAX_LISTED charges in this time; ask for less of it."""


@frozen
class ListedCharge:
    """A charge, as the gateway lists it: captured, authorized, or waiting for its money."""

    payment: Payment
    """The payment as it was claimed, as the labels of the charge describe it."""
    outcome: Charged | Authorized | Pending
    refunded: Money
    """How much of it was refunded by now, by anybody."""


@frozen
class UnreadableCharge:
    """A charge that may be ours, and whose labels or amounts do not describe it completely."""

    notification: Notification
    """What a notification about it would say; a charge that is not ours is not listed."""
    body: bytes = field(repr=False)
    """The same as the gateway would send it: a later version may understand it."""
    created_at: datetime | None = None
    """When the gateway created it; None if it does not say so."""


ListRefunds = Callable[[Payment], Awaitable[Sequence[ReportedRefund]]]
"""Return all refunds of a payment's charge, no matter who has started them.

It sees every refund that the gateway has confirmed.

Raises:
    OutcomeUnknown: the gateway could not be queried, or its list cannot be read.
"""

ListCharges = Callable[[datetime, datetime], Awaitable[Sequence[ListedCharge | UnreadableCharge]]]
"""Return the captured, authorized and pending charges of a time, without its end.

The oldest comes first: if one payment was charged twice, that is the one that was reported first.

It sees every charge that the gateway has confirmed, and returns those that bear our labels, or some
of them.

Raises:
    TooManyCharges: there are more than MAX_LISTED.
    OutcomeUnknown: the gateway could not be queried, or its list cannot be read.
"""


@frozen
class GatewayHistory:
    """The lists of one gateway; None for a list that it does not have.

    Promises, checked by payments_kit/conformance/history_promises.py on every adapter that has
    them. They are optional: an adapter written before they existed keeps working without.
    """

    list_refunds: ListRefunds | None = None
    list_charges: ListCharges | None = None

    @classmethod
    def of(cls, gateway: PaymentGateway) -> "GatewayHistory":
        """Return the lists of a gateway: the methods of these names that it has.

        A method that does anything else than is documented here raises LookupRefused: an adapter
        that was written earlier may have one of these names for its own use.
        """
        return cls(
            list_refunds=_checked(gateway, "list_refunds", ReportedRefund),
            list_charges=_checked(gateway, "list_charges", ListedCharge, UnreadableCharge),
        )


def _checked(
    gateway: PaymentGateway, name: str, *kinds: type[Listed]
) -> Callable[..., Awaitable[Sequence[Listed]]] | None:
    method = getattr(gateway, name, None)
    if not callable(method):
        return None

    async def checked(*arguments: object) -> Sequence[Listed]:
        try:
            listed = list(await method(*arguments))
        except (OutcomeUnknown, GatewayUnavailable):
            raise
        except Exception as error:
            raise LookupRefused(f"`{name}` raised {type(error).__name__}") from error
        if not all(isinstance(each, kinds) for each in listed):
            raise LookupRefused(f"`{name}` does not return {kinds[0].__name__}")
        return listed

    return checked
