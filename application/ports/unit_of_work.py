"""One decision's view of the database: read, decide, and commit everything at once or nothing."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from application.ports.gateway_notices import ChargeNotice
from domain.bill import Bill
from domain.events import Event
from domain.order import OrderId
from domain.payment import ChargeId, PaymentId


class Conflict(Exception):
    """Nothing is known to be committed: something read has changed meanwhile, or the reply was lost.

    The decision is to be run again on what is there now. Decisions have no side effects, and
    repeating one that was committed after all changes nothing.
    """


class StorageUnavailable(Exception):
    """The database cannot be reached, or not in time."""


class Bills(Protocol):
    """The bills, read in single statements and written at commit."""

    async def of(self, order_ids: Collection[OrderId]) -> Mapping[OrderId, Bill]:
        """The bills of these orders; those never heard of are absent."""

    async def holding(self, payment_id: PaymentId) -> Bill | None:
        """The bill that a payment is on."""

    async def charged(self, charge_id: ChargeId) -> Bill | None:
        """The bill whose payment the gateway calls so."""

    async def due(self, now: datetime, limit: int) -> Sequence[OrderId]:
        """The orders whose bill has a payment or refund to look after, the longest due first."""

    def save(self, bill: Bill) -> None:
        """Have this bill written at commit, if nobody wrote it since it was read.

        A bill that was not read is taken for new.
        """


class Outbox(Protocol):
    """What is to be published because of this decision."""

    def add(self, event: Event) -> None:
        """Have an event published after the commit; one whose id is already there changes nothing."""


class Inbox(Protocol):
    """Which of the gateway's notices have been heard, and which of them wait for their charge."""

    async def has(self, notice_id: str) -> bool:
        """Whether this notice was heard, and what came of it committed."""

    def add(self, notice_id: str) -> None:
        """Remember a notice at commit; a `Conflict` if somebody else has meanwhile."""

    def keep(self, notice: ChargeNotice, since: datetime) -> None:
        """Have a notice wait, from the commit on, until we know its charge; keeping it again
        changes nothing."""

    async def kept(self, before: datetime, limit: int) -> Sequence[ChargeNotice]:
        """What need not wait any longer, the oldest first: kept notices whose charge we know by
        now, and those kept since before then."""

    def forget(self, notice_id: str) -> None:
        """Stop keeping a notice at commit; one that is not kept is no error."""


class UnitOfWork(Protocol):
    """Read, decide, commit.

    Promises, checked by tests/contracts/unit_of_work.py on every adapter:

    - Nothing is written before `commit`, which writes everything or nothing.
    - What is saved is guarded by what was read: of two that read the same bill and save it, one
      commits and the other gets `Conflict`.
    - A unit that is not committed leaves no trace, and needs no closing.
    - No transaction is open between two calls, so anything may be awaited between them.
    """

    @property
    def bills(self) -> Bills:
        """Orders with their payments and refunds."""

    @property
    def outbox(self) -> Outbox:
        """Events to publish."""

    @property
    def inbox(self) -> Inbox:
        """Notices heard, and notices kept."""

    async def commit(self) -> None:
        """Write everything saved and added.

        Raises:
            Conflict: decide again.
            StorageUnavailable: the database cannot be reached.
        """


BeginUnitOfWork = Callable[[], UnitOfWork]
