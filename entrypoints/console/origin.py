"""Where a request of a browser comes from, and the cookie of its session."""

import re
from typing import Final
from urllib.parse import urlsplit

from attrs import frozen

from entrypoints.http.errors import NotAuthorized
from entrypoints.http.http_request import HttpRequest

_NAME: Final = "payments-ops"

SECURE_COOKIE: Final = f"__Host-{_NAME}"
"""Browsers accept this name only over https, without a domain, for the whole host.
https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#name-the-__host-prefix"""

LOCAL_COOKIE: Final = _NAME
"""For a console on this machine, or behind `kubectl port-forward`, where there is no https."""

_LOOPBACK: Final = re.compile(r"(localhost|[a-z0-9-]+\.localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?")


class ForeignRequest(NotAuthorized):
    """A form was sent by another site, or its session has ended meanwhile."""


class NotEncrypted(Exception):
    """The console was opened over http from another machine."""


@frozen
class SessionCookie:
    """The cookie of a session; `name` follows from how the browser reached us."""

    name: str

    @classmethod
    def for_sign_in(cls, request: HttpRequest) -> "SessionCookie":
        """Return the cookie for a browser that signs in; it says itself whether it uses https.

        Raises:
            NotEncrypted: the key was sent in plain text over a network.
        """
        scheme, host = _origin(request)
        if scheme == "http" and not _is_local(host):
            raise NotEncrypted
        is_plain = scheme != "https" and _is_local(_only(request, "host"))
        return cls(LOCAL_COOKIE if is_plain else SECURE_COOKIE)

    def begin(self, token: str) -> str:
        """Return the header that sets it, until the browser ends."""
        return f"{self.name}={token}{self._attributes}"

    def end(self) -> str:
        """Return the header that deletes it."""
        return f"{self.name}=; Max-Age=0{self._attributes}"

    @property
    def _attributes(self) -> str:
        secure = "; Secure" if self.name == SECURE_COOKIE else ""
        return f"; Path=/; HttpOnly; SameSite=Strict{secure}"


def session_cookie(request: HttpRequest) -> tuple[SessionCookie, str] | None:
    """Return the cookie of a request with its token; None if there is none."""
    names = (SECURE_COOKIE, LOCAL_COOKIE) if _is_local(_only(request, "host")) else (SECURE_COOKIE,)
    for wanted in names:
        for each in ";".join(request.fields.getall("cookie")).split(";"):
            name, _, value = each.strip().partition("=")
            if name == wanted and value:
                return SessionCookie(name), value
    return None


def check_origin(request: HttpRequest) -> None:
    """Return if a form was sent by a page of ours.

    Every browser says where a form comes from. The host is compared only where it does not say so
    in Sec-Fetch-Site: a proxy may have changed the host. https://www.w3.org/TR/fetch-metadata/

    Raises:
        ForeignRequest: another site has sent it.
    """
    site, own = _only(request, "sec-fetch-site"), _only(request, "host").lower()
    if site and site != "same-origin":
        raise ForeignRequest
    if not site and _only(request, "origin") and _origin(request)[1] != own:
        raise ForeignRequest


def comes_from_elsewhere(request: HttpRequest) -> bool:
    """Whether a link of another site was followed: the browser leaves out our cookie then."""
    return _only(request, "sec-fetch-site") == "cross-site"


def _origin(request: HttpRequest) -> tuple[str, str]:
    """Return the scheme and the host of the page that sent a form; of `null` they are empty."""
    try:
        origin = urlsplit(_only(request, "origin").lower())
    except ValueError:  # such as of `http://[`
        return "", ""
    return origin.scheme, origin.netloc


def _is_local(host: str) -> bool:
    return _LOOPBACK.fullmatch(host.lower()) is not None


def _only(request: HttpRequest, name: str) -> str:
    """Return the value of a header; a text that is none of ours if there are several."""
    values = request.fields.getall(name)
    return values[0] if len(values) == 1 else "?" * bool(values)
