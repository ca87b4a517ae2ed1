"""Where a request comes from, as far as that can be trusted."""

import hashlib
import ipaddress

from entrypoints.http.requests import AnyRequest

# A customer's line is usually given a whole /64 (RFC 6177), and can change the rest at will.
_IPV6_LINE = 64


def decline_sources(request: AnyRequest, user_id: str, trusted_proxies: int) -> tuple[str, str]:
    """Who tries to pay, for the limit on declined cards; the address only as a hash."""
    line = _line(_client(request, trusted_proxies))
    return f"user:{user_id}", f"address:{hashlib.sha256(line.encode()).hexdigest()}"


def _client(request: AnyRequest, trusted_proxies: int) -> str:
    """The address that the outermost of our own proxies saw; without proxies, the peer's.

    Each proxy appends whom it heard from, so everything further left may be made up.
    """
    peer = request.client.host if request.client else ""
    if trusted_proxies == 0:
        return peer
    forwarded = ",".join(request.headers.getall("x-forwarded-for", [])).split(",")
    if len(forwarded) < trusted_proxies:
        return peer
    return forwarded[-trusted_proxies].strip() or peer


def _line(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_LINE), strict=False))
