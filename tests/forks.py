"""Processes that are forked from one that has imported the service already.

A new Python takes a second of CPU to import it, which the tests would spend hundreds of times. One
process for each test process imports it once, runs nothing, and is forked; a fork is a process of
its own in every other respect. The tests of the demo and of the command start Python anew.
"""

import asyncio
import importlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from tests.process_groups import end_with_parent

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.preloaded"])

# How often to look whether a process has ended.
POLL_SECONDS: Final = 0.005

# Of two threads that ask at the same time, one would be told a wrong exit code.
_lock = threading.Lock()

Output = Path | Connection
"""A file to append to, or the end of a pipe."""


@frozen
class Fork:
    """A process that calls one function."""

    process: Any

    @classmethod
    def start(
        cls,
        function: str,
        arguments: Mapping[str, Any],
        output: tuple[Output, Output],
        command: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> "Fork":
        """Call a function (`module:name`) with its stdout and stderr there.

        Args:
            function: what is called.
            arguments: its arguments.
            output: where the process writes.
            command: what the process takes for its command line.
            environment: its variables; without them, it has those of this process.
            folder: its working folder.
        """
        variables = os.environ if environment is None else environment
        plan = (function, dict(arguments), output, [*command], dict(variables), folder)
        process = _context.Process(target=_call, args=plan, daemon=True)
        with _lock:
            process.start()
        return cls(process)

    @property
    def pid(self) -> int:
        return int(self.process.pid)

    @property
    def exit_code(self) -> int | None:
        """The exit code, as subprocess has it; None while the process runs."""
        with _lock:
            code: int | None = self.process.exitcode
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal; does nothing if the process has ended."""
        if self.exit_code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def join(self, timeout: float) -> int:
        """Wait for its end; return the exit code.

        Raises:
            TimeoutError: it still runs after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while (code := self.exit_code) is None:
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(POLL_SECONDS)
        return code

    async def wait(self) -> int:
        while (code := self.exit_code) is None:  # noqa: ASYNC110 - no event of this loop tells it
            await asyncio.sleep(POLL_SECONDS)
        return code


def _call(
    function: str,
    arguments: Mapping[str, Any],
    output: tuple[Output, Output],
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path | None,
) -> None:
    end_with_parent(signal.SIGKILL)
    for number, each in enumerate(output, start=1):
        if isinstance(each, Path):
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            os.dup2(os.open(each, flags, 0o600), number)
        else:
            os.dup2(each.fileno(), number)
            each.close()
    sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", closefd=False)
    os.environ.clear()
    os.environ.update(environment)
    if folder is not None:
        os.chdir(folder)
    sys.argv[:] = command or [function]
    module, _, name = function.partition(":")
    getattr(importlib.import_module(module), name)(**arguments)
