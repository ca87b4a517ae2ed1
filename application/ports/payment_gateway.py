"""The one who takes the money: a payment gateway, in our words and not a vendor's."""

from typing import Final, Protocol

from attrs import field, frozen

from domain.payment import Outcome, Payment
from domain.refund import Refund, RefundOutcome

CALL_SECONDS: Final = 15.0
"""How long one call may take. Banks answer within some seconds, and a customer waits no longer; the
leases in domain/payment.py and domain/refund.py are reckoned from it."""


@frozen
class CardToken:
    """What the customer's browser got from the gateway in exchange for a card. It is kept nowhere."""

    value: str = field(repr=False)

    def __str__(self) -> str:
        return "<card token>"


class OutcomeUnknown(Exception):
    """We do not know what the gateway did: a timeout, a reset, a 5xx, an error nobody recognises.

    Its text goes into logs: it names no secret, no token and nothing of the customer.
    """


class GatewayUnavailable(Exception):
    """Surely nothing was done: no connection was ever opened, or the gateway refused to look at it.

    Its text goes into logs: it names no secret, no token and nothing of the customer.
    """


class PaymentGateway(Protocol):
    """Takes money and gives it back.

    Promises, checked by payments_conformance/promises.py on every adapter:

    - The payment's id is the idempotency key of its charge and the refund's `key` of its refund:
      however often the same request is sent, money moves once.
    - Every call ends within CALL_SECONDS, by an answer or by one of the two exceptions.
    - An answer is final evidence. Whatever is not surely understood is `OutcomeUnknown`;
      `GatewayUnavailable` is raised only where surely nothing was done.
    - Nothing is retried inside a call where that could move money again.
    """

    @property
    def name(self) -> str:
        """What the gateway is called in tables and events, such as `stripe`."""

    @property
    def livemode(self) -> bool:
        """Whether it moves real money."""

    async def charge(self, payment: Payment, token: CardToken) -> Outcome:
        """Take the payment's amount from the card, at most once.

        Raises:
            OutcomeUnknown: the money may or may not have been taken.
            GatewayUnavailable: nothing was taken, and nothing will be.
        """

    async def find(self, payment: Payment) -> Outcome | None:
        """Say what became of a payment; None if there is no trace of it.

        It reads after every write that was answered. An attempt that only waits for another card
        counts as declined, and is closed so that nothing can be taken for it any more.

        Raises:
            OutcomeUnknown: it is still being worked on, or the gateway could not be asked.
        """

    async def cancel(self, payment: Payment) -> Outcome | None:
        """Call off a payment that waits for its customer; what `find` would say afterwards.

        A payment that was charged meanwhile stays charged and is reported so.

        Raises:
            OutcomeUnknown: as with `find`.
        """

    async def refund(self, payment: Payment, refund: Refund) -> RefundOutcome:
        """Give the refund's amount back, at most once for each `refund.key`.

        Raises:
            OutcomeUnknown: the money may or may not be on its way back.
            GatewayUnavailable: nothing was done.
        """

    async def find_refund(self, payment: Payment, refund: Refund) -> RefundOutcome | None:
        """Say what became of a refund; None if there is no trace of it.

        It is found by its `reference` where that is known, whoever began it, else by its `key`.

        Raises:
            OutcomeUnknown: the gateway could not be asked.
        """


class GatewayAdapter(PaymentGateway, Protocol):
    """A gateway with what only the process that owns it uses."""

    async def check(self) -> None:
        """Show that the gateway is there and takes our key; in a few seconds, and moving nothing.

        Raises:
            OutcomeUnknown, GatewayUnavailable: it is not, or does not; in one line.
        """

    async def close(self) -> None:
        """Close the connections; closing twice does no harm."""
