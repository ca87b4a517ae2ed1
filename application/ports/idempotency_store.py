"""The replies to requests with an idempotency key, stored so that they can be repeated."""

from datetime import timedelta
from typing import Protocol

from attrs import frozen

from domain.identifiers import UserId


@frozen
class RequestKey:
    """An idempotency key chosen by a client; keys of different users are independent."""

    user_id: UserId
    key: str


@frozen
class StoredReply:
    """A reply, in the form that the entrypoint gave it."""

    status: int
    content: bytes


@frozen
class RequestRepeated(Exception):
    """The first request with this key has a reply."""

    reply: StoredReply


@frozen
class IdempotencyKeyReused(Exception):
    """The key was used for a request with another body."""


@frozen
class RequestInProgress(Exception):
    """The first request with this key has no reply yet."""


class IdempotencyStore(Protocol):
    """Stores one reply for each key.

    Promises, checked by tests/contracts/idempotency_store.py on every adapter: of any number of
    requests with one key, at the same time and in any process, one may proceed. Replies are kept
    for at least 24 hours and survive a restart.
    """

    async def begin(
        self, key: RequestKey, fingerprint: str, lease: timedelta
    ) -> StoredReply | None:
        """Return the stored reply; None if the caller may proceed.

        A caller that proceeds must call `finish` or `release` within the lease.

        Raises:
            IdempotencyKeyReused: the fingerprint is not the first request's.
            RequestInProgress: the first request has no reply yet, and its lease has not ended.
            StorageUnavailable: the database cannot be reached.
        """

    async def finish(self, key: RequestKey, reply: StoredReply) -> None:
        """Store the reply."""

    async def release(self, key: RequestKey) -> None:
        """Delete the key: nothing was done, so the same request may be sent again."""

    async def delete_older_than(self, age: timedelta) -> int:
        """Delete keys older than this; return how many."""
