"""The parameters of DATABASE_URL: each is understood, or refused by its name."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, TypeVar

from attrs import define, field

from application.ports.gateway_plugin import InvalidSetting

Option = TypeVar("Option", bound=Enum)

# What a URL leaves out comes from libpq's environment variables
# (https://www.postgresql.org/docs/current/libpq-envars.html).
ENVIRONMENT: Final[Mapping[str, str]] = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "dbname": "PGDATABASE",
    "application_name": "PGAPPNAME",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "options": "PGOPTIONS",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslcrl": "PGSSLCRL",
    "sslnegotiation": "PGSSLNEGOTIATION",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "channel_binding": "PGCHANNELBINDING",
    "gssencmode": "PGGSSENCMODE",
}

# Other spellings, of other drivers: SQLAlchemy, asyncpg, Prisma, JDBC.
ALIASES: Final[Mapping[str, str]] = {
    "database": "dbname",
    "currentSchema": "schema",
    "search_path": "schema",
    "ssl": "sslmode",
}

# Values that change nothing here. The time limits of every wait and statement are our own, so a
# dead connection is noticed without keepalives.
_WITHOUT_EFFECT: Final[Mapping[str, Sequence[str]]] = {
    "channel_binding": ("disable", "prefer"),
    "client_encoding": ("utf8", "utf-8", "auto"),
    "fallback_application_name": (),
    "gssencmode": ("disable", "prefer"),
    "keepalives": (),
    "keepalives_count": (),
    "keepalives_idle": (),
    "keepalives_interval": (),
    "load_balance_hosts": ("disable",),
    "sslcertmode": ("allow",),
    "sslcompression": ("0",),
    "sslsni": ("1",),
    "tcp_user_timeout": (),
}
"""An empty sequence stands for any value."""

_HINTS: Final[Mapping[str, str]] = {
    "channel_binding": "the driver cannot bind channels; sslmode=verify-full checks the server",
    "connection_limit": "use DATABASE_POOL",
    "gssencmode": "the driver cannot encrypt by GSSAPI; use sslmode",
    "pool_size": "use DATABASE_POOL",
    "prepared_statement_cache_size": "use DATABASE_PREPARED=off",
    "prepareThreshold": "use DATABASE_PREPARED=off",
    "service": "write the service's settings into the URL",
    "sslaccept": "use sslmode",
    "statement_cache_size": "use DATABASE_PREPARED=off",
    "statement_timeout": "use options=-c%20statement_timeout=…",
}

_TRUE: Final = ("true", "1", "on", "yes")
_FALSE: Final = ("false", "0", "off", "no")

# The longest value that is read: paths have at most 4,096 bytes (Linux, PATH_MAX).
MAX_VALUE: Final = 4096


@define
class Parameters:
    """The parameters of one URL, and which of them have been read."""

    _url: Mapping[str, str] = field(repr=False)  # it may contain a password
    _environment: Mapping[str, str] = field(repr=False)
    _used: set[str] = field(factory=set)

    @classmethod
    def read(cls, query: Sequence[tuple[str, str]], environment: Mapping[str, str]) -> "Parameters":
        """Take the parameters of a query; of a repeated one, the last."""
        url = {ALIASES.get(name, name): value for name, value in query}
        defaults = {
            name: environment[variable]
            for name, variable in ENVIRONMENT.items()
            if environment.get(variable)
        }
        for name, value in (*url.items(), *defaults.items()):
            if len(value) > MAX_VALUE or not value.isprintable():
                raise InvalidSetting("DATABASE_URL", f"{_shown(name)} has an invalid value")
        return cls(url, defaults)

    def is_in_url(self, name: str) -> bool:
        """Whether the URL has this parameter."""
        return bool(self._url.get(name))

    def text(self, name: str) -> str | None:
        """Return a parameter; None if neither the URL nor the environment has it."""
        self._used.add(name)
        return self._url.get(name) or self._environment.get(name)

    def refuse(self, name: str, problem: str) -> InvalidSetting:
        """Return the error that names a parameter, or the variable that it came from."""
        if not self.is_in_url(name) and name in self._environment:
            return InvalidSetting(ENVIRONMENT[name], problem.removeprefix("="))
        space = "" if problem.startswith("=") else " "
        return InvalidSetting("DATABASE_URL", f"the parameter {_shown(name)}{space}{problem}")

    def flag(self, name: str) -> bool:
        """Return a parameter that is true or false; false by default."""
        value = (self.text(name) or "false").lower()
        if value not in (*_TRUE, *_FALSE):
            raise self.refuse(name, "must be true or false")
        return value in _TRUE

    def seconds(self, name: str, default: int, maximum: int) -> int:
        """Return a number of seconds; 0 and less stand for the default."""
        value = self.text(name) or "0"
        if not (value.removeprefix("-").isascii() and value.removeprefix("-").isdigit()):
            raise self.refuse(name, "must be a whole number of seconds")
        number = int(value[:10])
        return min(number, maximum) if number > 0 else default

    def ports(self) -> list[int]:
        """Return the ports; empty if there are none."""
        value = self.text("port")
        texts = [each.strip() for each in value.split(",")] if value else []
        for each in texts:
            if not (each.isascii() and each.isdigit() and len(each) <= 5 and 0 < int(each) < 65536):
                raise self.refuse("port", "must be from 1 to 65535")
        return [int(each) for each in texts]

    def port(self) -> int:
        """Return the port for hosts without one."""
        return (self.ports() or [5432])[0]

    def target(self, options: type[Option], default: Option) -> Option:
        """Return which servers are used; those that only read are refused."""
        value = self.text("target_session_attrs")
        if value is None:
            return default
        for each in options:
            if each.value == value:
                return each
        names = ", ".join(str(each.value) for each in options)
        raise self.refuse("target_session_attrs", f"must be one of {names}: the service writes")

    def schema(self) -> str | None:
        """Return the schema of our tables."""
        value = self.text("schema")
        if value is not None and ("," in value or value.startswith("pg_")):
            raise self.refuse("schema", "must be the name of one schema")
        return value.strip('"') if value else None

    def server_settings(self) -> dict[str, str]:
        """Return what is sent to the server when a connection opens."""
        settings = {"application_name": self.text("application_name") or "payments"}
        options = self.text("options")
        if options is not None:
            settings["options"] = options
        schema = self.schema()
        if schema is not None:
            quoted = schema.replace('"', '""')
            settings["search_path"] = f'"{quoted}"'
        return settings

    def check_all_used(self) -> None:
        """Refuse the first parameter that is not understood.

        Raises:
            InvalidSetting: there is one.
        """
        for name in (*self._url, *self._environment):
            if name in self._used:
                continue
            hint = f": {_HINTS[name]}" if name in _HINTS else ""
            allowed = _WITHOUT_EFFECT.get(name)
            if allowed is None and name not in self._url:
                continue  # a variable that the URL makes superfluous
            if allowed is None:
                raise self.refuse(name, f"is not supported{hint}")
            value = (self._url.get(name) or self._environment.get(name) or "").lower()
            if value and allowed and value not in allowed:
                raise self.refuse(name, f"={value[:40]!a} is not supported{hint}")


def _shown(name: str) -> str:
    """Return a name for an error; it may be anything."""
    return ascii(name[:40]).strip("'")
