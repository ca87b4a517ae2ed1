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

CREATE_TABLE = "CREATE TABLE t AS SELECT 1 AS a"
READ_TABLE = "SELECT a FROM t"


async def query(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url, timeout=60)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


@pytest.fixture
def new_folder() -> Iterator[Path]:
    """An empty data folder that `nobody` can enter too."""
    home = temporary_home(User.unprivileged())
    with TemporaryDirectory(dir=home, prefix="payments-test-") as parent:
        Path(parent).chmod(0o711)
        folder = Path(parent) / "postgres"
        folder.mkdir(mode=0o755)
        yield folder


@pytest.fixture
def used_folder(new_folder: Path) -> Path:
    """A data folder that a server created and that it uses no longer."""
    folder = new_folder / "created" / "by server"
    with LocalPostgres(folder, fsync=False):
        return folder


@pytest.fixture
def foreign_pid() -> Iterator[int]:
    """The pid of another program of the server's user."""
    user = User.unprivileged().uid if os.geteuid() == 0 else None
    with subprocess.Popen(["sleep", "600"], user=user) as process:
        yield process.pid
        process.kill()


async def test_its_databases_use_unicode_and_require_the_password(
    empty_database_url: str, postgres_server: LocalPostgres
) -> None:
    assert await query(empty_database_url, "SHOW server_encoding") == "UTF8"
    assert await query(empty_database_url, "SELECT upper('żółć')") == "ŻÓŁĆ"
    address = f"postgresql://payments:guess@127.0.0.1:{postgres_server.port}/postgres"
    with pytest.raises(asyncpg.InvalidPasswordError):
        await query(address, "SELECT 42")


async def test_it_copies_a_template(postgres_server: LocalPostgres) -> None:
    await query(postgres_server.create_database("original"), CREATE_TABLE)
    copy = postgres_server.create_database("copy", template="original")
    assert await query(copy, READ_TABLE) == 1
    assert postgres_server.has_database("copy")
    postgres_server.drop_database("copy")
    postgres_server.drop_database("original")
    assert not postgres_server.has_database("copy")


def test_an_invalid_statement_raises_the_error_of_postgresql(
    postgres_server: LocalPostgres,
) -> None:
    with pytest.raises(LocalServerError, match="syntax error"):
        postgres_server.execute("SELEKT")


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_it_keeps_data_and_address_until_it_is_closed(end: str) -> None:
    with LocalPostgres(fsync=False) as server:
        url, folder = server.url, server.folder
        await query(url, CREATE_TABLE)
        getattr(server, end)()
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await query(url, READ_TABLE)
        server.start()
        assert server.url == url
        assert await query(url, READ_TABLE) == 1
        getattr(server, end)()
    assert not folder.exists()


async def test_several_at_once_are_independent() -> None:
    async def start_and_query() -> object:
        async with LocalPostgres(fsync=False) as server:
            await query(server.url, CREATE_TABLE)
            return await query(server.url, READ_TABLE)

    assert await asyncio.gather(*(start_and_query() for _ in range(3))) == [1, 1, 1]


async def test_a_given_folder_keeps_its_data_and_belongs_to_one_server(new_folder: Path) -> None:
    server = LocalPostgres(new_folder, fsync=False)
    with server:
        await query(server.url, CREATE_TABLE)
        with pytest.raises(LocalServerError, match="in use by another process"):
            LocalPostgres(new_folder, fsync=False).start()
    with server:
        assert await query(server.url, READ_TABLE) == 1


async def test_it_starts_after_a_crash_though_another_program_has_its_pid(
    new_folder: Path, foreign_pid: int
) -> None:
    with LocalPostgres(new_folder, fsync=False) as server:
        await query(server.url, CREATE_TABLE)
        server.kill()
    pidfile = new_folder / "data" / "postmaster.pid"
    _, rest = pidfile.read_text().split("\n", 1)
    pidfile.write_text(f"{foreign_pid}\n{rest}")
    with LocalPostgres(new_folder, fsync=False) as server:
        assert await query(server.url, READ_TABLE) == 1


def test_it_starts_over_after_an_interrupted_initdb(used_folder: Path) -> None:
    (used_folder / "data").rename(used_folder / "data.unfinished")
    with LocalPostgres(used_folder, fsync=False) as server:
        assert server.execute("SELECT 42").strip() == "42"


@pytest.mark.parametrize(
    ("damaged_file", "error"),
    [
        ("global/pg_control", r"(?s)did not start.*pg_control"),
        ("PG_VERSION", "created by PostgreSQL 12"),
    ],
)
def test_the_error_of_a_failed_start_explains_it(
    used_folder: Path, damaged_file: str, error: str
) -> None:
    (used_folder / "data" / damaged_file).write_text("12\n")
    with pytest.raises(LocalServerError, match=error):
        LocalPostgres(used_folder, fsync=False).start()


def test_a_copy_of_the_programs_works_and_is_made_once(tmp_path: Path) -> None:
    copy = reachable_copy(Programs.find(), tmp_path)
    output = subprocess.check_output([copy.initdb, "--version"], text=True, timeout=60)
    assert f"(PostgreSQL) {copy.major}" in output
    assert tmp_path in copy.initdb.parents
    assert reachable_copy(Programs.find(), tmp_path) == copy
