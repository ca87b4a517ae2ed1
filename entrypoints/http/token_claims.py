"""Check the claims of a verified token (RFC 7519, section 4.1)."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from attrs import frozen

from domain.identifiers import UserId
from entrypoints.http.sign_in_refusals import Refusal, RefusalReason
from entrypoints.opaque_ids import read_id

# The reference service's claim, then the one of every identity provider (RFC 7519, section 4.1.2).
DEFAULT_CLAIMS: Final = ("id", "sub")

# A provider whose clock is ahead issues tokens that are not valid yet here; a minute is usual in
# other libraries, such as Spring Security. An expiry is exact: a client renews its token before,
# and a token that is no longer valid must not pay.
EARLY: Final = timedelta(seconds=60)

# How much of the names of claims is logged.
_MAX_NAMES: Final = 12
_NAME: Final = re.compile(r"[\w:/.-]{1,40}", re.ASCII)

# datetime ends in the year 9999.
_MAX_SECONDS: Final = 253_402_300_799
# Programs count seconds with 64 bits; a larger number is no time.
_LARGEST: Final = 1 << 63

_EPOCH: Final = datetime.fromtimestamp(0, UTC)

Claims = Mapping[str, Any]


@frozen
class ClaimRules:
    """What a token must say."""

    audience: str | None = None
    issuer: str | None = None
    user_claim: str | None = None
    """The claim that names the user; None for the first of DEFAULT_CLAIMS that it has."""

    def check(self, claims: Claims, now: Callable[[], datetime]) -> tuple[UserId, datetime | None]:
        """Return the user, and when the token expires; None if it never does.

        The reference service's tokens have no `exp`: they are valid as long as their key is. `iat`
        says when a token was issued, not when it is valid, so it is not checked.

        Raises:
            Refusal: the claims are not valid now, or not meant for us.
            StorageUnavailable: the time is not known yet.
        """
        expires_at = _time(claims, "exp")
        not_before = _time(claims, "nbf")
        if expires_at is not None and now() >= expires_at:
            age = int((now() - expires_at).total_seconds())
            raise Refusal(RefusalReason.EXPIRED, f"the token expired {age} s ago")
        if not_before is not None and now() + EARLY < not_before:
            wait = int((not_before - now()).total_seconds())
            raise Refusal(RefusalReason.NOT_YET_VALID, f"the token is valid in {wait} s only")
        self._check_audience_and_issuer(claims)
        return self._user(claims), expires_at

    def _check_audience_and_issuer(self, claims: Claims) -> None:
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if self.audience is not None and self.audience not in audiences:
            is_absent = audience is None
            problem = "has no aud" if is_absent else "has another aud than JWT_AUDIENCE"
            raise Refusal(RefusalReason.AUDIENCE, f"the token {problem}")
        if self.issuer is not None and claims.get("iss") != self.issuer:
            problem = "another iss than JWT_ISSUER" if "iss" in claims else "no iss"
            raise Refusal(RefusalReason.ISSUER, f"the token has {problem}")

    def _user(self, claims: Claims) -> UserId:
        candidates = (self.user_claim,) if self.user_claim else DEFAULT_CLAIMS
        name = next((each for each in candidates if claims.get(each) is not None), None)
        if name is None:
            wanted = " or ".join(candidates)
            raise Refusal(
                RefusalReason.USER,
                f"the token has the claims {_names(claims)}, but not {wanted}:"
                " set JWT_USER_CLAIM to the claim that names the user",
            )
        try:
            return UserId(read_id(claims[name]))
        except ValueError as error:
            raise Refusal(RefusalReason.USER, f"the claim {name} {error}") from None


def _time(claims: Claims, name: str) -> datetime | None:
    """Return a time in seconds since 1970, fractions included; None if there is none."""
    if name not in claims:
        return None
    value = claims[name]
    # Neither a boolean nor NaN, nor a whole number that a double cannot hold.
    if type(value) not in (int, float) or not -_LARGEST < value < _LARGEST:
        raise Refusal(RefusalReason.MALFORMED, f"the claim {name} is not a number of seconds")
    return _EPOCH + timedelta(seconds=min(max(value, 0), _MAX_SECONDS))


def _names(claims: Claims) -> str:
    """Return the names of the claims; they are signed, but bounded all the same."""
    names = sorted(name if _NAME.fullmatch(name) else "?" for name in claims)
    shown = ", ".join(names[:_MAX_NAMES]) or "(none)"
    return f"{shown}, …" if len(names) > _MAX_NAMES else shown
