"""Fetch the key set of an identity provider over HTTP."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Final

import aiohttp
from yarl import URL

from application.ports.gateway_plugin import InvalidSetting
from entrypoints.http.jwks import Fetch, NoKeySet

# It is one small document, and a request waits for it.
FETCH_SECONDS: Final = 5.0
# A key with its certificate has 2 or 3 KiB, and a provider publishes a few keys.
MAX_BYTES: Final = 256 * 1024
# A provider that has moved redirects once, perhaps first to https.
MAX_REDIRECTS: Final = 3
_REDIRECTS: Final = (301, 302, 303, 307, 308)  # RFC 9110, section 15.4


OpenSession = Callable[[str], aiohttp.ClientSession]
"""Opens a session for one URL, through what the host has in between.

Raises InvalidSetting."""


def fetch_from(url: str, open_session: OpenSession) -> Fetch:
    """Return a function that fetches the document at this URL, of at most MAX_BYTES."""

    async def fetch() -> bytes:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                return await _fetch(URL(url), open_session)
        except NoKeySet:
            raise
        except TimeoutError:
            text = f"the provider did not answer within {FETCH_SECONDS:g} s"
            raise NoKeySet(text) from None
        except Exception as error:
            raise NoKeySet(f"the provider cannot be reached: {_reason(error)}") from None

    return fetch


async def _fetch(url: URL, open_session: OpenSession) -> bytes:
    """Fetch a document; each redirect may lead to a host that is reached in another way."""
    for _ in range(MAX_REDIRECTS + 1):
        async with (
            open_session(str(url)) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            target = response.headers.get("Location")
            if response.status not in _REDIRECTS or target is None:
                return await _read(response)
            url = _redirect(url, target)
    raise NoKeySet(f"the provider redirects more than {MAX_REDIRECTS} times")


def _redirect(url: URL, target: str) -> URL:
    next_url = url.join(URL(target))
    if url.scheme == "https" and next_url.scheme != "https":
        raise NoKeySet("the provider redirects to an address without encryption")
    return next_url


async def _read(response: aiohttp.ClientResponse) -> bytes:
    if response.status != 200:
        raise NoKeySet(f"the provider answers with HTTP status {response.status}")
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > MAX_BYTES:
            raise NoKeySet(f"the key set has more than {MAX_BYTES} bytes")
    return bytes(content)


def _reason(error: Exception) -> str:
    """Return the cause in words that have no part of the URL, which may contain credentials."""
    match error:
        case InvalidSetting():
            return str(error)
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
