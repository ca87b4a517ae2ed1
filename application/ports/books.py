"""What the database knows about itself: which books these are, and how far they are complete."""

from datetime import datetime
from typing import Final, Protocol

from attrs import frozen

from domain.identifiers import PaymentId

# With an identity of 8 characters: as many as an identifier of NewId has.
_MAX_UNIQUE: Final = 28


@frozen
class Comparison:
    """A comparison of these books with a gateway that has begun."""

    gateway: str
    livemode: bool
    id: str
    """Stored in the books until another comparison begins."""
    mark: datetime | None
    """All charges that the gateway created before this time are in these books; None if that is
    not known of any time."""


class Books(Protocol):
    """The identity of the database, and its mark for each gateway.

    Promises, checked by tests/contracts/books.py on every adapter:

    - A mark is committed after what it says about: books that lose their last transactions, in a
      failover or because an older backup is restored, lose a mark that is not true for them too.
    - A comparison that has begun before such a loss cannot advance a mark after it.
    - The identity is the same in every process and in a restored backup.
    """

    @property
    def generation(self) -> int:
        """A number that rises whenever the books may have lost their last transactions.

        It costs nothing to read. It may rise without a loss, such as with each lost connection.
        """

    async def identity(self) -> str:
        """Return a short text of [0-9a-f] that other databases do not have.

        Raises:
            StorageUnavailable: the database cannot be reached, and it was not read before.
        """

    async def begin(self, gateway: str, livemode: bool) -> Comparison:
        """Begin a comparison with a gateway; an earlier one can no longer advance its mark.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """

    async def advance(self, comparison: Comparison, mark: datetime) -> bool:
        """Record that all charges created before this time are in these books.

        Returns whether it was recorded: not if another comparison has begun meanwhile.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """


async def new_payment_id(books: Books, unique: str) -> PaymentId:
    """Return an id that tells in which books the payment was claimed; `unique` is a new id.

    Several installations may share one account of a gateway. The id is in the labels of the charge,
    so that none of them takes a charge of another one for a payment that it has lost.

    Raises:
        StorageUnavailable: the database cannot be reached, and its identity was not read before.
    """
    return PaymentId(f"{unique[:_MAX_UNIQUE]}{await books.identity()}")


async def is_issued_by(books: Books, payment_id: PaymentId) -> bool:
    """Whether a payment was claimed in these books, even if they have lost it since.

    Raises:
        StorageUnavailable: the database cannot be reached, and its identity was not read before.
    """
    return payment_id.endswith(await books.identity())
