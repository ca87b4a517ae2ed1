"""Open connections: each host gets its own short time, and the last good one is tried first."""

import asyncio
import os
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import asyncpg
from asyncpg.connect_utils import SessionAttribute
from attrs import define, field

from adapters.persistence.sql.database_url import DatabaseUrl, Host, Prepared, Target
from adapters.persistence.sql.errors import (
    REJECTED_TLS,
    ConnectionFailed,
    connection_failure,
    reason_of,
)
from adapters.persistence.sql.pooler import PooledConnection, breaks_named_statements

Connection: TypeAlias = "asyncpg.Connection[Any]"


@define
class Connector:
    """Opens the connections of one pool."""

    _url: DatabaseUrl
    _statement_seconds: float
    _prepared: Prepared
    _last_good: Host | None = None
    _has_pooler: dict[Host, bool] = field(factory=dict)
    """What was found out about the hosts, if DATABASE_PREPARED is `auto`."""

    async def connect(self) -> Connection:
        """Open a connection to the first host that accepts one and has the target's role.

        Raises:
            OSError: no host does.
            asyncpg.PostgresError: the only host refuses.
        """
        failures: list[Exception] = []
        for host in self._in_order():
            try:
                async with asyncio.timeout(self._url.connect_seconds):
                    connection = await self._open(host)
            except Exception as error:  # the next host is tried after any of them
                failures.append(self._failure(host, error))
            else:
                self._last_good = host
                return connection
        if len(failures) == 1:
            raise failures[0]
        problems = "; ".join(reason_of(error) for error in failures)
        raise ConnectionFailed(f"no host can be used: {problems}")

    def _failure(self, host: Host, error: Exception) -> Exception:
        """Return an error that names the host, unless the only host has said it itself."""
        failure = connection_failure(host, error)
        if failure is error and len(self._url.hosts) > 1:
            return ConnectionFailed(f"{host}: {reason_of(error)}")
        return failure

    def _in_order(self) -> Sequence[Host]:
        return sorted(self._url.hosts, key=lambda host: host != self._last_good)

    async def _open(self, host: Host) -> Connection:
        connection = await self._connect(host, await self._is_pooled(host))
        try:
            if self._url.target is not Target.ANY and await _is_read_only(connection):
                raise ConnectionFailed("the server is a standby or read-only")
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _is_pooled(self, host: Host) -> bool:
        """Whether statements must do without names, because a pooler would lose them."""
        if self._prepared == "on":
            return False
        if self._prepared == "off" or self._url.is_pooled:
            return True
        if host not in self._has_pooler:
            probe = await self._connect(host, is_pooled=True)
            try:
                self._has_pooler[host] = await breaks_named_statements(probe)
            finally:
                probe.terminate()
        return self._has_pooler[host]

    async def _connect(self, host: Host, is_pooled: bool) -> Connection:
        attempts = [None] if host.is_socket else self._url.tls.attempts()
        for context in attempts[:-1]:
            try:
                return await self._connect_once(host, is_pooled, context)
            except ssl.SSLError:
                pass
            except ConnectionError as error:
                if REJECTED_TLS not in str(error):
                    raise
            except asyncpg.InvalidPasswordError:
                raise
            except asyncpg.InvalidAuthorizationSpecificationError:
                pass  # pg_hba.conf may allow the other attempt
        return await self._connect_once(host, is_pooled, attempts[-1])

    async def _connect_once(
        self, host: Host, is_pooled: bool, context: ssl.SSLContext | None
    ) -> Connection:
        password, passfile = self._password()
        tls: ssl.SSLContext | Literal[False] = False if context is None else context
        kind: type[Connection] = PooledConnection if is_pooled else asyncpg.Connection
        return await asyncpg.connect(
            host=host.name,
            port=host.port,
            user=self._url.user,
            password=password,
            passfile=passfile,
            database=self._url.database,
            # Everything is named here, so that the driver reads no variable and no file by itself.
            ssl=tls,
            direct_tls=context is not None and self._url.tls.is_direct,
            target_session_attrs=SessionAttribute.any,
            server_settings=dict(self._url.server_settings),
            command_timeout=self._statement_seconds,
            # There are about thirty statements; each is prepared once for each connection.
            max_cached_statement_lifetime=0,
            statement_cache_size=0 if is_pooled else 100,
            connection_class=kind,
        )

    def _password(self) -> tuple[str | None, str | None]:
        """Return the password, or the file that the driver takes it from."""
        if self._url.password is not None:
            return self._url.password, None
        home = Path(os.environ.get("HOME") or "/nonexistent")
        passfile = self._url.passfile or str(home / ".pgpass")
        # An empty password is sent only if the server asks for one.
        return (None, passfile) if os.access(passfile, os.R_OK) else ("", None)


async def _is_read_only(connection: Connection) -> bool:
    # From version 14 on, servers report these when a connection opens.
    settings = connection.get_settings()
    standby = getattr(settings, "in_hot_standby", None)
    read_only = getattr(settings, "default_transaction_read_only", None)
    if standby is not None and read_only is not None:
        return "on" in (standby, read_only)
    [(found,)] = await connection.fetch("SELECT current_setting('transaction_read_only')")
    return bool(found == "on")
