"""The public keys of an identity provider (RFC 7517), fetched when needed and cached."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import aiohttp
import msgspec
import structlog
from attrs import define, field
from jwt import PyJWK, PyJWKSet
from jwt.exceptions import PyJWTError

from entrypoints.http.errors import KeysUnavailable

logger = structlog.get_logger(__name__)

ALGORITHMS: Final = frozenset({"RS256", "ES256"})
"""The documented algorithms. A key is used with its own algorithm only, not with the token's."""

# As long as PyJWT's own client caches a key set; after that, a withdrawn key is refused.
REFRESH_AFTER_SECONDS: Final = 300.0

# While the provider is unreachable, its last keys stay valid for this long: an hour is a usual
# lifetime of a token.
EXPIRE_AFTER_SECONDS: Final = 3600.0

# The shortest time between two fetches, so that tokens with unknown key ids, or an outage, do not
# cause many requests to the provider.
FETCH_INTERVAL_SECONDS: Final = 10.0

# It is one small document, and a request waits for it.
FETCH_SECONDS: Final = 5.0
MAX_BYTES: Final = 256 * 1024

Fetch = Callable[[], Awaitable[bytes]]


def fetch_from(url: str) -> Fetch:
    """Return a function that fetches the document at this URL, of at most MAX_BYTES."""

    async def fetch() -> bytes:
        timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, raise_for_status=True) as response,
        ):
            content = bytearray()
            async for chunk in response.content.iter_any():
                content += chunk
                if len(content) > MAX_BYTES:
                    raise ValueError("the key set is too large")
            return bytes(content)

    return fetch


@define
class Jwks:
    """A provider's keys by id."""

    fetch: Fetch
    now: Callable[[], float] = time.monotonic
    _keys: Mapping[str | None, PyJWK] = field(factory=dict)
    _fetched_at: float | None = None
    _attempted_at: float | None = None
    _lock: asyncio.Lock = field(factory=asyncio.Lock)

    async def key(self, key_id: str | None) -> PyJWK | None:
        """Return the key with this id; without an id, the only key; None if there is no such key.

        Raises:
            KeysUnavailable: no keys can be fetched.
        """
        if self._age > REFRESH_AFTER_SECONDS or self._find(key_id) is None:
            await self._refresh()
        if self._age > EXPIRE_AFTER_SECONDS:
            raise KeysUnavailable
        return self._find(key_id)

    @property
    def _age(self) -> float:
        return float("inf") if self._fetched_at is None else self.now() - self._fetched_at

    def _find(self, key_id: str | None) -> PyJWK | None:
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    async def _refresh(self) -> None:
        requested_at = self.now()
        async with self._lock:
            last = self._attempted_at
            if last is not None and requested_at < last + FETCH_INTERVAL_SECONDS:
                return
            try:
                self._keys = _parse(await self.fetch())
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError, PyJWTError) as error:
                logger.warning(
                    "cannot fetch the identity provider's keys", reason=type(error).__name__
                )
            else:
                self._fetched_at = self.now()
            self._attempted_at = self.now()


def _parse(content: bytes) -> dict[str | None, PyJWK]:
    document = msgspec.json.decode(content, type=dict[str, Any])
    keys = PyJWKSet.from_dict(document).keys
    return {
        key.key_id: key
        for key in keys
        if key.algorithm_name in ALGORITHMS and key.public_key_use in (None, "sig")
    }
