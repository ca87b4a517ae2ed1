"""Verified notifications that cannot be used; kept until a later version can use them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final, Protocol

from attrs import field, frozen

MAX_REASON: Final = 500
"""Characters of a reason that are stored; our own reasons are one short sentence."""


@frozen
class KeptNotification:
    """A notification that was verified and could not be used."""

    id: int
    """Its number; later ones have greater numbers."""
    gateway: str
    notification_id: str
    """The gateway's id of it; a gateway sends a notification several times under one id."""
    received_at: datetime
    reason: str
    body: bytes = field(repr=False)
    attempts: int
    """How often it was read again since."""


class UnusableNotifications(Protocol):
    """Keeps unusable notifications.

    Promises, checked by tests/contracts/unusable_notifications.py on every adapter: each is kept
    once for each gateway and id, byte for byte, until it is removed.
    """

    async def keep(self, gateway: str, notification_id: str, reason: str, body: bytes) -> None:
        """Keep a notification; one that is kept already gets this reason.

        Raises:
            StorageUnavailable: it is not known whether it is kept.
        """

    async def list(self, limit: int, after: int = 0) -> Sequence[KeptNotification]:
        """Return the oldest notifications whose number is greater than `after`.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """

    async def show(self, number: int) -> KeptNotification | None:
        """Return a notification; None if there is none with this number.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """

    async def record_attempt(self, number: int, reason: str) -> None:
        """Count that a notification was read again, and why it still cannot be used.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """

    async def remove(self, numbers: Collection[int]) -> int:
        """Remove notifications; return how many of them there were.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
