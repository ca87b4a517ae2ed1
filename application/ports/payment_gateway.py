"""A payment gateway, in our own terms instead of a vendor's."""

from typing import Final, Protocol

from attrs import field, frozen

from domain.check_times import LONGEST_CALL
from domain.outcome import Outcome
from domain.payment import Payment
from domain.refund import Refund, RefundOutcome

CALL_SECONDS: Final = LONGEST_CALL.total_seconds()
"""How long a charge or a refund may take; the leases in domain/ are derived from it."""

LOOKUP_SECONDS: Final = 25.0
"""How long a look-up may take. Nobody waits for it, and a gateway that needs 10 s for each answer
must still be understood: `find` may ask twice. It is less than the 30 s within which the outcome is
to be found once the gateway answers again, because a look-up may start just before that."""

MAX_KEY_LENGTH: Final = 64
"""The most characters of an idempotency key: a payment's id, a refund's key, or a capture's.

They are of [A-Za-z0-9_:-]. The longest ones have 56 today: the id of a payment (36), `-back-` with
a number, a part of a hash of the charge and the amount, and the number of the attempt. An adapter
of a gateway that accepts less sends a hash of the key."""


@frozen
class CardToken:
    """What the customer's browser received from the gateway to pay with; never stored.

    That is the token of a card, or of any other method that the gateway has.
    """

    value: str = field(repr=False)
    return_url: str | None = field(default=None, repr=False)
    """Where a method that redirects the customer comes back to; None: it may not redirect."""

    def __str__(self) -> str:
        return "<card token>"


class OutcomeUnknown(Exception):
    """We do not know what the gateway did: a timeout, a reset, a 5xx, an unrecognized error.

    The text is logged: it contains no secret, no token and nothing about the customer.
    """


class GatewayUnavailable(Exception):
    """Certainly nothing was done: no connection was opened, or the gateway refused the request.

    The text is logged: it contains no secret, no token and nothing about the customer.
    """


class KeyRefused(GatewayUnavailable):
    """Certainly nothing was done: the gateway refuses our key, or what the key may do."""


class LookupRefused(OutcomeUnknown):
    """The gateway refuses to be asked, such as for a missing permission; asking again is useless.

    An operator must act before the outcome can be known.
    """


class PaymentGateway(Protocol):
    """Captures money and gives it back.

    Promises, checked by payments_kit/conformance/*promises.py on every adapter:

    - The payment's id is the idempotency key of its charge, and the refund's `key` that of its
      refund: however often a request is sent, money moves once. A key has at most MAX_KEY_LENGTH
      characters.
    - `charge` and `refund` end within CALL_SECONDS, the other calls within LOOKUP_SECONDS, with a
      result or with one of the two exceptions.
    - A result is final. Anything that is not understood with certainty raises `OutcomeUnknown`;
      `GatewayUnavailable` is raised only if certainly nothing was done.
    - No call retries anything that could move money again.
    - A request that was not answered is executed within 24 h or never: the service looks that long
      for a charge that the gateway did not know.

    What not every gateway can do is in gateway_captures.py and gateway_history.py.
    """

    @property
    def name(self) -> str:
        """The gateway's name in tables and events, such as `stripe`."""

    @property
    def livemode(self) -> bool:
        """Whether it moves real money."""

    async def charge(self, payment: Payment, token: CardToken) -> Outcome:
        """Charge the payment's amount to the card, at most once.

        The money is captured, or only authorized if that is the payment's capture mode.

        Raises:
            OutcomeUnknown: the money may or may not have been captured or authorized.
            GatewayUnavailable: nothing was, and nothing will be.
        """

    async def find(self, payment: Payment) -> Outcome | None:
        """Return the outcome of a payment; None if the gateway has no record of it.

        It sees every write that the gateway has confirmed. An attempt that only waits for another
        card counts as declined, and is closed so that nothing can be captured for it any more.

        Raises:
            OutcomeUnknown: the gateway has not decided yet, or could not be queried.
        """

    async def cancel(self, payment: Payment) -> Outcome | None:
        """Cancel a payment that is not captured yet; return what `find` would afterwards.

        Money that is authorized is released, and the payment then counts as declined.
        A payment that was captured meanwhile stays captured and is reported as such. A pending one
        that can no longer be cancelled stays pending.

        Raises:
            OutcomeUnknown: as for `find`.
        """

    async def refund(self, payment: Payment, refund: Refund) -> RefundOutcome:
        """Give the refund's amount back, at most once for each `refund.key`.

        Raises:
            OutcomeUnknown: the money may or may not be on its way back.
            GatewayUnavailable: nothing was done.
        """

    async def find_refund(self, payment: Payment, refund: Refund) -> RefundOutcome | None:
        """Return the outcome of a refund; None if the gateway has no record of it.

        It is found by its `reference` if that is known (also an external refund), else by its
        `key`.

        Raises:
            OutcomeUnknown: the gateway could not be queried.
        """


class GatewayAdapter(PaymentGateway, Protocol):
    """A gateway, with the methods that only the process owning it calls."""

    async def check(self) -> None:
        """Check within a few seconds that the gateway accepts our key, without moving money.

        Raises:
            OutcomeUnknown, GatewayUnavailable: it does not, or cannot be reached; in one line.
        """

    async def close(self) -> None:
        """Close the connections; closing twice is harmless."""
