"""`payments doctor` with broken databases: one line for each, which says what to do."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import asyncpg
import pytest
from click.testing import CliRunner, Result

from entrypoints.cli import main
from payments_kit.servers.nats import LocalNats
from payments_kit.servers.postgres import LocalPostgres
from payments_kit.servers.processes import free_port

ROLE = "a_shop"
SECRET = "hunter2"


def execute(url: str, *statements: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(url)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    asyncio.run(run())


def changed(url: str, *, user: str | None = None, host: str | None = None, query: str = "") -> str:
    parts = urlsplit(url)
    userinfo, _, old_host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user or userinfo}@{host or old_host}", query=query).geturl()


def with_query(query: str) -> Callable[[str], str]:
    return lambda url: changed(url, query=query)


def with_host(host: str) -> Callable[[str], str]:
    return lambda url: changed(url, host=host)


def with_user(user: str) -> Callable[[str], str]:
    return lambda url: changed(url, user=user)


def after(*statements: str, user: str | None = None) -> Callable[[str], str]:
    """Run statements in the database; `{name}` is its name."""

    def prepare(url: str) -> str:
        name = urlsplit(url).path[1:]
        execute(url, *(each.format(name=name) for each in statements))
        return changed(url, user=user)

    return prepare


def with_the_name_of_no_database(url: str) -> str:
    return f"{url}_unknown"


BROKEN: dict[str, tuple[Callable[[str], str], str]] = {
    "wrong password": (with_user(f"payments:{SECRET}"), "password authentication failed"),
    "unknown role": (with_user(f"nobody_knows:{SECRET}"), "authentication failed"),
    "unknown database": (with_the_name_of_no_database, "does not exist"),
    "no server": (with_host(f"127.0.0.1:{free_port()}"), "connection refused"),
    "two hosts without a server": (
        with_host(f"127.0.0.1:{free_port()},127.0.0.1:{free_port()}"),
        "no host can be used",
    ),
    "unknown host": (
        with_host("no-such-host.invalid"),
        "no-such-host.invalid:5432: the name",
    ),
    "no socket": (with_query("host=/nonexistent"), "/nonexistent:5432: no such file or directory"),
    "a role that may not sign in": (
        after(f"ALTER ROLE {ROLE} NOLOGIN", user=f"{ROLE}:{SECRET}"),
        "not permitted to log in",
    ),
    "a role without connections": (
        after(f"ALTER ROLE {ROLE} CONNECTION LIMIT 0", user=f"{ROLE}:{SECRET}"),
        "too many connections",
    ),
    "a role without CONNECT": (
        after("REVOKE CONNECT ON DATABASE {name} FROM PUBLIC", user=f"{ROLE}:{SECRET}"),
        "permission denied for database",
    ),
    "a role without privileges": (
        after(user=f"{ROLE}:{SECRET}"),
        "lacks DELETE, INSERT, SELECT, UPDATE on",
    ),
    "a privilege is missing": (
        after(
            f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {ROLE}",
            f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {ROLE}",
            f"REVOKE UPDATE ON payments FROM {ROLE}",
            user=f"{ROLE}:{SECRET}",
        ),
        f"the role {ROLE} lacks UPDATE on payments",
    ),
    "no schema": (after("DROP SCHEMA public CASCADE"), "search path names no schema"),
    "no tables": (with_query("schema=pristine"), "search path names no schema"),
    "an older schema": (
        after("UPDATE payments_schema_version SET version_num = '0001'"),
        "run `payments migrate`",
    ),
    "a newer schema": (
        after("UPDATE payments_schema_version SET version_num = '9999'"),
        "newer than this program",
    ),
    "another program's tables": (
        after("DROP TABLE payments_schema_version"),
        "of another program",
    ),
    "read-only": (
        after("ALTER DATABASE {name} SET default_transaction_read_only = on"),
        "read-only",
    ),
    "a missing table": (after("DROP TABLE inbox"), "the table inbox is missing"),
    "a table that a crash empties": (
        after("ALTER TABLE outbox SET UNLOGGED"),
        "the table outbox is unlogged: ",
    ),
    "commits that a crash loses": (
        after("ALTER DATABASE {name} SET synchronous_commit = off"),
        "synchronous_commit is off",
    ),
    "rows that the role cannot see": (
        after(
            f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {ROLE}",
            f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {ROLE}",
            "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
            user=f"{ROLE}:{SECRET}",
        ),
        f"the role {ROLE} lacks BYPASSRLS, or a policy on orders",
    ),
    "no TLS": (with_query("sslmode=require"), "the server has no TLS: see sslmode"),
    "no certificates": (with_query("sslmode=verify-full"), "sslrootcert"),
    "unknown parameter": (with_query("sslmod=require"), "sslmod is not supported"),
    "channel binding": (with_query("channel_binding=require"), "channel_binding"),
    "a standby is wanted": (with_query("target_session_attrs=standby"), "target_session_attrs"),
    "raw @ in the password": (with_user(f"payments:p@{SECRET}"), "%40"),
    "unknown setting": (with_query("options=-c%20no_such_setting%3D1"), "no_such_setting"),
}


@pytest.fixture
def _role(postgres_server: LocalPostgres, database_url: str) -> Iterator[None]:
    postgres_server.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{SECRET}'")
    yield
    postgres_server.drop_database(urlsplit(database_url).path[1:])
    postgres_server.execute(f"DROP ROLE {ROLE}")


def doctor(database_url: str, nats_url: str) -> Result:
    environment = {
        "DATABASE_URL": database_url,
        "NATS_URL": nats_url,
        "JWT_KEY": "a-secret-that-nobody-can-guess-4711",
        "PAYMENT_GATEWAY": "fake",
        "HOME": "/nonexistent",
    }
    return CliRunner().invoke(main, ["doctor"], env=environment)


@pytest.mark.usefixtures("_role")
@pytest.mark.parametrize("setup", BROKEN)
def test_a_broken_database_is_one_line(setup: str, database_url: str, nats_url: str) -> None:
    prepare, expected = BROKEN[setup]
    result = doctor(prepare(database_url), nats_url)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit), result.output
    [line] = [each for each in result.output.splitlines() if each.startswith("✗ database")]
    assert expected in line
    assert "Traceback" not in result.output
    assert SECRET not in result.output


def test_a_server_that_never_replies_or_is_another_one_is_one_line(
    database_url: str, nats_server: LocalNats
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for port in (silent.getsockname()[1], nats_server.port):
            url = changed(database_url, host=f"127.0.0.1:{port}", query="connect_timeout=1")
            result = doctor(url, nats_server.url)
            assert isinstance(result.exception, SystemExit), result.output
            lines = [each for each in result.output.splitlines() if each.startswith("✗ database")]
            assert len(lines) == 1, result.output
