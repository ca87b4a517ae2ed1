"""A unit of work: read, decide, and commit everything at once or nothing."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from application.ports.charge_reading import ChargeQuery, ChargeReading
from application.ports.gateway_notifications import ChargeNotification
from application.ports.idempotency_store import RequestKey, StoredReply
from application.ports.stream_positions import EventPosition
from domain.events import Event
from domain.identifiers import ChargeId, OrderId, PaymentId
from domain.order import Order
from domain.payment import Payment


class Conflict(Exception):
    """Nothing is known to be committed: something read has changed, or the reply was lost.

    Run the decision again on what is stored now. Decisions have no side effects, and repeating one
    that was committed nevertheless changes nothing.
    """


class StorageUnavailable(Exception):
    """The database cannot be reached, or not in time."""


class Orders(Protocol):
    """The orders, read in single statements and written at commit."""

    async def get(self, order_id: OrderId) -> Order | None:
        """Return an order; None if it is unknown."""

    async def get_many(self, order_ids: Collection[OrderId]) -> Mapping[OrderId, Order]:
        """Return these orders; unknown ones are absent."""

    async def find_by_payment(self, payment_id: PaymentId) -> Order | None:
        """Return the order of a payment."""

    async def find_by_charge(self, charge_id: ChargeId) -> Order | None:
        """Return the order whose payment has this charge."""

    async def find_payments(
        self, payment_ids: Collection[PaymentId]
    ) -> Mapping[PaymentId, Payment]:
        """Return these payments as they are now; unknown ones are absent.

        Their orders do not count as read: saving one of them needs another read.
        """

    async def find_due(self, now: datetime, limit: int) -> Sequence[OrderId]:
        """Return the orders with a payment or refund whose check is due, longest due first."""

    def save(self, order: Order) -> None:
        """Write this order at commit, unless another process has written it since it was read.

        An order that was not read is inserted. One with two live payments is a `Conflict`: the
        storage itself prevents them.
        """


class Outbox(Protocol):
    """The events to publish because of this decision."""

    def add(self, event: Event) -> None:
        """Publish an event after the commit; an event whose id exists already changes nothing."""


class Inbox(Protocol):
    """The notifications that were applied, and those deferred until their charge is known."""

    async def has(self, notification_id: str) -> bool:
        """Whether this notification was applied and committed."""

    def add(self, notification_id: str) -> None:
        """Record a notification at commit; a `Conflict` if another process has done so."""

    def defer(self, notification: ChargeNotification, since: datetime) -> None:
        """Store a notification until its charge is known; storing it again changes nothing."""

    async def find_deferred(self, before: datetime, limit: int) -> Sequence[ChargeNotification]:
        """Return deferred notifications to process, oldest first.

        These are the ones whose charge is known to be captured by now, and the ones deferred before
        `before`.
        """

    def remove_deferred(self, notification_id: str) -> None:
        """Delete a deferred notification at commit; an unknown one is no error."""


class Requests(Protocol):
    """The requests with an idempotency key: what is written about them with a decision.

    A unit of work begins, finishes or releases one request.
    """

    def begin(self, key: RequestKey, fingerprint: str, holder: str, lease: timedelta) -> None:
        """Record at commit that `holder` executes this request.

        The commit is a `Conflict` if the key is taken, unless by the same request, without a reply
        and with a lease that has ended.
        """

    def finish(self, key: RequestKey, holder: str, reply: StoredReply) -> None:
        """Store the reply at commit, if it has none and this holder still has the key."""

    def release(self, key: RequestKey, holder: str) -> None:
        """Delete the key at commit, if it has no reply and this holder still has it."""


class Positions(Protocol):
    """How far the streams of inbound events are applied."""

    def advance(self, position: EventPosition) -> None:
        """Record at commit that this event is applied, and perhaps earlier ones are not.

        The commit is a `Conflict` unless the position of its stream is bound to these books.
        """


class UnitOfWork(Protocol):
    """Read, decide, commit.

    Promises, checked by tests/contracts/unit_of_work.py, continued_work.py and requests.py on
    every adapter:

    - Nothing is written before `commit`, which writes everything or nothing.
    - What is saved is guarded by what was read: of two units that read the same order and save it,
      one commits and the other gets `Conflict`. It guards nothing in a database that may have lost
      it, such as a promoted standby, so nothing is written there.
    - A unit that is not committed has no effect, and does not need to be closed.
    - A unit that continues another has read what that one read and wrote. It cannot overwrite what
      was written since, also not in a database that has lost the first commit.
    - No transaction is open between two calls, so anything may be awaited between them.
    """

    @property
    def orders(self) -> Orders:
        """Orders with their payments, refunds and disputes."""

    @property
    def outbox(self) -> Outbox:
        """Events to publish."""

    @property
    def inbox(self) -> Inbox:
        """Notifications received."""

    @property
    def requests(self) -> Requests:
        """Requests with an idempotency key."""

    @property
    def positions(self) -> Positions:
        """Positions in the streams of inbound events."""

    async def read_charge(self, query: ChargeQuery) -> ChargeReading:
        """Return what a request to pay needs to know, from one moment; the order counts as read.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """

    def continued(self) -> "UnitOfWork":
        """Return the next unit of work on the orders of this one, which must be committed.

        `orders.get` and `orders.find_by_payment` return them without a query. If one of them has
        been written since, the commit is a `Conflict`.
        """

    async def commit(self) -> None:
        """Write everything that was saved and added.

        Raises:
            Conflict: decide again.
            StorageUnavailable: the database cannot be reached.
        """


BeginUnitOfWork = Callable[[], UnitOfWork]
