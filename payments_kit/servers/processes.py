"""A child process that ends when its parent does, however the parent ends."""

import json
import os
import pwd
import random
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

# Far above what a loaded two-core machine needs to start an interpreter (0.1 s).
SUPERVISOR_ANSWERS_SECONDS = 30.0
# Small against the servers' own starts (20 to 400 ms), and still no busy loop.
POLL_SECONDS = 0.005
# Enough to hold a server's complaint with its context.
LOG_TAIL_LINES = 20
# Below the ports that Linux (32768) and macOS (49152) hand to outgoing connections, so that a
# server that restarts finds its port free again.
PORTS = range(20000, 32000)


class LocalServerError(Exception):
    """A server on this machine did not do what it should; the message ends with its log."""


@frozen
class User:
    """Whom a server runs as."""

    uid: int
    gid: int

    @classmethod
    def ourselves(cls) -> "User":
        """Whoever runs this process."""
        return cls(os.geteuid(), os.getegid())

    @classmethod
    def unprivileged(cls) -> "User":
        """Ourselves, or `nobody` for root: PostgreSQL refuses to run as root."""
        if os.geteuid() != 0:
            return cls.ourselves()
        entry = pwd.getpwnam("nobody")
        return cls(entry.pw_uid, entry.pw_gid)

    def can_enter(self, folder: Path) -> bool:
        """Whether the permissions of a folder, and of all above it, let this user in."""
        if self.uid == 0 or self == User.ourselves():
            return True
        return all(self._may_search(step) for step in (folder, *folder.parents) if step.exists())

    def _may_search(self, folder: Path) -> bool:
        status = folder.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)


def temporary_home(user: User) -> Path:
    """Where temporary folders go: the usual place, or the first one the user can enter."""
    usual = Path(tempfile.gettempdir()).resolve()
    return next((home for home in (usual, Path("/tmp")) if user.can_enter(home)), usual)  # noqa: S108


def free_port() -> int:
    """A loopback port that nothing listens on just now; whoever takes it must expect to be late."""
    # A hundred taken ones in a row are a fault; a seeded `random` would choose alike everywhere.
    for port in random.SystemRandom().sample(PORTS, 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise LocalServerError("no free port on the loopback interface")


class SupervisedProcess:
    """A folder and the process that works in it, both in the hands of a supervisor of their own."""

    def __init__(self, name: str, folder: Path | None, user: User, stop_signal: int) -> None:
        self.name = name
        self.user = user
        self._turn = threading.Lock()
        ours, theirs = socket.socketpair()
        ours.settimeout(SUPERVISOR_ANSWERS_SECONDS)
        self._orders = ours
        self._answers = ours.makefile("rb")
        arguments = {
            "owner": os.getpid(),
            "folder": None if folder is None else str(folder.absolute()),
            "home": str(temporary_home(user)),
            "name": name,
            "uid": user.uid,
            "gid": user.gid,
            "stop": int(stop_signal),
        }
        script = str(Path(__file__).with_name("supervisor.py"))
        with theirs:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-I", "-S", script, json.dumps(arguments)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        try:
            self.folder = Path(self._answer()["folder"])
        except LocalServerError:
            self.release()
            raise
        self.log = self.folder / "log"

    def _order(self, do: str, **arguments: Any) -> dict[str, Any]:
        with self._turn:
            try:
                self._orders.sendall(json.dumps({"do": do, **arguments}).encode() + b"\n")
            except OSError as error:
                raise LocalServerError(f"the supervisor of {self.name} is gone: {error}") from error
            return self._answer()

    def _answer(self) -> dict[str, Any]:
        try:
            line = self._answers.readline()
        except OSError as error:
            raise LocalServerError(f"the supervisor of {self.name} is silent: {error}") from error
        if not line:
            raise LocalServerError(f"the supervisor of {self.name} is gone")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise LocalServerError(f"{self.name}: {answer['error']}")
        return answer

    def start(self, command: Sequence[str | Path], **environment: str) -> int:
        """Start the one process; its output goes to the log. The answer is its pid."""
        inherited = {key: os.environ[key] for key in ("PATH", "TZ") if key in os.environ}
        answer = self._order(
            "start",
            command=[str(part) for part in command],
            environment=inherited | environment,
            log=str(self.log),
        )
        return int(answer["pid"])

    def run(self, command: Sequence[str | Path], timeout: float, **environment: str) -> None:
        """Start a process that ends by itself, and see it end well."""
        self.start(command, **environment)
        self.wait_until(lambda: not self.runs(), timeout, "end")
        if self.exit_code() != 0:
            raise LocalServerError(self.detail(f"failed with exit code {self.exit_code()}"))

    def runs(self) -> bool:
        """Whether a process was started and has not ended."""
        return bool(self._order("status")["runs"])

    def exit_code(self) -> int | None:
        """How the last process ended, if it did."""
        code: int | None = self._order("status")["exit"]
        return code

    def wait_until(self, ready: Callable[[], bool], timeout: float, what: str) -> None:
        """Look until it is so, at most for the time given."""
        deadline = time.monotonic() + timeout
        while not ready():
            if time.monotonic() > deadline:
                raise LocalServerError(self.detail(f"did not {what} within {timeout:g} s"))
            time.sleep(POLL_SECONDS)

    def signal(self, number: int) -> None:
        """Send a signal; one to a process that ended already is nothing."""
        self._order("signal", number=int(number))

    def stop(self, number: int, timeout: float) -> None:
        """Ask the process to end, and kill it if it does not."""
        self.signal(number)
        try:
            self.wait_until(lambda: not self.runs(), timeout, "stop")
        except LocalServerError:
            self.kill()

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        self.signal(9)
        self.wait_until(lambda: not self.runs(), SUPERVISOR_ANSWERS_SECONDS, "die")

    def release(self) -> None:
        """Stop what still runs and take a temporary folder away; done once."""
        self._answers.close()
        self._orders.close()
        try:
            self._supervisor.wait(SUPERVISOR_ANSWERS_SECONDS)
        except subprocess.TimeoutExpired:
            self._supervisor.kill()
            self._supervisor.wait()

    def detail(self, what: str) -> str:
        """An error's message: what happened, and the last the server said."""
        try:
            tail = self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        except OSError:
            tail = []
        return "\n".join([f"{self.name} {what}", *(tail or ["(it logged nothing)"])])
