"""The public keys of an identity provider, fetched when needed and cached."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from attrs import define, field

from entrypoints.http.errors import KeysUnavailable
from entrypoints.http.key_set import KeySet, VerificationKey, parse_key_set

logger = structlog.get_logger(__name__)

# As long as PyJWT's own client caches a key set; after that, a withdrawn key is refused.
REFRESH_AFTER_SECONDS: Final = 300.0

# While the provider is unreachable or publishes nothing usable, its last keys stay valid for this
# long: customers with a token can pay until the next working day, and an alert says so meanwhile.
EXPIRE_AFTER_SECONDS: Final = 24 * 3600.0

# The shortest time between two fetches, so that tokens with unknown key ids, or an outage, do not
# cause many requests to the provider. It doubles with each failure up to the second number.
FETCH_INTERVAL_SECONDS: Final = 10.0
MAX_FETCH_INTERVAL_SECONDS: Final = 60.0

Fetch = Callable[[], Awaitable[bytes]]

Report = Callable[[str], Awaitable[None]]
"""Tells an operator why no keys can be fetched; it never raises."""


class NoKeySet(Exception):
    """The key set cannot be fetched or used; the text is one line."""


async def fetch_key_set(fetch: Fetch) -> KeySet:
    """Fetch and read the key set.

    Raises:
        NoKeySet: it cannot be fetched or used.
    """
    try:
        content = await fetch()
    except NoKeySet:
        raise
    except Exception as error:
        raise NoKeySet(f"the provider cannot be reached: {type(error).__name__}") from None
    try:
        return parse_key_set(content)
    except ValueError as error:
        raise NoKeySet(str(error)) from None


async def _log(problem: str) -> None:
    logger.warning("cannot use the identity provider's keys", reason=problem)


@define
class Jwks:
    """A provider's keys; one fetch at a time, and the last usable keys while it fails."""

    fetch: Fetch
    now: Callable[[], float] = time.monotonic
    report: Report = _log
    _key_set: KeySet = field(init=False, factory=KeySet)
    _fetched_at: float = field(init=False, default=float("-inf"))
    _next_fetch_at: float = field(init=False, default=float("-inf"))
    _failures: int = field(init=False, default=0)
    """How many fetches have failed since the last one that succeeded."""
    _fetching: "asyncio.Task[None] | None" = field(init=False, default=None)

    async def keys(self, key_id: str | None, algorithm: str) -> tuple[VerificationKey, ...]:
        """Return the keys that may have signed a token; none if the provider has no such key.

        Raises:
            KeysUnavailable: the key may be one that cannot be fetched now.
        """
        found = self._find(key_id, algorithm)
        if found and self._age <= REFRESH_AFTER_SECONDS:
            return found
        fetching = self._fetch_task()
        # A known key does not wait for a provider that is away.
        if fetching is not None and not (found and self._failures):
            await asyncio.shield(fetching)
        found = self._find(key_id, algorithm)
        if not found and self._failures:
            raise KeysUnavailable
        return found

    @property
    def key_set(self) -> KeySet:
        """The keys that were fetched last."""
        return self._key_set

    @property
    def _age(self) -> float:
        return self.now() - self._fetched_at

    def _find(self, key_id: str | None, algorithm: str) -> tuple[VerificationKey, ...]:
        return self._key_set.find(key_id, algorithm) if self._age <= EXPIRE_AFTER_SECONDS else ()

    def _fetch_task(self) -> "asyncio.Task[None] | None":
        """Return the fetch in progress, or a new one unless it is too soon."""
        if self._fetching is None and self.now() >= self._next_fetch_at:
            self._fetching = asyncio.create_task(self._refresh())
        return self._fetching

    async def _refresh(self) -> None:
        problem: str | None = None
        try:
            key_set = await fetch_key_set(self.fetch)
            if key_set.problems != self._key_set.problems:
                logger.warning("some of the provider's keys are not used", keys=key_set.problems)
            self._key_set, self._fetched_at, self._failures = key_set, self.now(), 0
        except NoKeySet as error:
            problem = str(error)
            self._failures += 1
        finally:
            self._next_fetch_at = self.now() + self._interval
            self._fetching = None
        if problem is not None:
            await self.report(problem)

    @property
    def _interval(self) -> float:
        # The exponent is bounded, because an outage may last for thousands of failures.
        doubled = FETCH_INTERVAL_SECONDS * float(2 ** min(max(self._failures - 1, 0), 8))
        return min(doubled, MAX_FETCH_INTERVAL_SECONDS)
