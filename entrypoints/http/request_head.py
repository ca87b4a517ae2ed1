"""Refuse requests whose head has more than one meaning, before anything is routed by it.

A proxy in front of the service may hide a path, or choose a service by the host. It and we must
understand the same by the same bytes.
"""

import re
from typing import Final

from litestar.types import HTTPScope

from entrypoints.http.errors import CLOSE_CONNECTION, NotFound, reply_to
from entrypoints.http.http_request import HeaderValues
from entrypoints.http.replies import Reply, problem_reply
from entrypoints.http.reply_bodies import ErrorDetail

# Each path has one spelling: no empty segment, so no `//` and no slash at the end; no `.` and
# `..`; no escape of a character that needs none (RFC 3986, section 6.2.2.2), nor of a slash,
# which would be a separator for some programs only.
_SEGMENT: Final = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-F]{2})+")
# The usual path, with neither dots nor escapes, is found at once.
_PLAIN: Final = re.compile(rb"(?:/[A-Za-z0-9_~!$&'()*+,;=:@-]+)+")
_ESCAPED: Final = re.compile(rb"%([0-9A-F]{2})")
_NEVER_ESCAPED: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/\\"
)
_DOTS: Final = frozenset({b".", b".."})

# What a name, an address and a port consist of (RFC 9110, section 7.2; RFC 3986, section 3.2.2).
_HOST: Final = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]+")

# The parser accepts HTTP/0.9 and HTTP/2.0, too.
_VERSIONS: Final = ("1.1", "1.0")


def refusal(scope: HTTPScope, fields: HeaderValues) -> Reply | None:
    """Return the reply to a request that is refused for its head; None if it is not."""
    if scope["http_version"] not in _VERSIONS:
        detail = ErrorDetail("The version must be HTTP/1.1 or HTTP/1.0")
        return problem_reply(505, detail, headers=CLOSE_CONNECTION)
    if not _has_one_host(scope, fields):
        detail = ErrorDetail("The request must have one Host header", "Host")
        return problem_reply(400, detail, headers=CLOSE_CONNECTION)
    codings = fields.raw(b"transfer-encoding")
    if codings and any(value.strip().lower() != b"chunked" for value in codings):
        # RFC 9112, section 6.1.
        detail = ErrorDetail("The only transfer coding is chunked", "Transfer-Encoding")
        return problem_reply(501, detail, headers=CLOSE_CONNECTION)
    if not is_canonical(scope["raw_path"]):
        return reply_to(NotFound())
    return None


def is_canonical(path: bytes) -> bool:
    """Whether this is the one spelling of a path."""
    if path == b"/" or _PLAIN.fullmatch(path):
        return True
    root, *segments = path.split(b"/")
    return root == b"" and bool(segments) and all(_is_segment(segment) for segment in segments)


def _is_segment(segment: bytes) -> bool:
    if segment in _DOTS or not _SEGMENT.fullmatch(segment):
        return False
    return _NEVER_ESCAPED.isdisjoint(int(each, 16) for each in _ESCAPED.findall(segment))


def _has_one_host(scope: HTTPScope, fields: HeaderValues) -> bool:
    """Whether there is one Host header, as RFC 9112, section 3.2, requires."""
    hosts = fields.raw(b"host")
    if scope["http_version"] == "1.1":
        return len(hosts) == 1 and _HOST.fullmatch(hosts[0].strip()) is not None
    hosts = [host.strip() for host in hosts]
    return len(hosts) <= 1 and all(not host or _HOST.fullmatch(host) for host in hosts)
