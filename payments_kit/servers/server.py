"""What the servers on this machine have in common: a folder, a port, a beginning and an end."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from payments_kit.servers.processes import (
    LocalServerError,
    SupervisedProcess,
    User,
    free_port,
)

# Between two tries to take a port, or a folder, that something else still holds.
RETRY_SECONDS = 0.1
# How a server says that another process holds what it wants; waiting, or another port, mends it.
TAKEN = (b"address already in use", b"is still in use")


class LocalServer(ABC):
    """A server that lives in one folder and ends when this process does.

    Without a folder it takes a temporary one, and leaves nothing behind. Use it as a context
    manager, sync or async. `restart` keeps the data and the address; so does `start` after `stop`
    or `kill`.
    """

    name: str
    # A start takes well under a second; a loaded CI machine, or crash recovery, takes longer.
    start_timeout = 60.0
    # A stop takes some 0.1 s; a server that is not done by then is killed.
    stop_timeout = 15.0

    def __init__(self, folder: Path | None, user: User, orderly: int, at_once: int) -> None:
        self._given = folder
        self._user = user
        self._orderly = orderly
        # Nobody will read the data of a temporary server again, so it need not be put in order.
        self._last_signal = orderly if folder else at_once
        self._process: SupervisedProcess | None = None
        self._port: int | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect."""

    @abstractmethod
    def _prepare(self, process: SupervisedProcess) -> None:
        """Make the folder ready for a first start; harmless when it is ready already."""

    @abstractmethod
    def _command(self, port: int) -> Sequence[str | Path]:
        """What to run."""

    @abstractmethod
    def _is_ready(self, pid: int) -> bool:
        """Whether the process of this id serves clients, and not another one in its place."""

    @property
    def process(self) -> SupervisedProcess:
        """The process behind this server."""
        if self._process is None:
            raise LocalServerError(f"{self.name} was not started")
        return self._process

    @property
    def folder(self) -> Path:
        """Where everything of this server lies."""
        return self.process.folder

    @property
    def port(self) -> int:
        """The loopback port; the same until the server is closed."""
        if self._port is None:
            raise LocalServerError(f"{self.name} was not started")
        return self._port

    def start(self) -> Self:
        """Start, and return when clients can connect."""
        if self._process is None:
            self._process = SupervisedProcess(self.name, self._given, self._user, self._last_signal)
            try:
                self._prepare(self._process)
            except BaseException:
                self.close()
                raise
        try:
            self._serve(self._process)
        except BaseException:
            self.close()
            raise
        return self

    def _serve(self, process: SupervisedProcess) -> None:
        chosen = self._port
        heard = process.log.stat().st_size if process.log.exists() else 0
        for _ in range(int(self.start_timeout / RETRY_SECONDS)):
            self._port = chosen or free_port()
            if self._serves_at(self._port, process):
                return
            said = process.log.read_bytes()[heard:]
            if not any(reason in said.lower() for reason in TAKEN):
                break
            heard += len(said)
            time.sleep(RETRY_SECONDS)
        raise LocalServerError(process.detail("did not start"))

    def _serves_at(self, port: int, process: SupervisedProcess) -> bool:
        pid = process.start(self._command(port))
        process.wait_until(
            lambda: self._is_ready(pid) or not process.runs(), self.start_timeout, "start"
        )
        return process.runs()

    def stop(self) -> None:
        """End in good order; the data stays."""
        if self.process.runs():
            self.process.stop(self._orderly, self.stop_timeout)

    def kill(self) -> None:
        """End at once, as in a crash; the data stays."""
        self.process.kill()

    def restart(self) -> None:
        """Stop, and start again at the same address."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End for good; a temporary folder goes too."""
        process, self._process, self._port = self._process, None, None
        if process is not None:
            process.release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.close)
