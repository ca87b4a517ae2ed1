"""Processes that try one mutant after another, each in a fork of their own."""

import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Final, Protocol

from attrs import field, frozen

from tests.process_groups import end_with_parent

# Ten times what the tests of this project need.
MEMORY_BYTES: Final = 6 * 2**30

# A test waits for nothing that takes so long; on a busy machine a second may take half a minute.
WAIT_SECONDS: Final = 120.0

# The end of a test's name when the process was ended by a time limit.
TIME_LIMIT: Final = (signal.SIGPROF, signal.SIGALRM)


@frozen
class Task:
    """One mutant, and the tests that are to find it with their limits in CPU seconds."""

    path: str
    text: bytes | None
    """The mutated module; None to run the tests on the code as it is."""
    function: str | None
    tests: tuple[tuple[str, float], ...]


@frozen
class Verdict:
    """What became of a mutant."""

    end: str
    """`survived`, `killed`, `time`, or `unsuitable` if this kind of process cannot try it."""
    test: str = ""
    """The test that found it, or that was running."""


class Notes(Protocol):
    """What a fork tells the process that waits for it."""

    def __call__(self, word: str, test: str = "") -> None: ...


Try = Callable[[Task, Notes], str]
"""What a fork does: try a mutant, say which test runs, return a verdict's end."""


def forked(task: Task, trial: Try) -> Verdict:
    """Try a mutant in a fork."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _be_fork(task, trial, writer)
    os.close(writer)
    with os.fdopen(reader, "r", encoding="utf-8", errors="replace") as told:
        lines = told.read().splitlines()
    _, status = os.waitpid(pid, 0)
    test = next((line[5:] for line in reversed(lines) if line.startswith("test ")), "")
    end = next((line[4:] for line in reversed(lines) if line.startswith("end ")), None)
    if end is None:
        by_limit = os.WIFSIGNALED(status) and os.WTERMSIG(status) in TIME_LIMIT
        end = "time" if by_limit else "killed"
    return Verdict(end, test)


def _be_fork(task: Task, trial: Try, writer: int) -> None:
    def note(word: str, test: str = "") -> None:
        with suppress(OSError):
            os.write(writer, f"{word} {test}".strip().encode() + b"\n")

    end_with_parent(signal.SIGKILL)
    silence = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(silence, number)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    try:
        note("end", trial(task, note))
    except BaseException:
        note("end", "killed")
    finally:
        os._exit(0)


def limit_time(seconds: float) -> None:
    """End this process if it computes for so long, or waits for WAIT_SECONDS longer."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, WAIT_SECONDS + seconds)


@frozen
class Lane:
    """A process that tries one mutant at a time."""

    pid: int
    connection: Connection = field(repr=False)

    @classmethod
    def start(cls, prepare: Callable[[], Try]) -> "Lane":
        """Fork this process; `prepare` is called before the first mutant."""
        ours, theirs = Pipe()
        pid = os.fork()
        if pid == 0:
            ours.close()
            _be_lane(theirs, prepare)
        theirs.close()
        return cls(pid, ours)

    def run(self, task: Task) -> Verdict:
        self.connection.send(task)
        verdict = self.connection.recv()
        assert isinstance(verdict, Verdict)
        return verdict

    def send(self, message: object) -> None:
        self.connection.send(message)

    def stop(self) -> None:
        self.connection.close()
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def _be_lane(connection: Connection, prepare: Callable[[], Try]) -> None:
    end_with_parent(signal.SIGKILL)
    trial: Try | None = None
    try:
        while True:
            task = connection.recv()
            if trial is None:
                trial = prepare()
            connection.send(forked(task, trial))
    except (EOFError, OSError):
        pass
    except BaseException as error:
        print(f"A process of the mutation run failed: {error!r}", file=sys.__stderr__)
    finally:
        os._exit(0)
