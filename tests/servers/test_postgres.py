"""A local PostgreSQL server."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import pytest

from payments_kit.servers.postgres import LocalPostgres
from payments_kit.servers.postgres_programs import Programs, reachable_copy
from payments_kit.servers.processes import LocalServerError, User, temporary_home


async def ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


@pytest.fixture
def kept() -> Iterator[Path]:
    """A data folder to be kept, in a place that `nobody` can enter too."""
    home = temporary_home(User.unprivileged())
    with TemporaryDirectory(dir=home, prefix="payments-test-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "postgres"


@pytest.fixture
def stranger() -> Iterator[int]:
    """The pid of another program of the server's user."""
    user = User.unprivileged()
    sleeper = ["sleep", "600"]
    with subprocess.Popen(sleeper, user=user.uid if os.geteuid() == 0 else None) as process:
        yield process.pid
        process.kill()


async def test_it_answers(postgres_server: LocalPostgres) -> None:
    assert await ask(postgres_server.url, "SELECT 42") == 42


async def test_it_is_in_unicode_in_every_database(empty_database_url: str) -> None:
    assert await ask(empty_database_url, "SHOW server_encoding") == "UTF8"
    assert await ask(empty_database_url, "SELECT upper('żółć')") == "ŻÓŁĆ"


async def test_it_wants_the_password(postgres_server: LocalPostgres) -> None:
    address = f"postgresql://payments:guess@127.0.0.1:{postgres_server.port}/postgres"
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(address, "SELECT 42")


async def test_it_copies_a_template(postgres_server: LocalPostgres) -> None:
    original = postgres_server.create_database("original")
    await ask(original, "CREATE TABLE t AS SELECT 1 AS a")
    copy = postgres_server.create_database("copy", template="original")
    assert await ask(copy, "SELECT a FROM t") == 1
    assert postgres_server.has_database("copy")
    postgres_server.drop_database("copy")
    postgres_server.drop_database("original")
    assert not postgres_server.has_database("copy")


def test_it_says_what_is_wrong_with_a_statement(postgres_server: LocalPostgres) -> None:
    with pytest.raises(LocalServerError, match="syntax error"):
        postgres_server.execute("SELEKT")


async def test_it_serves_an_async_context() -> None:
    async with LocalPostgres(fsync=False) as server:
        assert await ask(server.url, "SELECT 42") == 42


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_it_keeps_data_and_address_through_a_restart(end: str) -> None:
    with LocalPostgres(fsync=False) as server:
        url = server.url
        await ask(url, "CREATE TABLE t AS SELECT 1 AS a")
        getattr(server, end)()
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await ask(url, "SELECT 42")
        server.start()
        assert server.url == url
        assert await ask(url, "SELECT a FROM t") == 1


async def test_two_at_once_are_two() -> None:
    with LocalPostgres(fsync=False) as one, LocalPostgres(fsync=False) as other:
        await ask(one.url, "CREATE TABLE t AS SELECT 1 AS a")
        with pytest.raises(asyncpg.UndefinedTableError):
            await ask(other.url, "SELECT a FROM t")


def test_it_leaves_nothing_behind() -> None:
    with LocalPostgres(fsync=False) as server:
        folder = server.folder
        assert folder.exists()
        server.kill()
    assert not folder.exists()


async def test_it_keeps_a_folder_that_was_given(kept: Path) -> None:
    with LocalPostgres(kept, fsync=False) as server:
        await ask(server.url, "CREATE TABLE t AS SELECT 1 AS a")
    with LocalPostgres(kept, fsync=False) as server:
        assert await ask(server.url, "SELECT a FROM t") == 1


def test_it_starts_in_an_empty_folder_that_someone_made(kept: Path) -> None:
    kept.mkdir(mode=0o755)
    with LocalPostgres(kept, fsync=False) as server:
        assert server.execute("SELECT 42").strip() == "42"


def test_it_starts_again_after_its_end() -> None:
    server = LocalPostgres(fsync=False)
    for _ in range(2):
        with server:
            assert server.execute("SELECT 42").strip() == "42"


def test_it_shares_its_folder_with_no_other(kept: Path) -> None:
    with (
        LocalPostgres(kept, fsync=False),
        pytest.raises(LocalServerError, match="in use by another process"),
        LocalPostgres(kept, fsync=False),
    ):
        pass


async def test_it_starts_where_a_dead_one_left_a_pid_that_lives_again(
    kept: Path, stranger: int
) -> None:
    with LocalPostgres(kept, fsync=False) as server:
        await ask(server.url, "CREATE TABLE t AS SELECT 1 AS a")
        server.kill()
    pidfile = kept / "data" / "postmaster.pid"
    _, rest = pidfile.read_text().split("\n", 1)
    pidfile.write_text(f"{stranger}\n{rest}")
    with LocalPostgres(kept, fsync=False) as server:
        assert await ask(server.url, "SELECT a FROM t") == 1


def test_it_starts_over_where_initdb_was_interrupted(kept: Path) -> None:
    with LocalPostgres(kept, fsync=False):
        pass
    (kept / "data").rename(kept / "data.unfinished")
    with LocalPostgres(kept, fsync=False) as server:
        assert server.execute("SELECT 42").strip() == "42"


def test_it_ends_a_failed_start_with_its_log(kept: Path) -> None:
    with LocalPostgres(kept, fsync=False):
        pass
    (kept / "data" / "global" / "pg_control").unlink()
    with pytest.raises(LocalServerError, match=r"(?s)did not start.*pg_control"):
        LocalPostgres(kept, fsync=False).start()


def test_it_refuses_a_folder_of_another_version(kept: Path) -> None:
    with LocalPostgres(kept, fsync=False):
        pass
    (kept / "data" / "PG_VERSION").write_text("12\n")
    with pytest.raises(LocalServerError, match="made by PostgreSQL 12"):
        LocalPostgres(kept, fsync=False).start()


def test_it_runs_from_a_copy_where_its_user_cannot_enter(tmp_path: Path) -> None:
    copied = reachable_copy(Programs.find(), tmp_path)
    answer = subprocess.run(
        [copied.initdb, "--version"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert f"(PostgreSQL) {copied.major}" in answer
    assert tmp_path in copied.initdb.parents
    assert reachable_copy(Programs.find(), tmp_path) == copied


def test_it_serves_many_starts_at_once() -> None:
    async def start_and_ask() -> object:
        async with LocalPostgres(fsync=False) as server:
            return await ask(server.url, "SELECT 42")

    async def all_of_them() -> list[object]:
        return await asyncio.gather(*(start_and_ask() for _ in range(3)))

    assert asyncio.run(all_of_them()) == [42, 42, 42]
