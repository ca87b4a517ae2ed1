"""Answers given to requests that carried an idempotency key, kept to be given again."""

from datetime import timedelta
from typing import Protocol

from attrs import frozen

from domain.order import UserId


@frozen
class RequestKey:
    """A key as a client chose it. Keys of different users have nothing to do with each other."""

    user_id: UserId
    key: str


@frozen
class Answer:
    """An answer, in the words of the entrypoint that gave it."""

    code: int
    content: bytes


@frozen
class OtherRequest(Exception):
    """The key was used for a request with another body."""


@frozen
class StillRunning(Exception):
    """The first request with this key has not been answered yet."""


class Answers(Protocol):
    """Promises, checked by tests/contracts/answers.py on every adapter: of any number of requests
    with one key, at the same time and on any replica, one is told to go ahead. Answers are kept
    for 24 hours at least and survive a restart.
    """

    async def begin(self, key: RequestKey, fingerprint: str, lease: timedelta) -> Answer | None:
        """The answer to give again; None: go ahead, and `finish` or `release` within the lease.

        Raises:
            OtherRequest: the fingerprint is not the first request's.
            StillRunning: the first request is being worked on, and its lease has not ended.
            StorageUnavailable: the database cannot be reached.
        """

    async def finish(self, key: RequestKey, answer: Answer) -> None:
        """Keep the answer."""

    async def release(self, key: RequestKey) -> None:
        """Forget the key: nothing was done, so the same request may be tried again."""

    async def forget(self, age: timedelta) -> int:
        """Forget keys older than that; how many."""
