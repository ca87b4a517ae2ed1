"""Web origins: to which addresses a customer may be sent back after a redirect.

An address is compared as text, because every browser reads it in the same way then: anything that a
browser would correct, such as a backslash, a tab or an upper-case host, is refused.
"""

import re
from typing import Final

MAX_URL: Final = 2048
"""Characters of a return URL. Browsers and Stripe accept longer ones; this is ample for a path with
some ids, and keeps the body of a request small."""

_NAME: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = rf"{_NAME}(\.{_NAME})*|\[[0-9a-f:.]{{2,45}}\]"

# As browsers write it (https://url.spec.whatwg.org/#origin): small letters, ASCII, no default port.
_ORIGIN: Final = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_HOST})(:(?P<port>[1-9][0-9]{{0,4}}))?"
)

# Where browsers permit http on a page that may pay:
# https://w3c.github.io/webappsec-secure-contexts/#is-origin-trustworthy
_LOCAL: Final = re.compile(r"localhost|([a-z0-9-]+\.)+localhost|127(\.[0-9]{1,3}){3}|\[::1\]")

_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}

# What may follow an origin: path, query and fragment in the characters of RFC 3986.
_REST: Final = re.compile(r"([/?#]([A-Za-z0-9._~!$&'()*+,;=:@/?#-]|%[0-9A-Fa-f]{2})*)?")


def is_origin(text: str) -> bool:
    """Whether the text is an origin as browsers write it: https, or http on this machine."""
    match = _ORIGIN.fullmatch(text)
    if match is None or match["port"] == _DEFAULT_PORTS[match["scheme"]]:
        return False
    if int(match["port"] or 0) > 65535:
        return False
    return match["scheme"] == "https" or _LOCAL.fullmatch(match["host"]) is not None


def is_url_of(text: str, origins: tuple[str, ...]) -> bool:
    """Whether the text is an absolute URL of one of these origins."""
    match = _ORIGIN.match(text)
    if match is None or match[0] not in origins:
        return False
    return len(text) <= MAX_URL and _REST.fullmatch(text, match.end()) is not None
