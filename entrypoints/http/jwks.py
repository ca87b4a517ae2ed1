"""The public keys of an identity provider (RFC 7517), fetched when needed and kept for a while."""

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
"""What the contract names. Each key is used with its own algorithm only, whatever a token says."""

# As long as PyJWT's own client keeps a set; a withdrawn key is refused after that.
FRESH_SECONDS: Final = 300.0

# While the provider is away its last keys still hold, but not for ever: an hour is a usual lifetime
# of a token.
STALE_SECONDS: Final = 3600.0

# Between two fetches, so that made-up key ids or an outage do not become a flood.
BETWEEN_SECONDS: Final = 10.0

# One small document; a request waits for it.
FETCH_SECONDS: Final = 5.0
MAX_BYTES: Final = 256 * 1024

Fetch = Callable[[], Awaitable[bytes]]


def fetching(url: str) -> Fetch:
    """Fetch the document at this address."""

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
    _tried_at: float | None = None
    _turn: asyncio.Lock = field(factory=asyncio.Lock)

    async def key(self, key_id: str | None) -> PyJWK | None:
        """The key with this id, or the only one where a token names none; None if there is none.

        Raises:
            KeysUnavailable: no keys are to be had.
        """
        if self._age > FRESH_SECONDS or self._find(key_id) is None:
            await self._refresh()
        if self._age > STALE_SECONDS:
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
        asked_at = self.now()
        async with self._turn:
            if self._tried_at is not None and asked_at < self._tried_at + BETWEEN_SECONDS:
                return
            try:
                self._keys = _read(await self.fetch())
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError, PyJWTError) as error:
                logger.warning("no keys from the identity provider", reason=type(error).__name__)
            else:
                self._fetched_at = self.now()
            self._tried_at = self.now()


def _read(content: bytes) -> dict[str | None, PyJWK]:
    document = msgspec.json.decode(content, type=dict[str, Any])
    keys = PyJWKSet.from_dict(document).keys
    return {
        key.key_id: key
        for key in keys
        if key.algorithm_name in ALGORITHMS and key.public_key_use in (None, "sig")
    }
