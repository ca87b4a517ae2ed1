"""The operator of a session: found by a key at the sign-in, and by a token afterwards."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from attrs import field, frozen

from application.ports.operator_sessions import (
    OperatorSession,
    OperatorSessions,
    SessionLimits,
)
from entrypoints.http.credentials import digest
from entrypoints.settings import Operator

LIMITS: Final = SessionLimits(idle=timedelta(minutes=30), longest=timedelta(hours=12))
"""NIST SP 800-63B, section 4.2.3: 30 minutes of inactivity, and 12 hours, at level 2.
https://pages.nist.gov/800-63-3/sp800-63b.html"""

# 256 random bits, as the keys of HMAC-SHA-256 have.
_TOKEN_BYTES: Final = 32

MAX_TOKEN_CHARACTERS: Final = 64
"""More than a token has."""


@frozen
class SignedIn:
    """An operator with a session."""

    name: str
    token: str = field(repr=False)

    @property
    def form_token(self) -> str:
        """What every form of this session contains, and another site cannot know."""
        mac = hmac.digest(self.token.encode(), b"forms of the console", hashlib.sha256)
        return base64.urlsafe_b64encode(mac).decode().rstrip("=")

    def has_form_token(self, value: str) -> bool:
        """Whether a form is of this session."""
        return hmac.compare_digest(digest(value), digest(self.form_token))


@frozen
class OperatorDesk:
    """Begins, finds and ends the sessions of operators."""

    operators: Sequence[Operator]
    sessions: OperatorSessions

    async def sign_in(self, key: str) -> SignedIn | None:
        """Begin a session of the operator with this key; None if it is nobody's.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        actual = digest(key)
        # Every key is compared, so that the time does not depend on which one it is.
        found = [each for each in self.operators if hmac.compare_digest(actual, digest(each.key))]
        if not found:
            return None
        signed_in = SignedIn(found[0].name, secrets.token_urlsafe(_TOKEN_BYTES))
        session = OperatorSession(signed_in.name, _proof(found[0].key, signed_in.token))
        await self.sessions.begin(_session_id(signed_in.token), session)
        return signed_in

    async def find(self, token: str, *, is_use: bool = True) -> SignedIn | None:
        """Return the operator of a token; None if its session has ended.

        A session ends when the key of its operator is not in the settings any more.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        read = self.sessions.use if is_use else self.sessions.find
        session = await read(_session_id(token), LIMITS)
        if session is None:
            return None
        keys = [each.key for each in self.operators if each.name == session.operator]
        if any(hmac.compare_digest(session.proof, _proof(key, token)) for key in keys):
            return SignedIn(session.operator, token)
        return None

    async def sign_out(self, token: str) -> None:
        """End a session.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        await self.sessions.end(_session_id(token))


def _session_id(token: str) -> bytes:
    return hashlib.sha256(b"session of the console " + token.encode()).digest()


def _proof(key: str, token: str) -> bytes:
    return hmac.digest(key.encode(errors="surrogatepass"), token.encode(), hashlib.sha256)
