"""LocalStandby: a streaming standby of a local PostgreSQL server."""

import shutil
from typing import Final

from payments_kit.servers.postgres import OWNER, LocalPostgres
from payments_kit.servers.processes import LocalServerError, SupervisedProcess

# What a server needs that has standbys. A commit is confirmed when a standby has it, if there is
# one: transactions that only the primary has are lost in a failover.
PRIMARY_SETTINGS: Final = {"wal_level": "replica", "max_wal_senders": "4"}
SYNCHRONOUS: Final = {"synchronous_standby_names": "*"}

# A copy of a small server takes a second; a loaded machine with a slow disk takes longer.
COPY_SECONDS: Final = 120.0


class LocalStandby(LocalPostgres):
    """A copy of a running primary, which it follows until it is promoted; it has its password.

    The primary needs PRIMARY_SETTINGS.
    """

    name = "standby"

    def __init__(self, primary: LocalPostgres) -> None:
        super().__init__(fsync=False, settings=PRIMARY_SETTINGS)
        self._primary = primary

    def promote(self) -> None:
        """Make it a primary of its own, and return when it accepts writes.

        Raises:
            LocalServerError: it did not become one.
        """
        if self.execute("SELECT pg_promote()").strip() != "t":
            raise LocalServerError(self.process.with_log_tail("was not promoted"))

    def _read_or_create_password(self, process: SupervisedProcess) -> str:
        return self._primary.password

    def _initialize(self, process: SupervisedProcess) -> None:
        unfinished = process.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        process.run(
            [
                *(self._programs.folder / "pg_basebackup", "--pgdata", unfinished),
                *("--host", "127.0.0.1", "--port", str(self._primary.port), "--username", OWNER),
                *("--checkpoint", "fast", "--wal-method", "stream", "--no-sync"),
                "--write-recovery-conf",
            ],
            COPY_SECONDS,
            PGPASSWORD=self._primary.password,
        )
        unfinished.rename(process.folder / "data")
