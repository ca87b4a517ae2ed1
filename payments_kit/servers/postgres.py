"""LocalPostgres: a local PostgreSQL server."""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from payments_kit.servers.postgres_programs import Programs, reachable_copy
from payments_kit.servers.processes import LocalServerError, SupervisedProcess, User
from payments_kit.servers.server import LocalServer

# initdb takes 0.4 s; a loaded machine with a slow disk takes longer.
INITDB_SECONDS = 120.0
# A statement takes about 30 ms, a copy of a large template longer.
STATEMENT_SECONDS = 60.0
# Line of postmaster.pid with the server's status (src/include/miscadmin.h).
PIDFILE_STATUS_LINE = 7
# From this version on, PostgreSQL has its own C.UTF-8 locale, the same on every machine.
BUILTIN_LOCALE_VERSION = 17
OWNER = "payments"


class LocalPostgres(LocalServer):
    """One PostgreSQL server on the loopback interface, with a generated password.

    It runs as the current user, or as `nobody` if that is root. `fsync=False` is faster and loses
    data in a power failure, so it is for tests only. `settings` override the server's settings.
    """

    name = "postgres"

    def __init__(
        self,
        folder: Path | None = None,
        *,
        fsync: bool = True,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(
            folder, User.unprivileged(), stop_signal=signal.SIGINT, abort_signal=signal.SIGQUIT
        )
        self._fsync = fsync
        self._settings = dict(settings or {})
        self._installed = self._programs = Programs.find()
        self._password = ""

    @property
    def url(self) -> str:
        """The address of the default database `postgres`."""
        return self.url_of("postgres")

    @property
    def password(self) -> str:
        """The password of its owner."""
        return self._password

    def set_read_only(self, is_read_only: bool) -> None:
        """Let sessions, also those that are open, only read; or let them write again."""
        value = "on" if is_read_only else "off"
        self.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        self.execute("SELECT pg_reload_conf()")
        show = "SHOW default_transaction_read_only"
        self.process.wait_until(
            lambda: self.execute(show).strip() == value, STATEMENT_SECONDS, "change its settings"
        )

    def url_of(self, database: str) -> str:
        """Return the address of a database."""
        return f"postgresql://{OWNER}:{self._password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, template: str | None = None) -> str:
        """Create a database, empty or as a copy of an unused one; return its address."""
        copy = f' TEMPLATE "{template}"' if template else ""
        # Copying files needs a checkpoint, which is cheap only without fsync.
        strategy = "" if self._fsync else " STRATEGY file_copy"
        self.execute(f'CREATE DATABASE "{name}"{copy}{strategy}')
        return self.url_of(name)

    def has_database(self, name: str) -> bool:
        """Return whether a database with this name exists."""
        return name in self.execute("SELECT datname FROM pg_database").splitlines()

    def drop_database(self, name: str) -> None:
        """Drop a database and close all connections to it."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, statement: str) -> str:
        """Run one statement as the server's owner; return the rows as lines of text.

        Raises:
            LocalServerError: PostgreSQL reported an error.
        """
        done = subprocess.run(
            [
                *(self._programs.psql, "--no-psqlrc", "--quiet", "--tuples-only", "--no-align"),
                *("--host", "127.0.0.1", "--port", str(self.port), "--username", OWNER),
                *("--dbname", "postgres", "--set", "ON_ERROR_STOP=1", "--command", statement),
            ],
            env={"PGPASSWORD": self._password, "PGCONNECT_TIMEOUT": "10", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=STATEMENT_SECONDS,
        )
        if done.returncode != 0:
            raise LocalServerError(f"{statement}: {done.stderr.strip()}")
        return done.stdout

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _prepare(self, process: SupervisedProcess) -> None:
        if not process.user.can_enter(process.folder):
            raise LocalServerError(
                f"PostgreSQL does not run as root, and the user `nobody` cannot enter "
                f"{process.folder}: choose another data folder, for example below /var/tmp"
            )
        self._programs = self._installed
        if not process.user.can_enter(self._programs.folder):
            self._programs = reachable_copy(self._programs, process.folder / "programs")
        self._password = self._read_or_create_password(process)
        version = self._data / "PG_VERSION"
        if not version.exists():
            self._initialize(process)
        elif int(version.read_text()) != self._programs.major:
            raise LocalServerError(
                f"{self._data} was created by PostgreSQL {version.read_text().strip()}, but "
                f"{self._programs.folder} is version {self._programs.major}:"
                " choose another data folder"
            )
        self._remove_stale_pidfile()

    def _read_or_create_password(self, process: SupervisedProcess) -> str:
        file = process.folder / "password"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe())
            self._change_owner(file)
        return file.read_text()

    def _change_owner(self, path: Path) -> None:
        if self._user != User.current():
            os.chown(path, self._user.uid, self._user.gid)

    def _initialize(self, process: SupervisedProcess) -> None:
        locale = ["--locale=C.UTF-8"]
        if self._programs.major >= BUILTIN_LOCALE_VERSION:
            locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        # First in another folder: an interrupted initdb must not look like a complete one.
        unfinished = process.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._change_owner(unfinished)
        process.run(
            [
                *(self._programs.initdb, "--pgdata", unfinished, "--username", OWNER),
                *("--pwfile", process.folder / "password", "--auth", "scram-sha-256"),
                *("--encoding", "UTF8", *locale, *([] if self._fsync else ["--no-sync"])),
            ],
            INITDB_SECONDS,
        )
        unfinished.rename(process.folder / "data")

    def _remove_stale_pidfile(self) -> None:
        """Remove the pid file of an ended server if another program now has its pid.

        PostgreSQL refuses to start while a process with the pid in that file exists. In a
        container, where pids are few, that is often another program.
        """
        pidfile = self._data / "postmaster.pid"
        if not pidfile.exists():
            return
        pid = pidfile.read_text().split("\n", 1)[0]
        try:
            is_server = Path(f"/proc/{pid}/cwd").samefile(self._data)
        except OSError:
            return  # the process has ended, or this is not Linux: PostgreSQL decides itself
        if not is_server:
            pidfile.unlink()

    def _command(self, port: int) -> Sequence[str | Path]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            # Each parallel test has its own pools.
            "max_connections": 200,
            # In the data folder, so that a killed server leaves no file in /dev/shm.
            "dynamic_shared_memory_type": "mmap",
            "fsync": "on" if self._fsync else "off",
            "full_page_writes": "on" if self._fsync else "off",
            # There are no replicas, so the log need not contain data for them.
            "wal_level": "minimal",
            "max_wal_senders": 0,
            **self._settings,
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [self._programs.postgres, "-D", self._data, *options]

    def _is_ready(self, pid: int) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        # A killed server leaves a file that still has the status "ready".
        status = lines[PIDFILE_STATUS_LINE:]
        return lines[:1] == [str(pid)] and [word.strip() for word in status] == ["ready"]
