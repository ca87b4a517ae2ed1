"""Authentication: a session cookie or a bearer token for users, a key for the operator.

The session cookie and its token are those of the reference service.
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

import msgspec
import structlog
from attrs import define, field, frozen
from jwt import PyJWS
from jwt.algorithms import HMACAlgorithm
from jwt.exceptions import PyJWTError

from domain.identifiers import UserId
from entrypoints.http.errors import NotAuthorized
from entrypoints.http.jwks import ALGORITHMS, Jwks, fetch_from
from entrypoints.http.requests import AnyRequest
from entrypoints.http.validation import is_text
from entrypoints.settings import Operator, Settings

# cookie-session's default name now, and when the reference service was written.
COOKIES: Final = ("session", "express:sess")

# Browsers store no cookie above 4 KiB (RFC 6265, section 6.1); bearer tokens may be longer.
MAX_TOKEN_CHARACTERS: Final = 8192

# A verification takes about 60 µs. A minute is short compared with a token's lifetime, and 4,096
# users take 1 MB.
CACHE_SECONDS: Final = 60.0
MAX_CACHED: Final = 4096


@frozen
class User:
    """A user who is signed in."""

    id: UserId


class _HmacWithoutMinimum(HMACAlgorithm):
    """HS256 with a key of any length: deployments of the reference service have short ones."""

    def check_key_length(self, key: bytes) -> None:
        """Accept any length."""


def _hs256_only() -> PyJWS:
    tokens = PyJWS(algorithms=[])
    tokens.register_algorithm("HS256", _HmacWithoutMinimum(HMACAlgorithm.SHA256))
    return tokens


@define
class Authenticator:
    """Verifies users' tokens; a verified token is cached for CACHE_SECONDS."""

    jwt_key: str | None = field(repr=False)
    jwks: Jwks | None = None
    audience: str | None = None
    issuer: str | None = None
    now: Callable[[], float] = time.time
    _hmac: PyJWS = field(factory=_hs256_only)
    _public: PyJWS = field(
        factory=lambda: PyJWS(sorted(ALGORITHMS), {"enforce_minimum_key_length": True})
    )
    _cache: OrderedDict[bytes, tuple[User, float]] = field(factory=OrderedDict, repr=False)

    @classmethod
    def from_settings(cls, settings: Settings) -> "Authenticator":
        """Create an authenticator with the keys that the settings name."""
        jwks = Jwks(fetch_from(settings.jwks_url)) if settings.jwks_url else None
        return cls(settings.jwt_key, jwks, settings.jwt_audience, settings.jwt_issuer)

    async def authenticate(self, request: AnyRequest) -> User:
        """Return the user who sent the request.

        A bearer token is used without regard to cookies; cookies are read only if there is none.

        Raises:
            NotAuthorized: there is no valid token.
            KeysUnavailable: there is a token, but the identity provider's keys cannot be fetched.
        """
        for token in _tokens(request):
            user = await self._verify(token)
            if user is not None:
                return user
        raise NotAuthorized

    async def _verify(self, token: str) -> User | None:
        digest = _digest(token)
        cached = self._cache.get(digest)
        if cached is not None and self.now() < cached[1]:
            self._cache.move_to_end(digest)
            return cached[0]
        claims = await self._claims(token)
        if claims is None or not is_text(claims.get("id")) or not self._is_for_us(claims):
            return None
        expires_at = _expiry(claims, self.now())
        if expires_at is None:
            return None
        user = User(UserId(claims["id"]))
        self._cache[digest] = user, min(expires_at, self.now() + CACHE_SECONDS)
        while len(self._cache) > MAX_CACHED:
            self._cache.popitem(last=False)
        return user

    def _is_for_us(self, claims: Mapping[str, Any]) -> bool:
        """Whether audience and issuer are ours, if they are set (RFC 7519, section 4.1)."""
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        return (self.audience is None or self.audience in audiences) and (
            self.issuer is None or claims.get("iss") == self.issuer
        )

    async def _claims(self, token: str) -> Mapping[str, Any] | None:
        """Return a token's claims; None if its signature or its form is invalid."""
        try:
            header = self._public.get_unverified_header(token)
            algorithm = header.get("alg")
            if algorithm == "HS256" and self.jwt_key is not None:
                payload = self._hmac.decode(token, self.jwt_key, algorithms=["HS256"])
            elif algorithm in ALGORITHMS and self.jwks is not None:
                key = await self.jwks.key(header.get("kid"))
                if key is None:
                    return None
                payload = self._public.decode(token, key, algorithms=[key.algorithm_name])
            else:
                return None
            claims = msgspec.json.decode(payload)
        except (PyJWTError, ValueError, TypeError, RecursionError):
            return None
        return claims if isinstance(claims, dict) else None


def _expiry(claims: Mapping[str, Any], now: float) -> float | None:
    """Return when the claims expire; None if they are not valid now.

    RFC 7519, sections 4.1.4 and 4.1.5. The reference service's tokens have no `exp`: they are
    valid as long as their key is.
    """
    expires_at = claims.get("exp", float("inf"))
    not_before = claims.get("nbf", 0)
    if not all(_is_number(each) for each in (expires_at, not_before)):
        return None
    return float(expires_at) if not_before <= now < expires_at else None


def _is_number(value: object) -> bool:
    # float() raises OverflowError for a whole number that a double cannot hold.
    return isinstance(value, float) or (type(value) is int and abs(value) < 1 << 63)


def _tokens(request: AnyRequest) -> Iterator[str]:
    bearer = _bearer(request)
    if bearer is not None:
        yield bearer
        return
    for cookie in ";".join(request.headers.getall("cookie", [])).split(";"):
        name, _, value = cookie.partition("=")
        if name.strip() in COOKIES:
            token = _session_token(value.strip().strip('"'))
            if token is not None:
                yield token


def _session_token(value: str) -> str | None:
    """Return the token in a session cookie: cookie-session's JSON in either base64 alphabet."""
    text = unquote(value).replace("-", "+").replace("_", "/").rstrip("=")
    if len(text) > 2 * MAX_TOKEN_CHARACTERS:
        return None
    try:
        session = msgspec.json.decode(
            base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        )
    except (msgspec.DecodeError, binascii.Error, ValueError, RecursionError):
        return None
    token = session.get("jwt") if isinstance(session, dict) else None
    return token if _may_be_token(token) else None


def _bearer(request: AnyRequest) -> str | None:
    """Return the bearer token; None if there is none, "" if it cannot be valid."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    return token.strip() if _may_be_token(token.strip()) else ""


def _may_be_token(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and len(value) <= MAX_TOKEN_CHARACTERS


def check_operator(request: AnyRequest, operators: Iterable[Operator]) -> str:
    """Return the name of the operator whose key the request carries; the log lines show it.

    Raises:
        NotAuthorized: it carries the key of none.
    """
    actual = _digest(_bearer(request) or "")
    # Every key is compared, so that the time does not depend on which one it is.
    names = [each.name for each in operators if hmac.compare_digest(actual, _digest(each.key))]
    if not names:
        raise NotAuthorized
    structlog.contextvars.bind_contextvars(operator=names[0])
    return names[0]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
