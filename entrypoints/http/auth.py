"""Authentication: a session cookie or a bearer token for users, a key for operators.

The session cookie and its token are those of the reference service.
"""

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec
from attrs import define, field, frozen
from jwt import PyJWS
from jwt.algorithms import HMACAlgorithm
from jwt.exceptions import InvalidSignatureError, PyJWTError

from application.log_context import note
from application.ports.alerts import AlertKind, Alerts
from application.ports.clock import Clock
from domain.identifiers import UserId
from entrypoints.http.credentials import Credential, bearer, find_credentials
from entrypoints.http.errors import NotAuthorized
from entrypoints.http.http_request import HttpRequest
from entrypoints.http.jwks import Fetch, Jwks
from entrypoints.http.key_set import ALGORITHMS, KeySet
from entrypoints.http.sign_in_refusals import Refusal, RefusalLog, RefusalReason
from entrypoints.http.token_claims import ClaimRules, Claims
from entrypoints.settings import Operator, Settings

# A verification takes about 60 µs. A minute is short compared with a token's lifetime, and 4,096
# users take 1 MB.
CACHE_SECONDS: Final = 60.0
MAX_CACHED: Final = 4096


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
        refusal = Refusal(
            RefusalReason.NO_TOKEN, "there is no token in an Authorization header or session cookie"
        )
        for credential in find_credentials(request):
            try:
                return await self._verify(credential)
            except Refusal as error:
                refusal = error
        self.refusals.record(refusal)
        raise NotAuthorized

    async def _verify(self, credential: Credential) -> User:
        # The credential as it was sent: to find the token in a cookie takes as long as to hash it.
        digest = _digest(f"{credential.cookie} {credential.text}")
        cached = self._cache.get(digest)
        if cached is not None and self._is_current(cached):
            self._cache.move_to_end(digest)
            return cached.user
        user_id, expires_at = self.rules.check(await self._claims(credential.token()), self.clock)
        user = User(user_id)
        until = self.seconds() + CACHE_SECONDS
        self._cache[digest] = _Verified(user, until, expires_at, self._key_set)
        while len(self._cache) > MAX_CACHED:
            self._cache.popitem(last=False)
        return user

    def _is_current(self, cached: _Verified) -> bool:
        return (
            self.seconds() < cached.until
            and cached.key_set is self._key_set
            and (cached.expires_at is None or self.clock() < cached.expires_at)
        )

    @property
    def _key_set(self) -> KeySet | None:
        return self.jwks.key_set if self.jwks else None

    async def _claims(self, token: str) -> Claims:
        """Return the claims of a token whose signature is valid."""
        try:
            header = self._public.get_unverified_header(token)
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


def _payload(tokens: PyJWS, token: str, key: Any, algorithm: str) -> bytes | None:
    """Return the payload if this key has signed the token."""
    try:
        payload: bytes = tokens.decode(token, key, algorithms=[algorithm])
    except InvalidSignatureError:
        return None
    return payload


@frozen
class OperatorKeys:
    """Finds the operator whose key a request carries."""

    operators: Sequence[Operator]
    refusals: RefusalLog

    def authenticate(self, request: HttpRequest) -> str:
        """Return the name of the operator; the log lines of the request show it, too.

        Raises:
            NotAuthorized: the request carries the key of none.
        """
        credentials = bearer(request)
        actual = _digest(credentials or "")
        # Every key is compared, so that the time does not depend on which one it is.
        names = [
            each.name for each in self.operators if hmac.compare_digest(actual, _digest(each.key))
        ]
        if not names:
            problem = "no key" if credentials is None else "a key that is no operator's"
            text = f"a request of the operator API has {problem}"
            self.refusals.record(Refusal(RefusalReason.OPERATOR_KEY, text))
            raise NotAuthorized
        note(operator=names[0])
        return names[0]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
