"""The addresses of NATS servers, in every form in which hosts give them."""

import re
from typing import Final, Self
from urllib.parse import SplitResult, unquote, urlsplit

from attrs import field, frozen

_TCP: Final = ("nats", "tls")
_WEBSOCKET: Final = ("ws", "wss")

# Deployments of the reference service have `http://nats-srv:4222`, which its client understood.
_SAME_AS_NATS: Final = ("http",)

# A name, or an address; of IPv6 with a zone, too.
_HOST: Final = re.compile(r"[\w.:%-]+")

# https://docs.nats.io/running-a-nats-service/configuration
DEFAULT_PORT: Final = 4222


@frozen
class Servers:
    """The servers of one cluster, and the credentials in their addresses."""

    urls: tuple[str, ...]
    """Without credentials."""
    is_tls: bool
    """Whether one of them is `tls://` or `wss://`: then no connection without TLS is used."""
    is_websocket: bool
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    @property
    def has_credentials(self) -> bool:
        """Whether the addresses have a user or a token."""
        return not (self.user is None and self.password is None and self.token is None)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one or more addresses, separated by commas.

        The credentials are used for all, also for those that the servers announce; it is enough if
        one address has them.

        Raises:
            ValueError: one of them is not an address; the text names no secret.
        """
        parts = [_split(each.strip()) for each in text.split(",")]
        schemes = {part.scheme for part in parts}
        if schemes & {*_TCP} and schemes & {*_WEBSOCKET}:
            raise ValueError("mixes ws:// and wss:// with other servers")
        if schemes >= {*_WEBSOCKET}:
            raise ValueError("mixes ws:// with wss://, which requires TLS")
        named = {(each.username, each.password) for each in parts if "@" in each.netloc}
        if len(named) > 1:
            raise ValueError("has servers with different users: all must accept the same one")
        username, password = next(iter(named), (None, None))
        user = unquote(username) if username else None
        password = unquote(password) if password is not None else None
        return cls(
            urls=tuple(_without_credentials(part).geturl() for part in parts),
            is_tls=bool(schemes & {"tls", "wss"}),
            is_websocket=bool(schemes & {*_WEBSOCKET}),
            user=user if password is not None else None,
            password=password,
            token=user if password is None else None,
        )


def _split(server: str) -> SplitResult:
    if not server:
        raise ValueError("has an empty server in its list")
    try:
        parts = urlsplit(server if "://" in server else f"nats://{server}")
        port = parts.port  # raises ValueError if it is not a number
    except ValueError:
        raise ValueError(
            "has a server whose address cannot be read: put commas between servers, and"
            " percent-encode characters such as @ : / ? # in a password"
        ) from None
    if parts.scheme in _SAME_AS_NATS:
        parts = parts._replace(scheme="nats")
    if parts.scheme not in (*_TCP, *_WEBSOCKET):
        raise ValueError("has a server that is not nats://, tls://, ws://, wss:// or host:port")
    if not parts.hostname or any(each.isspace() for each in server):
        raise ValueError("has a server without a host")
    if not _HOST.fullmatch(parts.hostname):
        raise ValueError("has a server whose host has an invalid character")
    if parts.scheme in _TCP:
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError(
                "has a server with a path: characters such as / ? # in a password must be"
                " percent-encoded"
            )
        parts = parts._replace(path="")
        if port is None:
            parts = parts._replace(netloc=f"{parts.netloc.removesuffix(':')}:{DEFAULT_PORT}")
    return parts


def _without_credentials(parts: SplitResult) -> SplitResult:
    return parts._replace(netloc=parts.netloc.rpartition("@")[2])
