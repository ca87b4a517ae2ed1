"""The client's address, without the parts of X-Forwarded-For or Forwarded that a client can forge.

An address is what the decline limits count by, so one customer must not have many. A port is no
part of it: some balancers append it, and each connection has another one.
"""

import hashlib
import ipaddress
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Final

from entrypoints.http.http_request import HttpRequest

# A customer usually gets a whole /64 (RFC 6177) and may use any address within it.
_IPV6_PREFIX_LENGTH = 64

_IPV4_WITH_PORT: Final = re.compile(r"([0-9.]+):[^:]*")
_BRACKETED: Final = re.compile(r"\[([^\]]*)\](?::.*)?")

# The pair of an element of Forwarded that names the client (RFC 7239, section 4). It does not
# backtrack: a client chooses how long the text is.
_FOR: Final = re.compile(
    r'(?:^|;)\s*for=(?:"((?:[^"\\]|\\.)*)"|([^;,"\s]*))\s*(?=;|$)', re.IGNORECASE
)
_ESCAPE: Final = re.compile(r"\\(.)")

# To parse an address and hash its network takes 10 µs; 4,096 addresses take 1 MB.
MAX_CACHED: Final = 4096

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def decline_sources(request: HttpRequest, user_id: str, trusted_proxies: int) -> tuple[str, str]:
    """Return the sources of an attempt to pay, for the decline limits; the address is hashed."""
    return f"user:{user_id}", client_source(request, trusted_proxies)


def client_source(request: HttpRequest, trusted_proxies: int) -> str:
    """Return the source that stands for the client's address, which is hashed."""
    return _source(_client_address(request, trusted_proxies))


@lru_cache(MAX_CACHED)
def _source(address: str) -> str:
    return f"address:{hashlib.sha256(_network(address).encode()).hexdigest()}"


def _client_address(request: HttpRequest, trusted_proxies: int) -> str:
    """Return the address of the client of our outermost proxy; without proxies, the peer's.

    Each proxy appends the address of its own peer, so the client can forge anything further left.
    If that proxy hides the address (`unknown`, `_hidden`), all its clients count as one: the proxy.
    """
    client = request.scope["client"]
    peer = client[0] if client else ""
    if trusted_proxies == 0:
        return peer
    node = next(islice(_forwarded_for(request), trusted_proxies - 1, None), "")
    address = _address(node)
    return peer if address is None else str(address)


def _forwarded_for(request: HttpRequest) -> Iterator[str]:
    """Yield the nodes that the proxies have named, of the innermost proxy's client first.

    X-Forwarded-For is what nearly all proxies write; Forwarded is read where there is none.
    """
    if values := request.fields.getall("x-forwarded-for"):
        return reversed(",".join(values).split(","))
    return map(_node, _elements(",".join(request.fields.getall("forwarded"))))


def _elements(forwarded: str) -> Iterator[str]:
    """Yield the elements of Forwarded, the last one first; a quoted text may have commas.

    What the client wrote itself is on the left. Read from there, a quotation mark without its
    counterpart would hide what the proxies have appended.
    """
    end, is_quoted = len(forwarded), False
    for at in range(len(forwarded) - 1, -1, -1):
        if forwarded[at] == '"' and forwarded[max(at - 1, 0)] != "\\":
            is_quoted = not is_quoted
        elif forwarded[at] == "," and not is_quoted:
            yield forwarded[at + 1 : end]
            end = at
    yield forwarded[:end]


def _node(element: str) -> str:
    found = _FOR.findall(element)
    if len(found) != 1:
        return ""
    quoted, token = found[0]
    return _ESCAPE.sub(r"\1", quoted) or str(token)


def _address(node: str) -> _Address | None:
    """Return the address of a node: with or without a port, brackets and an IPv6 zone."""
    text = node.strip().strip('"').strip()
    if found := _BRACKETED.fullmatch(text) or _IPV4_WITH_PORT.fullmatch(text):
        text = found[1]
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _network(address: str) -> str:
    """Return the part of an address that a customer cannot choose."""
    parsed = _address(address)
    if parsed is None:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_PREFIX_LENGTH), strict=False))
