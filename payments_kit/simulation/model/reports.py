"""Reports: what gateways and clients tell besides the books, as plain data."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from payments_kit.simulation.model.amounts import Amount


class GivenBack(NamedTuple):
    """A refund that the gateway completed."""

    charge_id: str
    amount: Amount
    refund_id: str | None = None
    """Our refund that its label names; None for an external refund."""


class GatewayDispute(NamedTuple):
    """A dispute as the gateway has it; its bank may decide it several times."""

    id: str
    charge_id: str
    amount: Amount
    reason: str
    states: tuple[str, ...]
    """Those that it has had: `open`, `prevented`, `lost`, `won`."""
    due_by: datetime | None = None
    """Until when evidence is awaited, as it was reported."""
    is_told: bool = True
    """Whether the service has confirmed the report of its first state, while others may fail."""
    opened_at: datetime | None = None

    @property
    def status(self) -> str:
        """The last state."""
        return self.states[-1]


class ConfirmedReport(NamedTuple):
    """A gateway's report about a charge that the service has confirmed."""

    gateway: str
    charge_id: str
    dispute_id: str | None = None
    status: str = ""
    """The state of the dispute."""
    reference: str | None = None
    """The gateway's name for a refund of others."""


class Reply(NamedTuple):
    """A reply to a customer: to a payment, to a cancellation, or to a read."""

    status: int
    payment_id: str | None
    user_id: str | None = None
    request: str = "pay"
    """`pay`, `cancel`, `read`, or an operator's `capture`, `void` or `review`."""
    order_id: str | None = None
    """The order that the request named."""
    body: Mapping[str, Any] | None = None
    """The payment in the body, if it is known."""
    started: tuple[str, ...] = ()
    """The payments that the request may have started, which the customer does not see."""
    code: str | None = None
    """The code of the first error."""
    key: str | None = None
    """The idempotency key of the request."""
    wanted: object = None
    """What distinguishes the request from others with its key."""
    asked_at: datetime | None = None
    at: datetime | None = None
    earlier: int | None = None
    """How many replies of the history came before it was asked."""


class Attempt(NamedTuple):
    """A request to pay, answered or not, with what it is counted under if its card is declined."""

    sources: tuple[str, ...]
    """Such as `user:42` and `address:a`."""
    asked_at: datetime
    status: int | None = None
    """None: no reply came."""
    replied_at: datetime | None = None
    started: tuple[str, ...] = ()
    """The payments that the request may have started, as far as it was answered."""
    declined: str | None = None
    """The payment that a reply of 402 names."""
    code: str | None = None
    """Why it has failed, as the reply says."""


class DeclineLimits(NamedTuple):
    """How many declined cards are allowed within a time."""

    window: timedelta
    most: Mapping[str, int]
    """By kind of source."""
    counts_all: bool = True
    """Whether the database can never fail, so that each decline is counted."""


class Hold(NamedTuple):
    """Money that the gateway has held, and what became of it."""

    charge_id: str
    payment_id: str
    end: str
    """`held` still, `captured`, `released` or `expired`."""
    until: datetime | None = None
    """When it ends, or has ended, if nobody captures or releases it."""
