"""Find the credentials in a request: a bearer token, or the reference service's session cookie."""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

import msgspec
from attrs import field, frozen

from entrypoints.http.http_request import HttpRequest
from entrypoints.http.sign_in_refusals import Refusal, RefusalReason

# cookie-session's default name now, and when the reference service was written.
COOKIES: Final = ("session", "express:sess")

# Browsers store no cookie above 4 KiB (RFC 6265, section 6.1); bearer tokens may be longer.
MAX_TOKEN_CHARACTERS: Final = 8192

# RFC 7515, section 7.1. PyJWT's decoder skips other characters, so one token would have many forms.
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")


@frozen
class Credential:
    """What may name the user, as it was sent."""

    cookie: str | None
    """The name of the session cookie; None for a bearer token."""
    text: str = field(repr=False)

    def token(self) -> str:
        """Return the token in it.

        Raises:
            Refusal: there is none.
        """
        if self.cookie is not None:
            return _session_token(self.cookie, self.text)
        if not is_token(self.text):
            raise _malformed("the Authorization header has no signed JWT")
        return self.text


def find_credentials(request: HttpRequest) -> Iterator[Credential]:
    """Yield what may name the user.

    A bearer token is used without regard to cookies; cookies are read only if there is none.
    """
    token = bearer(request)
    if token is not None:
        yield Credential(None, token)
        return
    for cookie in ";".join(request.fields.getall("cookie")).split(";"):
        name, _, value = cookie.partition("=")
        if name.strip() in COOKIES:
            yield Credential(name.strip(), value.strip().strip('"'))


def bearer(request: HttpRequest) -> str | None:
    """Return the bearer credentials of the request, whatever they are; None if there are none.

    Two headers are no credentials: a proxy in front may have checked the other one.
    """
    values = request.fields.getall("authorization")
    if not values:
        return None
    if len(values) > 1:
        return ""
    scheme, _, credentials = values[0].partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else None


def digest(text: str) -> bytes:
    """Return a hash by which a secret is compared or remembered."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def is_token(value: object) -> bool:
    """Whether this can be a signed token: three parts, of which the last may be empty."""
    return (
        isinstance(value, str)
        and len(value) <= MAX_TOKEN_CHARACTERS
        and _TOKEN.fullmatch(value) is not None
    )


def _session_token(cookie: str, value: str) -> str:
    """Return the token in a session cookie: cookie-session's JSON in either base64 alphabet.

    Raises:
        Refusal: there is none.
    """
    text = unquote(value).replace("-", "+").replace("_", "/").rstrip("=")
    if len(text) > 2 * MAX_TOKEN_CHARACTERS:
        raise _malformed(f"the cookie {cookie} is too long")
    try:
        session = msgspec.json.decode(
            base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        )
    except (binascii.Error, ValueError, RecursionError):
        raise _malformed(f"the cookie {cookie} is not cookie-session's base64 JSON") from None
    token = session.get("jwt") if isinstance(session, dict) else None
    if token is None:
        raise Refusal(RefusalReason.NO_TOKEN, f"the cookie {cookie} has no jwt: nobody signed in")
    if isinstance(token, str) and is_token(token):
        return token
    raise _malformed(f"the jwt in the cookie {cookie} is not a signed JWT")


def _malformed(text: str) -> Refusal:
    return Refusal(RefusalReason.MALFORMED, text)
