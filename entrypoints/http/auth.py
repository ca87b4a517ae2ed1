"""Authentication of users: a session cookie or a bearer token.

The session cookie and its token are those of the reference service.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, Final

import msgspec
from attrs import define, field, frozen
from jwt import PyJWS
from jwt.algorithms import HMACAlgorithm
from jwt.exceptions import InvalidSignatureError, PyJWTError

from application.ports.alerts import AlertKind, Alerts
from application.ports.clock import Clock
from domain.identifiers import UserId
from entrypoints.http.credentials import Credential, digest, find_credentials
from entrypoints.http.errors import NotAuthorized
from entrypoints.http.http_request import HttpRequest
from entrypoints.http.jwks import Fetch, Jwks
from entrypoints.http.key_set import ALGORITHMS, KeySet
from entrypoints.http.sign_in_refusals import Refusal, RefusalLog, RefusalReason
from entrypoints.http.token_claims import ClaimRules, Claims
from entrypoints.settings import Settings

# A verification takes about 60 µs. A minute is short compared with a token's lifetime, and 4,096
# users take 1 MB.
CACHE_SECONDS: Final = 60.0
MAX_CACHED: Final = 4096

# An identity provider has a few keys at a time; a header has at most 8 KiB.
MAX_HEADERS: Final = 64


@frozen
class User:
    """A user who is signed in."""

    id: UserId


@frozen
class _Verified:
    """A token that was verified a short time ago."""

    user: User
    until: float
    """When it is verified again, on the monotonic clock."""
    expires_at: datetime | None
    key_set: KeySet | None
    """The identity provider's keys when it was verified; after a change, it is verified again."""


class _HmacWithoutMinimum(HMACAlgorithm):
    """HS256 with a key of any length: deployments of the reference service have short ones.

    Each of our keys is checked once: that takes longer than a signature.
    """

    def __init__(self) -> None:
        super().__init__(HMACAlgorithm.SHA256)
        self._checked: dict[str | bytes, bytes] = {}

    def prepare_key(self, key: str | bytes) -> bytes:
        """Return the bytes of a key that is not one of another algorithm."""
        if key not in self._checked:
            self._checked[key] = super().prepare_key(key)
        return self._checked[key]

    def check_key_length(self, key: bytes) -> None:
        """Accept any length."""


def _hs256_only() -> PyJWS:
    tokens = PyJWS(algorithms=[])
    tokens.register_algorithm("HS256", _HmacWithoutMinimum())
    return tokens


@define
class Authenticator:
    """Verifies users' tokens; a verified token is cached for CACHE_SECONDS."""

    hmac_keys: Sequence[bytes] = field(repr=False)
    """JWT_KEY, and JWT_KEY_PREVIOUS while it is rotated."""
    clock: Clock
    refusals: RefusalLog
    jwks: Jwks | None = None
    rules: ClaimRules = field(factory=ClaimRules)
    seconds: Callable[[], float] = time.monotonic
    _hmac: PyJWS = field(init=False, factory=_hs256_only)
    _public: PyJWS = field(init=False, factory=partial(PyJWS, sorted(ALGORITHMS)))
    _cache: OrderedDict[bytes, _Verified] = field(init=False, factory=OrderedDict, repr=False)

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        clock: Clock,
        refusals: RefusalLog,
        alerts: Alerts,
        fetch_keys_from: Callable[[str], Fetch],
    ) -> "Authenticator":
        """Create an authenticator with the keys that the settings name."""
        keys = [each for each in (settings.jwt_key, settings.jwt_key_previous) if each is not None]
        report = partial(alerts.report, AlertKind.SIGN_IN_UNAVAILABLE, "JWKS_URL")
        return cls(
            hmac_keys=[each.encode(errors="surrogateescape") for each in keys],
            clock=clock,
            refusals=refusals,
            jwks=(
                Jwks(fetch_keys_from(settings.jwks_url), report=report)
                if settings.jwks_url
                else None
            ),
            rules=ClaimRules(settings.jwt_audience, settings.jwt_issuer, settings.jwt_user_claim),
        )

    async def authenticate(self, request: HttpRequest) -> User:
        """Return the user who sent the request.

        Raises:
            NotAuthorized: there is no valid token; the log has the reason.
            KeysUnavailable: there is a token, but the identity provider's keys cannot be fetched.
            StorageUnavailable: there is a token that may have expired, but the time is not known.
        """
        refusal: Refusal | None = None
        for credential in find_credentials(request):
            # As it was sent: to find the token in a cookie takes as long as to hash it.
            hashed = digest(f"{credential.cookie} {credential.text}")
            cached = self._cache.get(hashed)
            if cached is not None and self._is_current(cached):
                self._cache.move_to_end(hashed)
                return cached.user
            try:
                return await self._verify(credential, hashed)
            except Refusal as error:
                # Its traceback has this frame, which would keep it, and the request, as garbage.
                refusal = error.with_traceback(None)
        text = "there is no token in an Authorization header or session cookie"
        self.refusals.record(refusal or Refusal(RefusalReason.NO_TOKEN, text))
        raise NotAuthorized

    async def _verify(self, credential: Credential, hashed: bytes) -> User:
        user_id, expires_at = self.rules.check(await self._claims(credential.token()), self.clock)
        user = User(user_id)
        until = self.seconds() + CACHE_SECONDS
        self._cache[hashed] = _Verified(user, until, expires_at, self._key_set)
        while len(self._cache) > MAX_CACHED:
            self._cache.popitem(last=False)
        return user

    def _is_current(self, cached: _Verified) -> bool:
        return (
            self.seconds() < cached.until
            and (self.jwks is None or cached.key_set is self.jwks.key_set)
            and (cached.expires_at is None or self.clock() < cached.expires_at)
        )

    @property
    def _key_set(self) -> KeySet | None:
        return self.jwks.key_set if self.jwks else None

    async def _claims(self, token: str) -> Claims:
        """Return the claims of a token whose signature is valid."""
        try:
            header = _header(token.partition(".")[0])
            match header.get("alg"):
                case "HS256":
                    payload = self._verify_hmac(token)
                case str() as algorithm if algorithm in ALGORITHMS:
                    payload = await self._verify_public(token, header.get("kid"), algorithm)
                case _:
                    text = "the token's algorithm is none of HS256, RS256 and ES256"
                    raise Refusal(RefusalReason.ALGORITHM, text)
            claims = msgspec.json.decode(payload)
        except (PyJWTError, ValueError, TypeError, RecursionError) as error:
            text = f"the token is malformed ({type(error).__name__})"
            raise Refusal(RefusalReason.MALFORMED, text) from None
        if not isinstance(claims, dict):
            raise Refusal(RefusalReason.MALFORMED, "the token's claims are not an object")
        return claims

    def _verify_hmac(self, token: str) -> bytes:
        if not self.hmac_keys:
            text = "the token is signed with HS256, and JWT_KEY is not set"
            raise Refusal(RefusalReason.ALGORITHM, text)
        for key in self.hmac_keys:
            payload = _payload(self._hmac, token, key, "HS256")
            if payload is not None:
                return payload
        previous = " or JWT_KEY_PREVIOUS" if len(self.hmac_keys) > 1 else ""
        text = f"the token's signature is not one of JWT_KEY{previous}"
        raise Refusal(RefusalReason.SIGNATURE, text)

    async def _verify_public(self, token: str, key_id: str | None, algorithm: str) -> bytes:
        if self.jwks is None:
            text = f"the token is signed with {algorithm}, and JWKS_URL is not set"
            raise Refusal(RefusalReason.ALGORITHM, text)
        keys = await self.jwks.keys(key_id, algorithm)
        if not keys:
            named = "no key id" if key_id is None else "a key id that the key set does not have"
            raise Refusal(RefusalReason.UNKNOWN_KEY, f"the token has {named} for {algorithm}")
        for key in keys:
            payload = _payload(self._public, token, key.public_key, key.algorithm)
            if payload is not None:
                return payload
        text = "the token's signature is not one of the identity provider's keys"
        raise Refusal(RefusalReason.SIGNATURE, text)


_HEADERS: Final = PyJWS(algorithms=[])


@lru_cache(MAX_HEADERS)
def _header(encoded: str) -> Mapping[str, Any]:
    """Return the header of a token; nearly all tokens of an issuer have the same."""
    return _HEADERS.get_unverified_header(f"{encoded}..")


def _payload(tokens: PyJWS, token: str, key: Any, algorithm: str) -> bytes | None:
    """Return the payload if this key has signed the token."""
    try:
        payload: bytes = tokens.decode(token, key, algorithms=[algorithm])
    except InvalidSignatureError:
        return None
    return payload
