"""Certificates of PayPal's webhooks: fetched from PayPal only, verified to a trusted root, kept.

https://developer.paypal.com/api/rest/webhooks/rest/#link-selfverificationmethod
"""

import asyncio
import os
import re
import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import certifi
from attrs import define, field, frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from adapters.gateways.outward import CA_VARIABLES, Route
from adapters.gateways.paypal.wire import LIVE_ADDRESS, SANDBOX_ADDRESS
from application.ports.gateway_notifications import InvalidNotification, RefusedBecause
from application.ports.payment_gateway import GatewayUnavailable

FETCH_SECONDS: Final = 5.0
"""How long a certificate may be waited for: PayPal waits longer for our reply."""

MAX_PEM_BYTES: Final = 64 * 1024
"""A chain of three certificates has about 6 kB."""

MAX_KEPT: Final = 16
"""How many certificates are kept: PayPal uses one at a time for some months."""

MAX_ADDRESS: Final = 300

# Such as https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-1d93a270
_PATH: Final = re.compile(r"/v1/notifications/certs/[A-Za-z0-9_-]{1,128}", re.ASCII)

_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)

# Where PayPal keeps them, and the names in them, as in PayPal's SDKs.
_LIVE: Final = ("api.paypal.com", "api-m.paypal.com")
_SANDBOX: Final = ("api.sandbox.paypal.com", "api-m.sandbox.paypal.com")
_LIVE_NAME: Final = "messageverificationcerts.paypal.com"
_SANDBOX_NAME: Final = "messageverificationcerts.sandbox.paypal.com"


Fetch = Callable[[str], Awaitable[bytes]]
"""Returns the PEM file at an address; raises as `fetch` does."""


async def fetch(address: str) -> bytes:
    """Return what PayPal has at this address; a redirect is not followed.

    Raises:
        InvalidNotification: there is no certificate.
        GatewayUnavailable: it cannot be fetched now.
    """
    route = Route.to(address, certifi.where())
    try:
        async with (
            route.open_plain_session() as session,
            session.get(address, allow_redirects=False) as response,
        ):
            content = await response.content.read(MAX_PEM_BYTES + 1)
            while len(content) <= MAX_PEM_BYTES and not response.content.at_eof():
                content += await response.content.read(MAX_PEM_BYTES)
    except (aiohttp.ClientError, OSError) as error:
        raise GatewayUnavailable(
            f"PayPal's certificate cannot be fetched: {type(error).__name__}"
        ) from None
    if response.status in (400, 404, 410):
        raise _refused("PayPal has no such certificate")
    if response.status != 200:
        raise GatewayUnavailable(f"instead of a certificate, PayPal replied {response.status}")
    if len(content) > MAX_PEM_BYTES:
        raise _refused("the certificate is too large")
    return content


@frozen
class _Kept:
    key: RSAPublicKey
    since: datetime
    until: datetime


@define(slots=False)
class Certificates:
    """The certificates that PayPal signs its webhooks with.

    Certificates of the live mode count in the live mode only, and those of the sandbox in the
    sandbox. With another base address, those below it count, too. Each one must lead to a public
    authority, or to one that SSL_CERT_FILE names: also below another base address.
    """

    base_address: str
    _fetch: Fetch = field(default=fetch, kw_only=True, repr=False)
    _trusted: Sequence[x509.Certificate] = field(default=(), kw_only=True, repr=False)
    """Authorities beside the public ones and those of the environment."""
    _kept: dict[str, _Kept] = field(factory=dict, init=False, repr=False)
    _fetching: asyncio.Lock = field(factory=asyncio.Lock, init=False, repr=False)

    async def key(self, address: str, now: datetime) -> RSAPublicKey:
        """Return the public key of the certificate at this address.

        Raises:
            InvalidNotification: it is not PayPal's, or not valid now.
            GatewayUnavailable: it cannot be fetched now.
        """
        names = self._names(address)
        if (kept := self._kept.get(address)) is None:
            try:
                async with asyncio.timeout(FETCH_SECONDS), self._fetching:
                    # Another notification may have fetched it meanwhile.
                    kept = self._kept.get(address) or await self._fetched(address, names, now)
            except TimeoutError:
                raise GatewayUnavailable("PayPal's certificate did not come in time") from None
        if not kept.since <= now <= kept.until:
            del self._kept[address]
            raise _refused("PayPal's certificate is not valid at this time")
        return kept.key

    def _names(self, address: str) -> Sequence[str]:
        """Return the names that the certificate at an address may have.

        Raises:
            InvalidNotification: PayPal keeps no certificates there.
        """
        base = self.base_address.rstrip("/")
        if len(address) <= MAX_ADDRESS and address.isascii() and address.isprintable():
            try:
                parts = urlsplit(address)
                is_plain = parts.scheme == "https" and _PATH.fullmatch(parts.path) is not None
            except ValueError:
                raise _refused("the certificate's address cannot be read") from None
            # The whole address is compared, so that it has neither user, port, query nor fragment.
            if is_plain and address == f"https://{parts.hostname}{parts.path}":
                if parts.hostname in _LIVE and base != SANDBOX_ADDRESS:
                    return (_LIVE_NAME,)
                if parts.hostname in _SANDBOX and base != LIVE_ADDRESS:
                    return (_SANDBOX_NAME,)
            is_official = base in (LIVE_ADDRESS, SANDBOX_ADDRESS)
            below = address.removeprefix(base) if address.startswith(base) else ""
            if not is_official and _PATH.fullmatch(below):
                return (_LIVE_NAME, _SANDBOX_NAME)
        raise _refused("the certificate's address is not PayPal's")

    async def _fetched(self, address: str, names: Sequence[str], now: datetime) -> _Kept:
        chain = _chain(await self._fetch(address))
        leaf = chain[0]
        self._verify(chain, names, now)
        key = leaf.public_key()
        if not isinstance(key, RSAPublicKey):
            raise _refused("PayPal's certificate has no RSA key")
        if len(self._kept) >= MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        kept = _Kept(key, leaf.not_valid_before_utc, leaf.not_valid_after_utc)
        self._kept[address] = kept
        return kept

    def _verify(self, chain: list[x509.Certificate], names: Sequence[str], now: datetime) -> None:
        """Check that a chain leads from one of these names to a root.

        Raises:
            InvalidNotification: it does not.
        """
        policy = PolicyBuilder().store(self._roots).time(now)
        for name in names:
            try:
                policy.build_server_verifier(x509.DNSName(name)).verify(chain[0], chain[1:])
            except VerificationError:
                continue
            return
        raise _refused("the certificate is not PayPal's, or leads to no authority that is trusted")

    @cached_property
    def _roots(self) -> Store:
        public = _load(Path(certifi.where()))
        return Store([*public, *_own_authorities(os.environ), *self._trusted])


def _chain(content: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError:
        raise _refused("the certificate cannot be read") from None


def _own_authorities(environment: Mapping[str, str]) -> list[x509.Certificate]:
    """Return the authorities that the environment names, as for connections."""
    name = next((each for each in CA_VARIABLES if environment.get(each)), None)
    path = Path(environment[name]) if name else None
    if path is None:
        return []
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return [certificate for file in files if file.is_file() for certificate in _load(file)]


def _load(file: Path) -> list[x509.Certificate]:
    """Return the certificates of a file; none if it has other contents.

    Some authorities of old have numbers that are not allowed any more: they are left out.
    """
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("error", CryptographyDeprecationWarning)
        for each in _PEM.findall(file.read_bytes()):
            with suppress(ValueError, CryptographyDeprecationWarning):
                found.append(x509.load_pem_x509_certificate(each))
    return found


def _refused(reason: str) -> InvalidNotification:
    return InvalidNotification(reason, RefusedBecause.WRONG_SIGNATURE)
