"""ServiceProcess: a process that a test may kill, suspend and start again."""

import os
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory, mkdtemp
from typing import Final

from tests.forks import POLL_SECONDS, Fork

# It takes a tenth of a second on a quiet machine.
START_SECONDS: Final = 180.0

# Longer than the 25 s in which a worker may finish its work in progress, also on a busy machine.
STOP_SECONDS: Final = 120.0

# The slowest command, `migrate` on an empty database, takes a second, and half a minute on a busy
# machine.
COMMAND_SECONDS: Final = 300.0

# How much of a log is shown when a test fails.
TAIL_LINES: Final = 40


class ServiceProcess:
    """A process with its own environment and log; it ends when this process ends.

    Its command is `payments` or a module of Python's. It is ready when it has logged the text
    `ready` since its start.
    """

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], ready: str
    ) -> None:
        self.name = name
        self._command = command
        self._environment = environment
        self._ready = ready
        self._folder = Path(mkdtemp(prefix=f"payments-{name}-"))
        self._log_file = self._folder / "log"
        self._fork: Fork | None = None
        self._log_offset = 0
        self._suspended = False

    @property
    def is_running(self) -> bool:
        """Whether it has been started and has not ended; it may be suspended."""
        return self._fork is not None and self._fork.exit_code is None

    @property
    def pid(self) -> int:
        return self._started.pid

    @property
    def _started(self) -> Fork:
        assert self._fork is not None, f"{self.name} has not been started"
        return self._fork

    @property
    def log(self) -> str:
        """Everything it has logged, over all its starts."""
        return self._read_log(0)

    def _read_log(self, offset: int) -> str:
        try:
            with self._log_file.open("rb") as log:
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
        self._log_offset = self._log_file.stat().st_size if self._log_file.exists() else 0
        self._suspended = False
        self._fork = run(self._command, self._environment, self._log_file, self._log_file)

    def wait_until_ready(self) -> None:
        """Wait until it is ready; fail if it has ended, or is not ready in time."""
        deadline = time.monotonic() + START_SECONDS
        while self._ready not in self._read_log(self._log_offset):
            assert self.is_running, f"{self.name} ended during its start\n{self.log_tail}"
            late = f"{self.name} did not start in time\n{self.log_tail}"
            assert time.monotonic() < deadline, late
            time.sleep(POLL_SECONDS)

    def kill(self) -> None:
        """Kill it (SIGKILL): a crash."""
        self._suspended = False
        if self._fork is not None:
            self._fork.kill()
            self._fork.join(STOP_SECONDS)

    def suspend(self) -> None:
        """Suspend it (SIGSTOP), as a paused virtual machine is."""
        self._started.send_signal(signal.SIGSTOP)
        self._suspended = True

    def resume(self) -> None:
        if self._suspended:
            self._started.send_signal(signal.SIGCONT)
        self._suspended = False

    def stop(self) -> int | None:
        """Send SIGTERM, as every deployment does, and wait; return the exit code."""
        self._started.terminate()
        return self._started.join(STOP_SECONDS)

    def close(self, keep_log_in: Path | None = None) -> None:
        """Kill it at the end; its log is copied to the given folder."""
        self.kill()
        if keep_log_in is not None and self._log_file.exists():
            shutil.copyfile(self._log_file, keep_log_in / f"{self.name}.log")
        shutil.rmtree(self._folder, ignore_errors=True)  # it may be closed again


def run(command: Sequence[str], environment: Mapping[str, str], stdout: Path, stderr: Path) -> Fork:
    """Run `payments …` or `python -m module …`."""
    variables = {"PATH": os.environ["PATH"], **environment}
    output, folder = (stdout, stderr), stdout.parent
    if command[1] == "-m":
        module = {"mod_name": command[2], "run_name": "__main__", "alter_sys": True}
        return Fork.start("runpy:run_module", module, output, command[2:], variables, folder)
    return Fork.start("entrypoints.cli:main", {}, output, command, variables, folder)


def run_to_end(command: Sequence[str], environment: Mapping[str, str]) -> CompletedProcess[str]:
    with TemporaryDirectory() as folder:
        stdout, stderr = Path(folder, "stdout"), Path(folder, "stderr")
        fork = run(command, environment, stdout, stderr)
        try:
            code = fork.join(COMMAND_SECONDS)
        finally:
            fork.kill()
        return CompletedProcess(command, code, stdout.read_text(), stderr.read_text())
