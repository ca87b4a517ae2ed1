"""Check the options of a connection without a connection, and without nats-py."""

from adapters.messaging.jetstream.security import Security
from adapters.messaging.jetstream.servers import Servers


def check_options(servers: str, security: Security) -> Servers:
    """Return the servers.

    Raises:
        ValueError: `servers` is not a list of addresses.
        UnusableFile: a file of `security` cannot be used.
    """
    parsed = Servers.parse(servers)
    security.check()
    if parsed.is_websocket and security.handshake_first:
        raise ValueError("has ws:// or wss://, for which NATS_TLS_HANDSHAKE_FIRST has no meaning")
    if parsed.is_websocket and not parsed.is_tls and security.requires_tls:
        raise ValueError("has ws://, but the files for TLS require wss://")
    return parsed
