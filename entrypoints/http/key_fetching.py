"""Fetch the key set of an identity provider over HTTP."""

import ssl
from typing import Final

import aiohttp
from yarl import URL

from entrypoints.http.jwks import Fetch, NoKeySet

# It is one small document, and a request waits for it.
FETCH_SECONDS: Final = 5.0
# A key with its certificate has 2 or 3 KiB, and a provider publishes a few keys.
MAX_BYTES: Final = 256 * 1024
# A provider that has moved redirects once, perhaps first to https.
MAX_REDIRECTS: Final = 3


def fetch_from(url: str) -> Fetch:
    """Return a function that fetches the document at this URL, of at most MAX_BYTES."""

    async def fetch() -> bytes:
        try:
            return await _fetch(url)
        except NoKeySet:
            raise
        except TimeoutError:
            text = f"the provider did not answer within {FETCH_SECONDS:g} s"
            raise NoKeySet(text) from None
        except Exception as error:
            raise NoKeySet(f"the provider cannot be reached: {_reason(error)}") from None

    return fetch


async def _fetch(url: str) -> bytes:
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


def _check_response(url: URL, response: aiohttp.ClientResponse) -> None:
    hops = [each.url for each in response.history] + [response.url]
    if url.scheme == "https" and any(hop.scheme != "https" for hop in hops):
        raise NoKeySet("the provider redirects to an address without encryption")
    if response.status != 200:
        raise NoKeySet(f"the provider answers with HTTP status {response.status}")


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
