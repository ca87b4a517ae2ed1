"""What is stored about one user, so that it can be forgotten."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from attrs import frozen

from domain.identifiers import OrderId, UserId


@frozen
class OrdersOfUser:
    """Some orders of a user; more may follow."""

    orders: Sequence[OrderId]
    next_after: OrderId | None
    """Where to continue; None if there are no more."""


class PersonalData(Protocol):
    """Find and delete what belongs to one user.

    Promises, checked by tests/contracts/personal_data.py on every adapter.
    """

    async def find_orders(self, user_id: UserId, after: OrderId | None = None) -> OrdersOfUser:
        """Return orders that the user owns or has paid for, of a limited number that are read.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """

    async def count_rows(self, user_id: UserId) -> Mapping[str, int]:
        """Return how many rows `delete_rows` would delete, by what they are.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """

    async def delete_rows(self, user_id: UserId) -> Mapping[str, int]:
        """Delete what is of no use without the user; return how many rows, by what they are.

        That is the replies to their requests with an idempotency key, and their declines.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
