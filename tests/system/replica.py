"""One process of the service, or beside it, which a test may kill, freeze and start again."""

import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from payments_kit.servers.processes import SupervisedProcess, User

ROOT: Final = Path(__file__).parents[2]

# Imports take half a second; several starting at once on two busy cores take their time.
START_SECONDS: Final = 60.0

# Above the 25 s of grace that a worker gives what is under way.
STOP_SECONDS: Final = 40.0

# What is shown of a log when a test fails.
TAIL_LINES: Final = 40


class Replica:
    """A process with an environment and a log of its own; it ends when this process does.

    Each method returns when what it says has happened. `started` sees in what was logged since the
    start that the process is ready.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        started: Callable[[str], bool],
    ) -> None:
        self.name = name
        self._command = [sys.executable, *arguments]
        self._environment = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **environment}
        self._started = started
        self._process = SupervisedProcess(name, None, User.ourselves(), signal.SIGKILL)
        self._pid = 0
        self._heard = 0
        self._paused = False

    @property
    def runs(self) -> bool:
        """Whether it is there, be it frozen."""
        return self._process.runs()

    @property
    def exit_code(self) -> int | None:
        """How it ended, if it did."""
        return self._process.exit_code()

    @property
    def log(self) -> str:
        """Everything it has logged, over all its lives."""
        path = self._process.log
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def tail(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.splitlines()[-TAIL_LINES:])

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        self.begin()
        self.await_start()

    def begin(self) -> None:
        """Start it, and do not wait."""
        self._heard = len(self.log)
        self._paused = False
        self._pid = self._process.start(self._command, **self._environment)

    def await_start(self) -> None:
        """Wait until it is ready.

        Raises:
            LocalServerError: it ended, or was not ready in time.
        """
        self._process.wait_until(
            lambda: self._started(self.log[self._heard :]) or not self._process.runs(),
            START_SECONDS,
            "start",
        )
        assert self._process.runs(), self._process.detail("ended at its start")

    def kill(self) -> None:
        """SIGKILL, with everything that it has started: a crash."""
        self._paused = False
        self._process.kill()

    def pause(self) -> None:
        """SIGSTOP, with everything that it has started: a machine that sleeps."""
        os.killpg(self._pid, signal.SIGSTOP)
        self._paused = True

    def resume(self) -> None:
        """SIGCONT: it goes on where it was, without knowing that it slept."""
        if self._paused:
            os.killpg(self._pid, signal.SIGCONT)
        self._paused = False

    def terminate(self) -> None:
        """SIGTERM, as in every deployment; `await_end` waits for what comes of it."""
        self._process.signal(signal.SIGTERM)

    def await_end(self) -> int | None:
        """Wait until it has ended; how it did."""
        self._process.wait_until(lambda: not self._process.runs(), STOP_SECONDS, "end")
        return self._process.exit_code()

    def stop(self) -> int | None:
        """SIGTERM, and the end."""
        self.terminate()
        return self.await_end()

    def restore(self) -> None:
        """Have it running, whatever was done to it."""
        self.resume()
        if not self.runs:
            self.start()

    def find(self, pattern: str) -> str:
        """The first group of the first match in its log."""
        match = re.search(pattern, self.log)
        assert match is not None, f"{self.name} has not logged {pattern}"
        return match[1]

    def close(self, keep: Path | None = None) -> None:
        """End it for good; its log is copied to where it may be read afterwards."""
        if keep is not None and self._process.log.exists():
            shutil.copyfile(self._process.log, keep / f"{self.name}.log")
        self._process.release()
