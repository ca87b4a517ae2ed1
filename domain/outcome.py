"""Outcomes: what a gateway reports about a payment."""

from datetime import datetime
from typing import Final

from attrs import field, frozen

from domain.identifiers import ChargeId
from domain.money import Money

MAX_MESSAGE: Final = 500
"""The most characters of a gateway's words that are kept: a line or two for an operator."""


def bounded(message: str) -> str:
    """Return the message without what is longer than MAX_MESSAGE."""
    return message[:MAX_MESSAGE]


@frozen
class Charged:
    """The gateway captured the money."""

    charge_id: ChargeId
    amount: Money
    livemode: bool
    reference: str | None = None
    """The gateway's identifier of the attempt, if it is not the charge's (Stripe: `pi_…`)."""


@frozen
class Authorized:
    """The gateway holds the money; nothing is captured yet."""

    charge_id: ChargeId
    amount: Money
    livemode: bool
    until: datetime
    """When the gateway releases the money, unless it is captured before."""
    reference: str | None = None
    """As for `Charged`."""


@frozen
class Declined:
    """The gateway or the bank refused the payment; nothing was captured, and nothing will be."""

    code: str
    reference: str | None = None


@frozen
class Refused:
    """The gateway refuses the shop, not the card; nothing was captured, and nothing will be.

    The reason is the account, the configuration or an amount that it does not support. Another
    card does not help; an operator must act.
    """

    code: str
    message: str = field(converter=bounded)
    """The gateway's own words, for operators; they contain no secret and no token."""
    reference: str | None = None


@frozen
class RequiresAction:
    """The customer must act first, such as authenticate at the bank; nothing is captured yet."""

    reference: str
    client_secret: str | None = field(default=None, repr=False)
    """What the gateway's own script in the browser needs; it is sent to the customer and never
    stored. None for a gateway that only redirects."""
    next_action: str = "redirect_to_url"
    """What to do, in the gateway's words: such as `redirect_to_url` or `use_stripe_sdk`."""
    redirect_url: str | None = field(default=None, repr=False)
    """Where to send the customer, or where a voucher is displayed."""


@frozen
class Pending:
    """The gateway has accepted the payment and the money comes later, such as from a bank debit.

    Nothing is captured yet, and nobody has to do anything at the shop. It ends as charged or
    declined.
    """

    reference: str | None = None
    cannot_be_cancelled: bool = False
    """Whether the gateway has just refused to cancel it."""
    action: RequiresAction | None = None
    """How the customer pays, if not at the shop: such as with a voucher, within some days."""


@frozen
class Approved:
    """The customer has approved the payment: the money can be taken now, and is not taken yet.

    `find` reports it of a payment that was charged before its customer approved. The service takes
    the money if the order still may have it, and cancels the payment otherwise.
    """

    reference: str


@frozen
class NeverArrived:
    """The gateway has no record of the payment, and none of our requests can be in flight."""


Outcome = Charged | Authorized | Declined | Refused | RequiresAction | Pending | Approved
"""What a gateway may report. An unknown outcome is not a value: it is raised as an exception."""


@frozen
class NeverSent:
    """We did not send the payment, or the gateway did not accept it: nothing was tried."""


Evidence = Outcome | NeverArrived | NeverSent
"""What a payment can be settled with."""
