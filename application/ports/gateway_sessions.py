"""Sessions: payments that the customer approves at the gateway before we charge them."""

from collections.abc import Awaitable, Callable
from typing import Final

from attrs import field, frozen

from application.ports.payment_gateway import PaymentGateway
from domain.capture import CaptureMode
from domain.identifiers import OrderId
from domain.money import Money
from domain.outcome import Outcome, Refused
from domain.payment import Payment

MAX_REFERENCE_LENGTH: Final = 255
"""The most characters of a reference; an id of PayPal's has at most 36
(https://developer.paypal.com/docs/api/orders/v2/#orders_get)."""


@frozen
class SessionRequest:
    """What the customer is to approve."""

    order_id: OrderId
    amount: Money
    capture_mode: CaptureMode
    return_url: str = field(repr=False)
    """Where the gateway sends the customer who has approved."""
    cancel_url: str = field(repr=False)
    """Where the gateway sends the customer who has not."""


@frozen
class Session:
    """A session: what the customer approves, and what the order is paid with afterwards."""

    token: str
    """Sent as the token of a charge. It is no secret: `reference_of` says what of it is stored."""
    approve_url: str = field(repr=False)
    """Where to send the customer."""


CreateSession = Callable[[SessionRequest], Awaitable[Session | Refused]]
"""Create a session, or say that the gateway refuses the shop. It claims and charges nothing.

Asking twice gives a usable session each time; one that is never approved does nothing. The session
names the order, so that it cannot pay for another one. It ends within CALL_SECONDS.

Raises:
    OutcomeUnknown: there may be a session that nobody will use.
    GatewayUnavailable: nothing was done.
"""

ReferenceOf = Callable[[str], str | None]
"""Return the reference of the payments that are charged with this token; None if it has none.

The reference is stored when the order is claimed, before the charge, so that `find` and `cancel`
find the payment although the reply to the charge was lost. It is the gateway's public identifier of
a session, of at most MAX_REFERENCE_LENGTH characters. The token of a card, and any text that is not
surely a session's token, has none. It asks nobody and raises nothing.
"""

Take = Callable[[Payment], Awaitable[Outcome]]
"""Take the money of a payment whose `find` has reported Approved; at most once.

It is the charge, continued: the payment's id is the idempotency key, the money is captured, or only
authorized if that is the payment's capture mode. `payment.reference` names the session. Returns
what `find` returns afterwards, also if the money was taken or the payment cancelled before. It ends
within CALL_SECONDS, and is sent again after a lost reply.

Raises:
    OutcomeUnknown: the money may or may not have been captured or authorized.
    GatewayUnavailable: nothing was, and nothing will be.
"""


@frozen
class GatewaySessions:
    """What a gateway can do whose customer approves first; None for what it cannot.

    Promises, checked by payments_kit/conformance/session_promises.py on every adapter that can:

    - `charge` with the token of a session takes the money if the customer has approved. Otherwise
      it returns RequiresAction with the approve address, and takes nothing, also not later.
    - From then on, `find` returns Approved once the customer has approved, as often as it is asked,
      until the money is taken. Only `charge` and `take` take it: `find` and a notification never.
    - Before the charge has arrived, `find` and `cancel` return None, whatever the customer has
      done: the customer may have been told that nothing is charged, and is not charged then.
    - A session pays for its order, amount, currency and capture mode, once. `charge` with any other
      session, or an unknown one, is Declined or Refused, takes nothing, and `find` says the same or
      None. A session belongs to the first payment that was charged with it.
    - After `cancel`, approved or not, nothing is taken any more: not by a `charge` or `take` that
      is still in flight, and `find` never returns Approved again.

    They are optional: an adapter without the methods keeps working.
    """

    create_session: CreateSession | None = None
    reference_of: ReferenceOf | None = None
    take: Take | None = None

    @classmethod
    def of(cls, gateway: PaymentGateway) -> "GatewaySessions":
        """Return what a gateway can do: those of these methods that it has."""
        methods = (getattr(gateway, name, None) for name in _METHODS)
        return cls(*(method if callable(method) else None for method in methods))

    def reference(self, token: str) -> str | None:
        """Return the reference of a token, unless it cannot be stored or there is none."""
        found = None if self.reference_of is None else self.reference_of(token)
        if found is None or not (found.isascii() and found.isprintable()):
            return None
        return found if 0 < len(found) <= MAX_REFERENCE_LENGTH else None


_METHODS: Final = ("create_session", "reference_of", "take")
