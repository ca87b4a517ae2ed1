"""The client's address, without the parts of X-Forwarded-For that a client can forge."""

import hashlib
import ipaddress

from entrypoints.http.requests import AnyRequest

# A customer usually gets a whole /64 (RFC 6177) and may use any address within it.
_IPV6_PREFIX_LENGTH = 64


def decline_sources(request: AnyRequest, user_id: str, trusted_proxies: int) -> tuple[str, str]:
    """Return the sources of an attempt to pay, for the decline limits; the address is hashed."""
    network = _network(_client_address(request, trusted_proxies))
    return f"user:{user_id}", f"address:{hashlib.sha256(network.encode()).hexdigest()}"


def _client_address(request: AnyRequest, trusted_proxies: int) -> str:
    """Return the address of the client of our outermost proxy; without proxies, the peer's.

    Each proxy appends the address of its own peer, so the client can forge anything further left.
    """
    peer = request.client.host if request.client else ""
    if trusted_proxies == 0:
        return peer
    forwarded = ",".join(request.headers.getall("x-forwarded-for", [])).split(",")
    if len(forwarded) < trusted_proxies:
        return peer
    return forwarded[-trusted_proxies].strip() or peer


def _network(address: str) -> str:
    """Return the part of an address that a customer cannot choose."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_PREFIX_LENGTH), strict=False))
