"""LocalServer: start, stop and restart, the same for all local servers."""

import time
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from payments_kit.servers.processes import (
    LocalServerError,
    SupervisedProcess,
    User,
    free_port,
)
from payments_kit.servers.runnable import Runnable

# Between two attempts to use a port or a folder that another process still uses.
RETRY_SECONDS = 0.1
# The log texts of a server whose port or folder another process uses. A start can be tried again:
# with another port, or when the other process has ended.
IN_USE = (b"address already in use", b"is still in use")


class LocalServer(Runnable):
    """A server in one folder that stops when this process ends.

    Without a folder it uses a temporary one and removes it on close. Use it as a context manager,
    sync or async. `restart` keeps the data and the address; so does `start` after `stop` or `kill`.
    """

    name: str
    # A start takes well under a second; a loaded CI machine, or crash recovery, takes longer.
    start_timeout = 60.0
    # A stop takes about 0.1 s; a server that still runs after this time is killed.
    stop_timeout = 15.0

    def __init__(
        self, folder: Path | None, user: User, stop_signal: int, abort_signal: int
    ) -> None:
        self._requested_folder = folder
        self._user = user
        self._stop_signal = stop_signal
        # The data of a temporary server is not read again, so it need not be flushed.
        self._final_signal = stop_signal if folder else abort_signal
        self._process: SupervisedProcess | None = None
        self._port: int | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address for clients."""

    @abstractmethod
    def _prepare(self, process: SupervisedProcess) -> None:
        """Prepare the folder for the first start; safe to repeat."""

    @abstractmethod
    def _command(self, port: int) -> Sequence[str | Path]:
        """Return the command that runs the server."""

    @abstractmethod
    def _is_ready(self, pid: int) -> bool:
        """Return whether the process with this id, and no other, serves clients."""

    @property
    def process(self) -> SupervisedProcess:
        """The server's process."""
        if self._process is None:
            raise LocalServerError(f"{self.name} was not started")
        return self._process

    @property
    def folder(self) -> Path:
        """The folder with all of the server's files."""
        return self.process.folder

    @property
    def port(self) -> int:
        """The loopback port; it stays the same until the server is closed."""
        if self._port is None:
            raise LocalServerError(f"{self.name} was not started")
        return self._port

    def start(self) -> Self:
        """Start the server and return when clients can connect.

        Raises:
            LocalServerError: it did not start; the message contains the end of its log.
        """
        try:
            if self._process is None:
                self._process = SupervisedProcess(
                    self.name, self._requested_folder, self._user, self._final_signal
                )
                self._prepare(self._process)
            self._start_on_free_port(self._process)
        except BaseException:
            self.close()
            raise
        return self

    def _start_on_free_port(self, process: SupervisedProcess) -> None:
        previous_port = self._port
        log_offset = process.log.stat().st_size if process.log.exists() else 0
        for _ in range(int(self.start_timeout / RETRY_SECONDS)):
            self._port = previous_port or free_port()
            if self._starts_on(self._port, process):
                return
            new_lines = process.log.read_bytes()[log_offset:]
            if not any(reason in new_lines.lower() for reason in IN_USE):
                break
            log_offset += len(new_lines)
            time.sleep(RETRY_SECONDS)
        raise LocalServerError(process.with_log_tail("did not start"))

    def _starts_on(self, port: int, process: SupervisedProcess) -> bool:
        pid = process.start(self._command(port))
        process.wait_until(
            lambda: self._is_ready(pid) or not process.is_running(), self.start_timeout, "start"
        )
        return process.is_running()

    def stop(self) -> None:
        """Stop the server gracefully; the data stays."""
        if self.process.is_running():
            self.process.stop(self._stop_signal, self.stop_timeout)

    def kill(self) -> None:
        """Kill the server as a crash would; the data stays."""
        self.process.kill()

    def restart(self) -> None:
        """Stop, and start again at the same address."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop the server, and remove a temporary folder; safe to repeat."""
        process, self._process, self._port = self._process, None, None
        if process is not None:
            process.release()
