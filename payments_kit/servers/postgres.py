"""A PostgreSQL server on this machine."""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from payments_kit.servers.postgres_programs import Programs, reachable_copy
from payments_kit.servers.processes import LocalServerError, SupervisedProcess, User
from payments_kit.servers.server import LocalServer

# initdb takes 0.4 s here; a loaded machine with a slow disk takes longer.
INITDB_SECONDS = 120.0
# One statement of ours takes some 30 ms, a big template longer.
STATEMENT_SECONDS = 60.0
# Line of postmaster.pid that says how far the server is (src/include/miscadmin.h).
PIDFILE_STATUS_LINE = 7
# From this version on the server has a C.UTF-8 of its own, the same on every machine.
BUILTIN_LOCALE_VERSION = 17
OWNER = "payments"


class LocalPostgres(LocalServer):
    """One PostgreSQL server on the loopback interface, with a password of its own.

    It runs as ourselves, or as `nobody` where we are root. With `fsync=False` it is faster and
    forgets on a power cut, which is right for tests only.
    """

    name = "postgres"

    def __init__(self, folder: Path | None = None, *, fsync: bool = True) -> None:
        super().__init__(folder, User.unprivileged(), orderly=signal.SIGINT, at_once=signal.SIGQUIT)
        self._fsync = fsync
        self._installed = self._programs = Programs.find()
        self._password = ""

    @property
    def url(self) -> str:
        """Where clients connect: the database every server has."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """Where clients connect to one database."""
        return f"postgresql://{OWNER}:{self._password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, template: str | None = None) -> str:
        """Make a database, empty or as a copy of an unused one; returns its address."""
        copy = f' TEMPLATE "{template}"' if template else ""
        # Copying files needs a checkpoint, which costs nothing only where nothing is flushed.
        strategy = "" if self._fsync else " STRATEGY file_copy"
        self.execute(f'CREATE DATABASE "{name}"{copy}{strategy}')
        return self.url_of(name)

    def has_database(self, name: str) -> bool:
        """Whether there is a database of this name."""
        return name in self.execute("SELECT datname FROM pg_database").splitlines()

    def drop_database(self, name: str) -> None:
        """Take a database away, with whoever is still connected to it."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, statement: str) -> str:
        """Run one statement as the owner of the server; returns the rows as lines of text."""
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
                f"PostgreSQL does not run as root, and the user nobody cannot enter "
                f"{process.folder}: choose a data folder that it can, as below /var/tmp"
            )
        self._programs = self._installed
        if not process.user.can_enter(self._programs.folder):
            self._programs = reachable_copy(self._programs, process.folder / "programs")
        self._password = self._keep_password(process)
        version = self._data / "PG_VERSION"
        if not version.exists():
            self._initialize(process)
        elif int(version.read_text()) != self._programs.major:
            raise LocalServerError(
                f"{self._data} was made by PostgreSQL {version.read_text().strip()}, and "
                f"{self._programs.folder} is {self._programs.major}: choose another data folder"
            )
        self._forget_stranger()

    def _keep_password(self, process: SupervisedProcess) -> str:
        kept = process.folder / "password"
        if not kept.exists():
            kept.touch(mode=0o600)
            kept.write_text(secrets.token_urlsafe())
            self._hand_over(kept)
        return kept.read_text()

    def _hand_over(self, path: Path) -> None:
        if self._user != User.ourselves():
            os.chown(path, self._user.uid, self._user.gid)

    def _initialize(self, process: SupervisedProcess) -> None:
        locale = ["--locale=C.UTF-8"]
        if self._programs.major >= BUILTIN_LOCALE_VERSION:
            locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        # Into a folder of its own first: one that was interrupted must not pass for a whole one.
        unfinished = process.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._hand_over(unfinished)
        process.run(
            [
                *(self._programs.initdb, "--pgdata", unfinished, "--username", OWNER),
                *("--pwfile", process.folder / "password", "--auth", "scram-sha-256"),
                *("--encoding", "UTF8", *locale, *([] if self._fsync else ["--no-sync"])),
            ],
            INITDB_SECONDS,
        )
        unfinished.rename(process.folder / "data")

    def _forget_stranger(self) -> None:
        """Drop the pid file of a dead server whose pid someone else has got meanwhile.

        PostgreSQL refuses to start when the pid in there lives; in a container, where pids are
        few, that is often another program.
        """
        pidfile = self._data / "postmaster.pid"
        if not pidfile.exists():
            return
        pid = pidfile.read_text().split("\n", 1)[0]
        try:
            works_here = Path(f"/proc/{pid}/cwd").samefile(self._data)
        except OSError:
            return  # it is dead, or not Linux: PostgreSQL's own check decides
        if not works_here:
            pidfile.unlink()

    def _command(self, port: int) -> Sequence[str | Path]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            # Each parallel test brings its own pools.
            "max_connections": 200,
            # In the data folder, so that a killed server leaves nothing in /dev/shm.
            "dynamic_shared_memory_type": "mmap",
            "fsync": "on" if self._fsync else "off",
            "full_page_writes": "on" if self._fsync else "off",
            # Nothing is replicated from here, so the log need not say enough for that.
            "wal_level": "minimal",
            "max_wal_senders": 0,
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [self._programs.postgres, "-D", self._data, *options]

    def _is_ready(self, pid: int) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        # A server that was killed has left its own there, which says "ready" for ever.
        status = lines[PIDFILE_STATUS_LINE:]
        return lines[:1] == [str(pid)] and [word.strip() for word in status] == ["ready"]
