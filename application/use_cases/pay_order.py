"""PayOrder: the command to pay for an order, its result, and the request that it came with."""

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Final

from attrs import frozen

from application.ports.charge_reading import KnownRequest
from application.ports.idempotency_store import (
    IdempotencyKeyReused,
    RequestInProgress,
    RequestKey,
    RequestRepeated,
    StoredReply,
)
from application.ports.payment_gateway import CardToken
from application.ports.unit_of_work import UnitOfWork
from domain.claim import AlreadyPaid, ExpectedAmount
from domain.identifiers import OrderId, UserId
from domain.outcome import RequiresAction
from domain.payment import Payment

REQUEST_LEASE: Final = timedelta(seconds=60)
"""How long a request may take until the same one is executed again. Longer than a charge can take:
it starts within 5 s of its claim, the gateway has 15 s, and each database statement may take some
seconds."""


@frozen
class ChargeResult:
    """The state of a payment after a command, and what the customer must do, if anything."""

    payment: Payment
    action: RequiresAction | None = None
    is_new: bool = True
    """Whether this command started the payment; otherwise it was in progress before."""
    is_refused: bool = False
    """Whether it failed because the gateway refuses the shop, not the card."""


@frozen
class KeyedRequest:
    """A request with an idempotency key: it is executed once, and its reply is stored."""

    key: RequestKey
    fingerprint: str
    """Distinguishes this request from others with the same key."""
    reply_to: Callable[[ChargeResult | AlreadyPaid], StoredReply | None]
    """Returns the reply to store; None if the same request may end differently next time."""

    def check(self, known: KnownRequest | None, holder: str) -> None:
        """Return if this holder may execute the request, given what is known of its key.

        Raises:
            IdempotencyKeyReused: the key was used for another request.
            RequestRepeated: the request has a reply.
            RequestInProgress: another holder executes the same request.
        """
        if known is None:
            return
        if known.fingerprint != self.fingerprint:
            raise IdempotencyKeyReused
        if known.reply is not None:
            raise RequestRepeated(known.reply)
        if known.is_leased and known.holder != holder:
            raise RequestInProgress

    def begin(self, work: UnitOfWork, holder: str) -> None:
        """Record at commit that this holder executes the request."""
        work.requests.begin(self.key, self.fingerprint, holder, REQUEST_LEASE)

    def end(self, work: UnitOfWork, holder: str, result: ChargeResult | AlreadyPaid) -> None:
        """Store the reply at commit; without a final one, let the request be repeated."""
        reply = self.reply_to(result)
        if reply is None:
            work.requests.release(self.key, holder)
        else:
            work.requests.finish(self.key, holder, reply)


@frozen
class PayOrder:
    """The command to pay for an order."""

    order_id: OrderId
    payer: UserId
    token: CardToken
    expected: ExpectedAmount = ExpectedAmount()
    sources: Collection[str] = ()
    """The sources of this attempt, for the decline limits: `user:…`, `address:…`."""
    gateway: str | None = None
    """The gateway that has issued the token; None: the best one for the order."""
    request: KeyedRequest | None = None
    """The request with an idempotency key that the command came with."""
