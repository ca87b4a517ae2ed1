"""DATABASE_URL: every form that libpq accepts, understood or refused by name.

https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
"""

import getpass
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, Literal
from urllib.parse import parse_qsl, unquote

from attrs import field, frozen

from adapters.persistence.sql.tls import TlsSettings, read_tls
from adapters.persistence.sql.url_parameters import Parameters
from application.ports.gateway_plugin import InvalidSetting

VARIABLE: Final = "DATABASE_URL"

Prepared = Literal["auto", "on", "off"]
"""Whether statements are prepared under names, which some connection poolers do not support."""

# In a local network a connection opens within milliseconds, TLS included; a customer waits for it.
CONNECT_SECONDS: Final = 3
# A minute is longer than any customer waits, and than any failover that waiting would help in.
MAX_CONNECT_SECONDS: Final = 60

# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-PORT
DEFAULT_PORT: Final = 5432
# Ports of TCP have 16 bits (RFC 9293, section 3.1).
MAX_PORT: Final = 65535
# More hosts than a cluster has; it bounds the time until all are tried.
MAX_HOSTS: Final = 16

# Where servers put their sockets if the URL names no host: Debian's and upstream's default.
SOCKET_FOLDERS: Final = ("/run/postgresql", "/tmp")  # noqa: S108

_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Target(Enum):
    """Which servers are used."""

    ANY = "any"
    PRIMARY = "primary"
    READ_WRITE = "read-write"


@frozen
class Host:
    """One server."""

    name: str
    """A host name, an address, or the folder of a unix socket."""
    port: int = DEFAULT_PORT

    @property
    def is_socket(self) -> bool:
        """Whether it is the folder of a unix socket."""
        return self.name.startswith("/")

    def __str__(self) -> str:
        return f"{self.name}:{self.port}"


@frozen(kw_only=True)
class DatabaseUrl:
    """What DATABASE_URL says, completed by libpq's environment variables and defaults."""

    hosts: tuple[Host, ...]
    user: str
    password: str | None = field(repr=False)
    passfile: str | None
    """The file with passwords, if the URL has none."""
    database: str
    target: Target
    connect_seconds: float
    server_settings: Mapping[str, str]
    schema: str | None
    """The schema of our tables; None for the server's search path."""
    is_pooled: bool
    """Whether the URL says that there is a connection pooler (`pgbouncer=true`)."""
    tls: TlsSettings

    @classmethod
    def parse(cls, text: str, environment: Mapping[str, str]) -> "DatabaseUrl":
        """Read a URL; `environment` supplies what it leaves out.

        Raises:
            InvalidSetting: it is malformed or has a parameter that cannot be honoured.
        """
        authority, path, query = _split(text.strip())
        user, password, hostspec = _split_authority(authority, path + query)
        read = Parameters.read(_query(query), environment)
        hosts = _hosts(hostspec, read)
        user = user or read.text("user") or _system_user()
        password = password or read.text("password")
        result = cls(
            hosts=hosts
            or tuple(Host(each, read.port()) for each in (*SOCKET_FOLDERS, "localhost")),
            user=user,
            password=password,
            passfile=read.text("passfile"),
            database=_decoded(path.removeprefix("/")) or read.text("dbname") or user,
            target=read.target(Target, Target.READ_WRITE if len(hosts) > 1 else Target.ANY),
            connect_seconds=read.seconds("connect_timeout", CONNECT_SECONDS, MAX_CONNECT_SECONDS),
            server_settings=read.server_settings(),
            schema=read.schema(),
            is_pooled=read.flag("pgbouncer"),
            tls=read_tls(read),
        )
        read.check_all_used()
        return result


def _split(text: str) -> tuple[str, str, str]:
    """Return the authority, the path and the query of a URL."""
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise InvalidSetting(VARIABLE, "is not a PostgreSQL URL (postgresql:// or postgres://…)")
    before_query, _, query = rest.partition("?")
    authority, slash, path = before_query.partition("/")
    return authority, slash + path, query


def _split_authority(authority: str, rest: str) -> tuple[str, str | None, str]:
    """Return the user (perhaps empty), the password and the list of hosts."""
    userinfo, _, hostspec = authority.rpartition("@")
    if "@" in userinfo:
        raise InvalidSetting(
            VARIABLE, "has more than one @: write an @ of the user or password as %40"
        )
    if not userinfo and ":" in authority and "@" in rest:
        raise InvalidSetting(
            VARIABLE, "has an @ after the first / or ?: in a password, write / as %2F and ? as %3F"
        )
    if "#" in userinfo + hostspec:
        raise InvalidSetting(VARIABLE, "has a # before the database: write it as %23")
    user, colon, password = userinfo.partition(":")
    return _decoded(user), _decoded(password) if colon else None, hostspec


def _query(query: str) -> Sequence[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True)


def _decoded(text: str) -> str:
    if _PERCENT.search(text):
        raise InvalidSetting(VARIABLE, "has a % that is no escape: write it as %25")
    decoded = unquote(text)
    if "\0" in decoded:
        raise InvalidSetting(VARIABLE, "contains a NUL character")
    return decoded


def _hosts(hostspec: str, read: Parameters) -> tuple[Host, ...]:
    """Return the hosts; the parameter `host` replaces those of the authority, as in libpq."""
    named = read.text("host")
    names, own_ports = _split_hostspec(hostspec)
    if named is not None and (not any(names) or read.is_in_url("host")):
        names, own_ports = named.split(","), []
    if not any(names):
        return ()
    ports = read.ports() or [DEFAULT_PORT]
    if not any(own_ports):
        own_ports = [None] * len(names)
    if len(ports) == 1:
        ports *= len(names)
    if len(ports) != len(names) or len(names) > MAX_HOSTS:
        raise InvalidSetting(
            VARIABLE, f"has {len(names)} hosts and {len(ports)} ports (at most {MAX_HOSTS} hosts)"
        )
    hosts = tuple(
        Host(name.strip() or "localhost", own or port)
        for name, own, port in zip(names, own_ports, ports, strict=True)
    )
    if any(not re.fullmatch(r"[\w.:%/@-]+", host.name) for host in hosts):
        raise InvalidSetting(VARIABLE, "has a host name with an invalid character")
    return hosts


def _split_hostspec(hostspec: str) -> tuple[list[str], list[int | None]]:
    names: list[str] = []
    ports: list[int | None] = []
    for each in hostspec.split(","):
        found = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]*)(?::(\d*))?", each)
        if found is None:
            raise InvalidSetting(VARIABLE, "is not a list of host:port")
        names.append(_decoded(found[1].strip("[]")))
        ports.append(_port(found[2]) if found[2] else None)
    return names, ports


def _port(text: str) -> int:
    if not (len(text) <= 5 and 1 <= int(text) <= MAX_PORT):
        raise InvalidSetting(VARIABLE, f"has a port that is not from 1 to {MAX_PORT}")
    return int(text)


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        raise InvalidSetting(VARIABLE, "has no user") from None
