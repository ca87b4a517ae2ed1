"""MeasuredProcess: a process in a Python of its own, as in production."""

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from payments_kit.servers.processes import SupervisedProcess, User

ROOT: Final = Path(__file__).parents[2]

# Imports take half a second; several processes that start at once on two cores take longer.
START_SECONDS: Final = 180.0


class MeasuredProcess:
    """A process with its own environment and log; it is ready when it has logged `ready`."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], ready: str
    ) -> None:
        self._command = command
        self._environment = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **environment}
        self._ready = ready
        self._process = SupervisedProcess(name, None, User.current(), signal.SIGKILL)

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it is ready."""
        process = self._process
        process.start(self._command, **self._environment)
        process.wait_until(
            lambda: self._ready in process.log.read_text() or not process.is_running(),
            START_SECONDS,
            "start",
        )
        assert process.is_running(), process.with_log_tail("ended during its start")

    def suspend(self) -> None:
        """Suspend it and its children (SIGSTOP)."""
        os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)

    def close(self) -> None:
        """Kill it at the end."""
        self._process.release()
