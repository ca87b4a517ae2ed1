"""Who is asking: the seed's session cookie or a bearer token for users, a key for the operator."""

import base64
import binascii
import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

import msgspec
from attrs import define, field, frozen
from jwt import PyJWS
from jwt.algorithms import HMACAlgorithm
from jwt.exceptions import PyJWTError

from domain.identifiers import UserId
from entrypoints.http.errors import NotAuthorized
from entrypoints.http.jwks import ALGORITHMS, Jwks, fetching
from entrypoints.http.requests import AnyRequest, is_text
from entrypoints.settings import Settings

# cookie-session's default name at the time of the seed, and its name since.
COOKIES: Final = ("session", "express:sess")

# Browsers keep no cookie above 4 KiB (RFC 6265, section 6.1); bearer tokens may be longer.
MAX_TOKEN_CHARACTERS: Final = 8192

# A check costs some 60 µs. A minute is short against a token's life, and 4,096 users take 1 MB.
REMEMBERED_SECONDS: Final = 60.0
MAX_REMEMBERED: Final = 4096


@frozen
class User:
    """Somebody who is signed in."""

    id: UserId


class _SeedsHmac(HMACAlgorithm):
    """HS256 with a key of any length: the seed's deployments have short ones."""

    def check_key_length(self, key: bytes) -> None:
        """Accept it."""


def _hs256_only() -> PyJWS:
    tokens = PyJWS(algorithms=[])
    tokens.register_algorithm("HS256", _SeedsHmac(HMACAlgorithm.SHA256))
    return tokens


@define
class Authenticator:
    """Tells who a request is from."""

    jwt_key: str | None = field(repr=False)
    jwks: Jwks | None = None
    audience: str | None = None
    issuer: str | None = None
    now: Callable[[], float] = time.time
    _hmac: PyJWS = field(factory=_hs256_only)
    _public: PyJWS = field(
        factory=lambda: PyJWS(sorted(ALGORITHMS), {"enforce_minimum_key_length": True})
    )
    _remembered: OrderedDict[bytes, tuple[User, float]] = field(factory=OrderedDict, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> "Authenticator":
        """With the keys that the settings name."""
        jwks = Jwks(fetching(settings.jwks_url)) if settings.jwks_url else None
        return cls(settings.jwt_key, jwks, settings.jwt_audience, settings.jwt_issuer)

    async def user(self, request: AnyRequest) -> User:
        """The user of a request.

        A bearer token is what the client wants to be judged by; cookies count only without one.

        Raises:
            NotAuthorized: there is no token that holds.
            KeysUnavailable: there is one, but the identity provider's keys are not to be had.
        """
        for token in _tokens(request):
            user = await self._verified(token)
            if user is not None:
                return user
        raise NotAuthorized

    async def _verified(self, token: str) -> User | None:
        digest = hashlib.sha256(token.encode()).digest()
        known = self._remembered.get(digest)
        if known is not None and self.now() < known[1]:
            self._remembered.move_to_end(digest)
            return known[0]
        claims = await self._claims(token)
        if claims is None or not is_text(claims.get("id")) or not self._is_for_us(claims):
            return None
        expires_at = _expiry(claims, self.now())
        if expires_at is None:
            return None
        user = User(UserId(claims["id"]))
        self._remembered[digest] = user, min(expires_at, self.now() + REMEMBERED_SECONDS)
        while len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return user

    def _is_for_us(self, claims: Mapping[str, Any]) -> bool:
        """Whether it names our audience and issuer, where these matter (RFC 7519, section 4.1)."""
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        return (self.audience is None or self.audience in audiences) and (
            self.issuer is None or claims.get("iss") == self.issuer
        )

    async def _claims(self, token: str) -> Mapping[str, Any] | None:
        """What a token says, if its signature is right; whatever else is wrong with it, None."""
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
    """Until when the claims hold; None if they do not now (RFC 7519, sections 4.1.4 and 4.1.5).

    The seed's tokens have no `exp`: those hold as long as their key does.
    """
    expires_at = claims.get("exp", float("inf"))
    not_before = claims.get("nbf", 0)
    if not all(_is_number(each) for each in (expires_at, not_before)):
        return None
    return float(expires_at) if not_before <= now < expires_at else None


def _is_number(value: object) -> bool:
    # A longer whole number than a double can hold would raise when made a float.
    return isinstance(value, float) or (type(value) is int and abs(value) < 1 << 63)


def _tokens(request: AnyRequest) -> Iterator[str]:
    bearer = _bearer(request)
    if bearer is not None:
        yield bearer
        return
    for cookie in ";".join(request.headers.getall("cookie", [])).split(";"):
        name, _, value = cookie.partition("=")
        if name.strip() in COOKIES:
            token = _in_session(value.strip().strip('"'))
            if token is not None:
                yield token


def _in_session(value: str) -> str | None:
    """The token in a session cookie: cookie-session's base64 of JSON, in either alphabet."""
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
    return token if _is_token(token) else None


def _bearer(request: AnyRequest) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    return token.strip() if _is_token(token.strip()) else ""


def _is_token(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and len(value) <= MAX_TOKEN_CHARACTERS


def check_operator(request: AnyRequest, key: str) -> None:
    """Let only the operator pass.

    Raises:
        NotAuthorized: the request does not carry the operator's key.
    """
    given = hashlib.sha256((_bearer(request) or "").encode()).digest()
    if not hmac.compare_digest(given, hashlib.sha256(key.encode()).digest()):
        raise NotAuthorized
