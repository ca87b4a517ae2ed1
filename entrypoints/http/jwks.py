"""The public keys of an identity provider, fetched when needed and cached."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp
import structlog
from attrs import define, field
from yarl import URL

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

# It is one small document, and a request waits for it.
FETCH_SECONDS: Final = 5.0
# A key with its certificate has 2 or 3 KiB, and a provider publishes a few keys.
MAX_BYTES: Final = 256 * 1024
# A provider that has moved redirects once, perhaps first to https.
MAX_REDIRECTS: Final = 3

Fetch = Callable[[], Awaitable[bytes]]

Report = Callable[[str], Awaitable[None]]
"""Tells an operator why no keys can be fetched; it never raises."""


class NoKeySet(Exception):
    """The key set cannot be fetched or used; the text is one line."""


def fetch_from(url: str) -> Fetch:
    """Return a function that fetches the document at this URL, of at most MAX_BYTES."""

    async def fetch() -> bytes:
        timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
            session.get(url, max_redirects=MAX_REDIRECTS) as response,
        ):
            _check_response(URL(url), response)
            content = bytearray()
            async for chunk in response.content.iter_any():
                content += chunk
                if len(content) > MAX_BYTES:
                    raise NoKeySet(f"the key set has more than {MAX_BYTES} bytes")
            return bytes(content)

    return fetch


def _check_response(url: URL, response: aiohttp.ClientResponse) -> None:
    hops = [each.url for each in response.history] + [response.url]
    if url.scheme == "https" and any(hop.scheme != "https" for hop in hops):
        raise NoKeySet("the provider redirects to an address without encryption")
    if response.status != 200:
        raise NoKeySet(f"the provider answers with HTTP status {response.status}")


async def fetch_key_set(fetch: Fetch) -> KeySet:
    """Fetch and read the key set.

    Raises:
        NoKeySet: it cannot be fetched or used.
    """
    try:
        content = await fetch()
    except NoKeySet:
        raise
    except TimeoutError:
        raise NoKeySet(f"the provider did not answer within {FETCH_SECONDS:g} s") from None
    except Exception as error:
        raise NoKeySet(f"the provider cannot be reached: {_reason(error)}") from None
    try:
        return parse_key_set(content)
    except ValueError as error:
        raise NoKeySet(str(error)) from None


def _reason(error: Exception) -> str:
    """Return the cause in words that have no part of the URL, which may contain credentials."""
    match error:
        case aiohttp.ClientConnectorCertificateError(certificate_error=ssl.SSLError() as cause):
            words = getattr(cause, "verify_message", None) or cause.reason
            return (
                f"the certificate of {error.host} is not trusted ({words}): is there an inspecting"
                " proxy? Set SSL_CERT_FILE to its authority's certificate"
            )
        case aiohttp.ClientProxyConnectionError():
            return f"the proxy {error.host}:{error.port} of HTTPS_PROXY cannot be reached"
        case aiohttp.ClientConnectorDNSError():
            return "the name of its host is not found"
        case aiohttp.ClientConnectorError() if error.os_error.strerror:
            return f"no connection is opened ({error.os_error.strerror.lower()[:80]})"
        case aiohttp.ClientHttpProxyError(status=407):
            return "the proxy wants a user and a password (407): put them into HTTPS_PROXY"
        case aiohttp.ClientHttpProxyError():
            return f"the proxy answers with HTTP status {error.status}"
        case _:
            return type(error).__name__


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
