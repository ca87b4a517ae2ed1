"""A gateway's own records of a period, page by page: its charges, refunds and disputes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from attrs import field, frozen

from application.ports.gateway_history import ListedCharge, UnreadableCharge
from application.ports.gateway_notifications import (
    DisputeNotification,
    ExternalRefundNotification,
    RefundNotification,
    UnusableNotification,
)
from application.ports.payment_gateway import (
    LOOKUP_SECONDS,
    GatewayUnavailable,
    LookupRefused,
    OutcomeUnknown,
    PaymentGateway,
)
from domain.identifiers import ChargeId
from domain.outcome import Declined
from domain.payment import Payment

MAX_CURSOR: Final = 500
"""The most characters of a cursor; gateways' own ids and page numbers are much shorter."""

MAX_RECORDS: Final = 1000
"""The most records of a page. Gateways list 100 (Stripe) to 500 (PayPal) in one reply."""

Record = TypeVar("Record")


@frozen
class Period:
    """The time from `since` to `until`, without its end; both have a time zone."""

    since: datetime
    until: datetime


@frozen
class Page(Generic[Record]):
    """Some records of a period; it may be empty, also if others follow."""

    records: Sequence[Record]
    cursor: str | None = None
    """What to ask for the next page with; None if this is the last one."""
    foreign: int = 0
    """How many records of others on the same account were left out."""


@frozen
class FailedCharge:
    """A charge whose money did not come, perhaps after it had been reported to have come."""

    payment: Payment
    """The payment as it was claimed, as the labels of the charge describe it."""
    charge_id: ChargeId
    outcome: Declined


@frozen
class ListedRefund:
    """A refund, as a notification about it would report it; one of a foreign charge, too."""

    notification: RefundNotification | ExternalRefundNotification | UnusableNotification
    """Its id is the same until the state of the refund changes."""
    body: bytes = field(repr=False)
    """The same as the gateway would send it: a later version may understand it."""
    created_at: datetime | None = None
    """When the gateway created it; None if it does not say so."""


@frozen
class ListedDispute:
    """A dispute, as a notification about it would report it; one of a foreign charge, too."""

    notification: DisputeNotification | UnusableNotification
    """Its id is the same until the state of the dispute changes."""
    body: bytes = field(repr=False)
    """As of a refund."""
    created_at: datetime | None = None
    """As of a refund."""


ChargeRecord = ListedCharge | FailedCharge | UnreadableCharge
"""A charge that bears our labels or some of them. One that only waits, for its customer or its
bank, is not a record; nor is an authorization that was released."""

ChargePages = Callable[[Period, str | None], Awaitable[Page[ChargeRecord]]]
RefundPages = Callable[[Period, str | None], Awaitable[Page[ListedRefund]]]
DisputePages = Callable[[Period, str | None], Awaitable[Page[ListedDispute]]]


@frozen
class GatewayRecords:
    """The records of one gateway; None for a list that it does not have.

    Promises, checked by payments_kit/conformance/record_promises.py on every adapter that has
    them. They are optional: an adapter without them keeps working, and is not reconciled.

    - A method returns one page of the records created in a period. Without a cursor it is the first
      one; with the cursor of a page it is the one after that, also in another process and after a
      failure: a page can be asked for again.
    - The pages of a period contain each record that existed when the first page was asked for,
      whatever is created meanwhile. Their order is not defined. A page has at most MAX_RECORDS
      records and a cursor at most MAX_CURSOR characters, so a period of years fits into memory.
    - A record says what the gateway says now, not what it said when it was created.
    - A page ends within LOOKUP_SECONDS, and changes nothing at the gateway.

    Every method raises:
        LookupRefused: the gateway refuses to list them; asking again is useless.
        OutcomeUnknown: it could not be asked, or its reply cannot be read.
    """

    charges: ChargePages | None = None
    refunds: RefundPages | None = None
    disputes: DisputePages | None = None
    delay: timedelta = timedelta(0)
    """How long a record may be missing in these lists after it was created."""

    @classmethod
    def of(cls, gateway: PaymentGateway) -> "GatewayRecords":
        """Return the lists of a gateway, which are optional methods of its adapter.

        They are `charge_records`, `refund_records` and `dispute_records`. Its attribute
        `records_delay` is a timedelta; none means no delay.
        """
        delay = getattr(gateway, "records_delay", None)
        return cls(
            charges=_checked(
                gateway, "charge_records", ListedCharge, FailedCharge, UnreadableCharge
            ),
            refunds=_checked(gateway, "refund_records", ListedRefund),
            disputes=_checked(gateway, "dispute_records", ListedDispute),
            delay=delay if isinstance(delay, timedelta) else timedelta(0),
        )


def _checked(
    gateway: PaymentGateway, name: str, *kinds: type[Record]
) -> Callable[[Period, str | None], Awaitable[Page[Record]]] | None:
    method = getattr(gateway, name, None)
    if not callable(method):
        return None

    async def checked(period: Period, cursor: str | None) -> Page[Record]:
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                page = await method(period, cursor)
        except OutcomeUnknown:
            raise
        except GatewayUnavailable as unavailable:
            raise OutcomeUnknown(str(unavailable)) from unavailable
        except TimeoutError:
            raise OutcomeUnknown(f"`{name}` took more than {LOOKUP_SECONDS:.0f} s") from None
        except Exception as error:
            raise LookupRefused(f"`{name}` raised {type(error).__name__}") from error
        check_page(name, page, cursor, kinds)
        return page  # type: ignore[no-any-return]  # checked above

    return checked


def check_page(name: str, page: object, cursor: str | None, kinds: tuple[type, ...]) -> None:
    """Check what an adapter returns as a page of such records.

    Raises:
        LookupRefused: it is none, or too large, or would be asked for again and again.
    """
    if not isinstance(page, Page) or not all(isinstance(each, kinds) for each in page.records):
        raise LookupRefused(f"`{name}` does not return a page of {kinds[0].__name__}")
    if len(page.records) > MAX_RECORDS:
        raise LookupRefused(f"`{name}` returned {len(page.records)} records at once")
    if page.cursor is None:
        return
    if not 0 < len(page.cursor) <= MAX_CURSOR:
        raise LookupRefused(f"`{name}` returned a cursor that is not a short text")
    if page.cursor == cursor:
        raise LookupRefused(f"`{name}` returned the cursor that it was asked with")
