"""DATABASE_URL: each form is understood, or refused in one line that names the parameter."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.persistence.sql.database_url import (
    SOCKET_FOLDERS,
    DatabaseUrl,
    Host,
    Target,
)
from adapters.persistence.sql.url_parameters import ALIASES, ENVIRONMENT
from application.ports.gateway_plugin import InvalidSetting


def parse(url: str, **environment: str) -> DatabaseUrl:
    return DatabaseUrl.parse(url, environment)


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ignore the files of the user who runs the tests."""
    monkeypatch.setenv("HOME", "/nonexistent")


UNDERSTOOD: list[tuple[str, dict[str, Any]]] = [
    (
        "postgresql://shop:secret@db/payments",
        {
            "hosts": (Host("db", 5432),),
            "user": "shop",
            "password": "secret",
            "database": "payments",
            "target": Target.ANY,
        },
    ),
    ("postgres://u@db:6432/d", {"hosts": (Host("db", 6432),), "password": None}),
    ("postgresql+asyncpg://u@db/d", {"hosts": (Host("db", 5432),)}),
    ("postgresql://u@[::1]:6432/d", {"hosts": (Host("::1", 6432),)}),
    ("postgresql://u@db", {"database": "u"}),
    ("postgresql://u:p%40ss%2Fw%25@db/d", {"password": "p@ss/w%"}),
    ("postgresql://u:a:b@db/d", {"password": "a:b"}),
    ("postgresql://u@db/d?password=p%26q", {"password": "p&q"}),
    (
        "postgresql://u@a:1,b:2/d",
        {"hosts": (Host("a", 1), Host("b", 2)), "target": Target.READ_WRITE},
    ),
    ("postgresql://u@a,b/d?port=6432", {"hosts": (Host("a", 6432), Host("b", 6432))}),
    ("postgresql://u@/d?host=a,b&port=1,2", {"hosts": (Host("a", 1), Host("b", 2))}),
    ("postgresql://u@a,b/d?target_session_attrs=any", {"target": Target.ANY}),
    ("postgresql://u@a,b/d?target_session_attrs=primary", {"target": Target.PRIMARY}),
    ("postgresql://u@a/d?target_session_attrs=read-write", {"target": Target.READ_WRITE}),
    ("postgresql://u@/d?host=/run/postgresql", {"hosts": (Host("/run/postgresql"),)}),
    ("postgresql://u@%2Frun%2Fpg:6432/d", {"hosts": (Host("/run/pg", 6432),)}),
    ("postgresql://u@h/d?host=/cloudsql/a:b:c", {"hosts": (Host("/cloudsql/a:b:c"),)}),
    ("postgresql:///d?user=u", {"hosts": (*map(Host, SOCKET_FOLDERS), Host("localhost"))}),
    ("postgresql://u@db/d?connect_timeout=7", {"connect_seconds": 7}),
    ("postgresql://u@db/d?connect_timeout=0", {"connect_seconds": 3}),
    ("postgresql://u@db/d?connect_timeout=900", {"connect_seconds": 60}),
    ("postgresql://u@db/d?pgbouncer=true", {"is_pooled": True}),
    ("postgresql://u@db/d?schema=shop", {"schema": "shop"}),
    ("postgresql://u@db/d?currentSchema=shop", {"schema": "shop"}),
    ("postgresql://u@db/d?search_path=shop", {"schema": "shop"}),
    (
        "postgresql://u@db/d?application_name=till&options=-c%20statement_timeout%3D5s&schema=a",
        {
            "server_settings": {
                "application_name": "till",
                "options": "-c statement_timeout=5s",
                "search_path": '"a"',
            }
        },
    ),
    ("postgresql://u@db/d?channel_binding=prefer&gssencmode=disable&keepalives=1", {}),
    ("postgresql://u@db/d?sslcompression=0&sslsni=1&tcp_user_timeout=5&client_encoding=UTF8", {}),
]


@pytest.mark.parametrize(("url", "expected"), UNDERSTOOD, ids=[url for url, _ in UNDERSTOOD])
def test_every_form_of_libpq_is_understood(url: str, expected: dict[str, Any]) -> None:
    parsed = parse(url)
    assert {name: getattr(parsed, name) for name in expected} == expected
    assert "secret" not in repr(parsed)


REFUSED = [
    ("mysql://u@db/d", "not a PostgreSQL URL"),
    ("u@db/d", "not a PostgreSQL URL"),
    ("postgresql://u:p@ss@db/d", "%40"),
    ("postgresql://u:p/w@db/d", "%2F"),
    ("postgresql://u:p?w@db/d", "%3F"),
    ("postgresql://u:p#w@db/d", "%23"),
    ("postgresql://u:100%@db/d", "%25"),
    ("postgresql://u:p%00@db/d", "NUL"),
    ("postgresql://u@db:port/d", "host:port"),
    ("postgresql://u@db:70000/d", "65535"),
    ("postgresql://u@db:0/d", "65535"),
    ("postgresql://u@a,b,c/d?port=1,2", "3 hosts and 2 ports"),
    ("postgresql://u@a b/d", "invalid character"),
    ("postgresql://u@db/d?target_session_attrs=standby", "target_session_attrs"),
    ("postgresql://u@db/d?target_session_attrs=read-only", "target_session_attrs"),
    ("postgresql://u@db/d?target_session_attrs=prefer-standby", "target_session_attrs"),
    ("postgresql://u@db/d?connect_timeout=soon", "connect_timeout"),
    ("postgresql://u@db/d?sslmode=verify", "sslmode"),
    ("postgresql://u@db/d?sslmode=verify-full", "sslrootcert"),
    ("postgresql://u@db/d?sslmode=verify-ca&sslrootcert=/nonexistent", "sslrootcert"),
    ("postgresql://u@db/d?sslmode=require&sslrootcert=system", "verify-full"),
    ("postgresql://u@db/d?sslcert=/nonexistent", "sslcert"),
    ("postgresql://u@db/d?sslnegotiation=direct", "sslmode=require"),
    ("postgresql://u@db/d?sslmode=require&ssl_min_protocol_version=SSLv3", "ssl_min_protocol"),
    ("postgresql://u@db/d?channel_binding=require", "sslmode=verify-full"),
    ("postgresql://u@db/d?gssencmode=require", "gssencmode"),
    ("postgresql://u@db/d?client_encoding=latin1", "client_encoding"),
    ("postgresql://u@db/d?load_balance_hosts=random", "load_balance_hosts"),
    ("postgresql://u@db/d?hostaddr=127.0.0.1", "hostaddr"),
    ("postgresql://u@db/d?service=shop", "service"),
    ("postgresql://u@db/d?require_auth=none", "require_auth"),
    ("postgresql://u@db/d?replication=database", "replication"),
    ("postgresql://u@db/d?connection_limit=5", "DATABASE_POOL"),
    ("postgresql://u@db/d?statement_cache_size=0", "DATABASE_PREPARED"),
    ("postgresql://u@db/d?pgbouncer=maybe", "pgbouncer"),
    ("postgresql://u@db/d?schema=a,b", "schema"),
    ("postgresql://u@db/d?sslmod=require", "sslmod"),
    ("postgresql://u@db/d?%0Aevil=1", "evil"),
]


@pytest.mark.parametrize(("url", "hint"), REFUSED, ids=[url for url, _ in REFUSED])
def test_what_cannot_be_honoured_is_refused_by_name(url: str, hint: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        parse(url)
    [problem] = refused.value.problems
    assert problem.startswith("DATABASE_URL: ")
    assert hint in problem


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"PGHOST": "env", "PGPORT": "6432"}, {"hosts": (Host("env", 6432),)}),
        ({"PGUSER": "env", "PGDATABASE": "shop"}, {"user": "env", "database": "shop"}),
        ({"PGPASSWORD": "env"}, {"password": "env"}),
        ({"PGPASSFILE": "/env"}, {"passfile": "/env"}),
        ({"PGTARGETSESSIONATTRS": "primary"}, {"target": Target.PRIMARY}),
        ({"PGCONNECT_TIMEOUT": "9"}, {"connect_seconds": 9}),
        ({"PGAPPNAME": "env"}, {"server_settings": {"application_name": "env"}}),
    ],
    ids=str,
)
def test_libpqs_variables_supply_what_the_url_leaves_out(
    environment: dict[str, str], expected: dict[str, Any]
) -> None:
    parsed = parse("postgresql://", USER="u", **environment)
    assert {name: getattr(parsed, name) for name in expected} == expected


def test_the_url_is_stronger_than_libpqs_variables() -> None:
    names = ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGAPPNAME")
    parsed = parse("postgresql://u:p@db:1/d?application_name=a", **dict.fromkeys(names, "9"))
    assert (parsed.hosts, parsed.user, parsed.password) == ((Host("db", 1),), "u", "p")
    assert (parsed.database, parsed.server_settings) == ("d", {"application_name": "a"})


def test_an_invalid_variable_of_libpq_is_named() -> None:
    with pytest.raises(InvalidSetting, match=r"^PGSSLMODE: must be one of"):
        parse("postgresql://u@db/d", PGSSLMODE="strict")
    with pytest.raises(InvalidSetting, match=r"^PGCHANNELBINDING: 'require' is not supported"):
        parse("postgresql://u@db/d", PGCHANNELBINDING="require")


def test_files_in_a_home_that_this_user_cannot_enter_are_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".postgresql").mkdir(parents=True)
    home.chmod(0)  # root may enter it nevertheless, and finds no file
    try:
        monkeypatch.setenv("HOME", str(home))
        tls = parse("postgresql://u@db/d?sslmode=require").tls
    finally:
        home.chmod(0o700)
    assert (tls.ca_file, tls.certificate, tls.key) == (None, None, None)


NAMES = st.sampled_from([*ENVIRONMENT, *ALIASES, "schema", "pgbouncer", "sslsni", "anything"])
VALUES = st.text(max_size=12) | st.sampled_from(["require", "1", "true", "/tmp", "a,b", "1,2"])


@given(
    userinfo=st.text(max_size=12),
    hosts=st.text("ab:,[]%/@.123", max_size=12),
    query=st.lists(st.tuples(NAMES, VALUES), max_size=4),
)
def test_any_text_is_read_or_refused_in_one_line(
    userinfo: str, hosts: str, query: list[tuple[str, str]]
) -> None:
    url = f"postgresql://u:{userinfo}@{hosts}/d?" + "&".join(f"{a}={b}" for a, b in query)
    problems: tuple[str, ...] = ("",)
    try:
        parse(url)
    except InvalidSetting as error:
        problems = error.problems
    assert len(problems) == 1
