"""Connections outward through what hosts have in between: proxies, private authorities.

The variables are those of curl and OpenSSL: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY,
SSL_CERT_FILE, SSL_CERT_DIR, and REQUESTS_CA_BUNDLE. aiohttp's own `trust_env` is not used: it also
sends what it finds in ~/.netrc, and refuses requests that have an Authorization header then.
"""

import ipaddress
import os
import re
import ssl
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies_environment

import aiohttp
from attrs import frozen

from application.ports.gateway_plugin import InvalidSetting

_PORTS: Final = {"http": 80, "https": 443}  # RFC 9110, sections 4.2.1 and 4.2.2

# An address of IPv6 has colons of its own, so it must be in brackets to have a port.
_WITH_PORT: Final = re.compile(r"([^:\[\]]+|\[[^\]]+\]):(\d{1,5})")

# The first one that is set counts.
CA_VARIABLES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")


class ConnectionFault(aiohttp.ClientConnectionError):
    """A connection could not be opened for a reason that an operator can remove; in one line.

    No byte of the request was sent.
    """


@frozen
class Route:
    """How an address is reached: through which proxy, and which authorities are trusted."""

    proxy: str | None
    trusted: ssl.SSLContext

    @classmethod
    def to(cls, address: str, ca_bundle: str | None = None) -> "Route":
        """Return the route that the environment describes.

        Args:
            address: the URL of the gateway, or of an identity provider.
            ca_bundle: the authorities to trust in addition to the system's, if the environment
                names none; a container may have none.

        Raises:
            InvalidSetting: a variable cannot be used.
        """
        parts = urlsplit(address)
        # Reading a hundred authorities takes longer than a charge, and http needs none of them.
        needed = None if parts.scheme == "http" else ca_bundle
        return cls(_proxy_for(parts), _trusted(os.environ, needed))

    def open_plain_session(self) -> aiohttp.ClientSession:
        """Return a session for a few requests, whose errors are those of aiohttp."""
        connector = aiohttp.TCPConnector(ssl=self.trusted)
        cookies = aiohttp.DummyCookieJar()
        return aiohttp.ClientSession(connector=connector, proxy=self.proxy, cookie_jar=cookies)

    def open_session(self) -> aiohttp.ClientSession:
        """Return a session without a limit of connections: requests that wait delay no others."""
        connector = _Connector(limit=0, ssl=self.trusted)
        # No gateway's API uses cookies; to keep them takes time at every reply.
        cookies = aiohttp.DummyCookieJar()
        return aiohttp.ClientSession(connector=connector, proxy=self.proxy, cookie_jar=cookies)


class _Connector(aiohttp.TCPConnector):
    """Names the faults that proxies and certificates cause."""

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
        try:
            return await super().connect(req, traces, timeout)
        except aiohttp.ClientError as error:
            fault = fault_of(error)
        if isinstance(fault, str):
            raise ConnectionFault(fault)
        raise fault


def fault_of(error: aiohttp.ClientError) -> str | aiohttp.ClientError:
    """Return what a proxy or a certificate did in one line; the error itself if it is another."""
    match error:
        case aiohttp.ClientConnectorCertificateError(certificate_error=ssl.SSLError() as cause):
            words = getattr(cause, "verify_message", None) or cause.reason or "no reason given"
            return (
                f"the certificate of {error.host} is not trusted ({words}): is there an inspecting"
                " proxy? Set SSL_CERT_FILE to its authority's certificate"
            )
        case aiohttp.ClientConnectorSSLError():
            return f"no TLS connection to {error.host}: {error.os_error.strerror or 'no reason'}"
        case aiohttp.ClientHttpProxyError(status=407):
            return "the proxy wants a user and a password (407): put them into HTTPS_PROXY"
        case aiohttp.ClientHttpProxyError():
            return f"the proxy refuses the connection ({error.status}): see HTTPS_PROXY, NO_PROXY"
        case aiohttp.ClientProxyConnectionError():
            return f"the proxy {error.host}:{error.port} of HTTPS_PROXY cannot be reached"
        case _:
            return error


def _proxy_for(address: SplitResult) -> str | None:
    proxies = getproxies_environment()
    name = address.scheme if address.scheme in proxies else "all"
    proxy = proxies.get(name)
    # Lists with spaces between are as usual as those with commas.
    no_proxy = proxies.get("no", "").lower().replace(",", " ").split()
    if not proxy or _is_direct(address, no_proxy):
        return None
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidSetting(f"{name.upper()}_PROXY", "is not an http:// or https:// address")
    return parts.geturl()


def _is_direct(target: SplitResult, no_proxy: Iterable[str]) -> bool:
    """Whether no proxy is used for a host: this machine itself, or one that NO_PROXY lists."""
    host, port = target.hostname or "", target.port or _PORTS.get(target.scheme)
    if host == "localhost":
        return True
    hosts = [name for name, of in map(_split_port, no_proxy) if of is None or of == port]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return any(_covers(each, host.removesuffix(".")) for each in hosts)
    return address.is_loopback or any(_contains(each, address) for each in hosts)


def _split_port(entry: str) -> tuple[str, int | None]:
    """Split an entry of NO_PROXY: a host, an address or a network, perhaps with a port."""
    found = _WITH_PORT.fullmatch(entry)
    host, port = found.groups() if found else (entry, None)
    return host.removeprefix("[").removesuffix("]"), int(port) if port else None


def _covers(name: str, host: str) -> bool:
    """Whether an entry of NO_PROXY covers a host: its name, a domain above it, or everything."""
    domain = name.removeprefix("*").strip(".")
    return name == "*" or (domain != "" and (host == domain or host.endswith(f".{domain}")))


def _contains(network: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return network == "*" or address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _trusted(environment: Mapping[str, str], ca_bundle: str | None) -> ssl.SSLContext:
    name = next((each for each in CA_VARIABLES if environment.get(each)), None)
    if name is None:
        return _usual(ca_bundle)
    path = environment[name]
    try:
        return _named(path, os.stat(path).st_mtime_ns)
    except OSError as error:  # ssl.SSLError as well
        raise InvalidSetting(name, f"cannot be used: {error.strerror or error}") from None


# A process has one context for each choice: to read a hundred authorities takes 20 ms.
@cache
def _usual(ca_bundle: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    # OpenSSL takes an empty variable for the name of a file, and then has none.
    paths = ssl.get_default_verify_paths()
    if os.environ.get(paths.openssl_cafile_env) == "" and os.path.isfile(paths.openssl_cafile):
        context.load_verify_locations(cafile=paths.openssl_cafile)
    if os.environ.get(paths.openssl_capath_env) == "" and os.path.isdir(paths.openssl_capath):
        context.load_verify_locations(capath=paths.openssl_capath)
    if ca_bundle is not None:
        context.load_verify_locations(ca_bundle)
    return context


@lru_cache(maxsize=8)  # a file that is replaced has another time
def _named(path: str, _changed_at: int) -> ssl.SSLContext:
    if os.path.isdir(path):
        context = ssl.create_default_context(capath=path)
    else:
        context = ssl.create_default_context(cafile=path)
    # Python 3.13 is strict about certificates of authorities; many of inspecting proxies are not.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
