"""Find the credentials in a request: a bearer token, or the reference service's session cookie."""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

import msgspec

from entrypoints.http.requests import AnyRequest
from entrypoints.http.sign_in_refusals import Refusal, RefusalReason

# cookie-session's default name now, and when the reference service was written.
COOKIES: Final = ("session", "express:sess")

# Browsers store no cookie above 4 KiB (RFC 6265, section 6.1); bearer tokens may be longer.
MAX_TOKEN_CHARACTERS: Final = 8192

# RFC 7515, section 7.1. PyJWT's decoder skips other characters, so one token would have many forms.
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")


def find_tokens(request: AnyRequest) -> Iterator[str | Refusal]:
    """Yield what may be the user's token, or why it cannot be one.

    A bearer token is used without regard to cookies; cookies are read only if there is none.
    """
    token = bearer(request)
    if token is not None:
        yield token if is_token(token) else _malformed("the Authorization header has no signed JWT")
        return
    for cookie in ";".join(request.headers.getall("cookie", [])).split(";"):
        name, _, value = cookie.partition("=")
        if name.strip() in COOKIES:
            yield _session_token(name.strip(), value.strip().strip('"'))


def bearer(request: AnyRequest) -> str | None:
    """Return the bearer credentials of the request, whatever they are; None if there are none.

    Two headers are no credentials: a proxy in front may have checked the other one.
    """
    values = request.headers.getall("authorization", [])
    if len(values) > 1:
        return ""
    scheme, _, credentials = "".join(values).partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else None


def is_token(value: object) -> bool:
    """Whether this can be a signed token: three parts, of which the last may be empty."""
    return (
        isinstance(value, str)
        and len(value) <= MAX_TOKEN_CHARACTERS
        and _TOKEN.fullmatch(value) is not None
    )


def _session_token(cookie: str, value: str) -> str | Refusal:
    """Return the token in a session cookie: cookie-session's JSON in either base64 alphabet."""
    text = unquote(value).replace("-", "+").replace("_", "/").rstrip("=")
    if len(text) > 2 * MAX_TOKEN_CHARACTERS:
        return _malformed(f"the cookie {cookie} is too long")
    try:
        session = msgspec.json.decode(
            base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        )
    except (binascii.Error, ValueError, RecursionError):
        return _malformed(f"the cookie {cookie} is not cookie-session's base64 JSON")
    token = session.get("jwt") if isinstance(session, dict) else None
    if token is None:
        return Refusal(RefusalReason.NO_TOKEN, f"the cookie {cookie} has no jwt: nobody signed in")
    if isinstance(token, str) and is_token(token):
        return token
    return _malformed(f"the jwt in the cookie {cookie} is not a signed JWT")


def _malformed(text: str) -> Refusal:
    return Refusal(RefusalReason.MALFORMED, text)
