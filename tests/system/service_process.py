"""ServiceProcess: a process that a test may kill, suspend and start again."""

import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from payments_kit.servers.processes import SupervisedProcess, User

ROOT: Final = Path(__file__).parents[2]

# Imports take half a second; several processes that start at once on two cores take longer.
START_SECONDS: Final = 180.0

# Longer than the 25 s in which a worker may finish its work in progress, also on a busy machine.
STOP_SECONDS: Final = 120.0

# How much of a log is shown when a test fails.
TAIL_LINES: Final = 40


class ServiceProcess:
    """A process with its own environment and log; it ends when this process ends.

    It is ready when it has logged the text `ready` since its start.
    """

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], ready: str
    ) -> None:
        self.name = name
        self._command = command
        self._environment = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **environment}
        self._ready = ready
        self._process = SupervisedProcess(name, None, User.current(), signal.SIGKILL)
        self._log_offset = 0
        self._suspended = False

    @property
    def is_running(self) -> bool:
        """Whether it has been started and has not ended; it may be suspended."""
        return self._process.is_running()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        """Everything it has logged, over all its starts."""
        return self._read_log(0)

    def _read_log(self, offset: int) -> str:
        try:
            with self._process.log.open("rb") as log:
                log.seek(offset)
                return log.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    @property
    def log_tail(self) -> str:
        return "\n".join(self.log.splitlines()[-TAIL_LINES:])

    def start(self) -> None:
        self.begin_start()
        self.wait_until_ready()

    def begin_start(self) -> None:
        log = self._process.log
        self._log_offset = log.stat().st_size if log.exists() else 0
        self._suspended = False
        self._process.start(self._command, **self._environment)

    def wait_until_ready(self) -> None:
        """Wait until it is ready; raise LocalServerError if it is not in time."""
        self._process.wait_until(
            lambda: self._ready in self._read_log(self._log_offset) or not self.is_running,
            START_SECONDS,
            "start",
        )
        assert self.is_running, self._process.with_log_tail("ended during its start")

    def kill(self) -> None:
        """Kill it and its children (SIGKILL): a crash."""
        self._suspended = False
        self._process.kill()

    def suspend(self) -> None:
        """Suspend it and its children (SIGSTOP), as a paused virtual machine is."""
        os.killpg(self.pid, signal.SIGSTOP)
        self._suspended = True

    def resume(self) -> None:
        if self._suspended:
            os.killpg(self.pid, signal.SIGCONT)
        self._suspended = False

    def stop(self) -> int | None:
        """Send SIGTERM, as every deployment does, and wait; return the exit code."""
        self._process.signal(signal.SIGTERM)
        self._process.wait_until(lambda: not self.is_running, STOP_SECONDS, "end")
        return self._process.exit_code()

    def close(self, keep_log_in: Path | None = None) -> None:
        """Stop it at the end; its log is copied to the given folder."""
        if keep_log_in is not None and self._process.log.exists():
            shutil.copyfile(self._process.log, keep_log_in / f"{self.name}.log")
        self._process.release()
