"""SupervisedProcess: a child process that ends when its parent ends or is killed."""

import json
import os
import pwd
import random
import signal
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
SUPERVISOR_REPLY_SECONDS = 30.0
# Small compared with the servers' start times (20 to 400 ms), without busy waiting.
POLL_SECONDS = 0.005
# Enough for a server's error message and its context.
LOG_TAIL_LINES = 20
# Below the ports that Linux (32768) and macOS (49152) use for outgoing connections, so that a
# server that restarts finds its port free again.
PORTS = range(20000, 32000)


class LocalServerError(Exception):
    """A local server failed; the message ends with the last lines of its log."""


@frozen
class User:
    """The operating system user that runs a server."""

    uid: int
    gid: int

    @classmethod
    def current(cls) -> "User":
        """Return the user that runs this process."""
        return cls(os.geteuid(), os.getegid())

    @classmethod
    def unprivileged(cls) -> "User":
        """Return the current user, or `nobody` for root: PostgreSQL refuses to run as root."""
        if os.geteuid() != 0:
            return cls.current()
        entry = pwd.getpwnam("nobody")
        return cls(entry.pw_uid, entry.pw_gid)

    def can_enter(self, folder: Path) -> bool:
        """Return whether the permissions of a folder and its parents let this user in."""
        if self.uid == 0 or self == User.current():
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
    """Return the parent of temporary folders: the usual one, or /tmp if the user can't enter it."""
    usual = Path(tempfile.gettempdir()).resolve()
    return next((home for home in (usual, Path("/tmp")) if user.can_enter(home)), usual)  # noqa: S108


def free_port() -> int:
    """Return a loopback port that is free now; another process may take it before its use.

    Raises:
        LocalServerError: no port was found.
    """
    # A hundred used ports in a row have another cause. A seeded `random` would choose the same
    # ports in every process.
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
    """A folder and at most one process in it, both controlled by a supervisor process.

    The supervisor (supervisor.py) stops the process when this process ends or is killed. Every
    method raises LocalServerError if the supervisor does not respond.
    """

    def __init__(self, name: str, folder: Path | None, user: User, stop_signal: int) -> None:
        self.name = name
        self.user = user
        self.pid = 0
        """The process that was started last; 0 before the first start."""
        self._lock = threading.Lock()
        ours, theirs = socket.socketpair()
        ours.settimeout(SUPERVISOR_REPLY_SECONDS)
        self._socket = ours
        self._replies = ours.makefile("rb")
        arguments = {
            "owner": os.getpid(),
            "folder": None if folder is None else str(folder.absolute()),
            "home": str(temporary_home(user)),
            "name": name,
            "uid": user.uid,
            "gid": user.gid,
            "stop_signal": int(stop_signal),
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
            self.folder = Path(self._read_reply()["folder"])
        except LocalServerError:
            self.release()
            raise
        self.log = self.folder / "log"

    def _request(self, method: str, **arguments: Any) -> dict[str, Any]:
        with self._lock:
            try:
                self._socket.sendall(json.dumps({"method": method, **arguments}).encode() + b"\n")
            except OSError as error:
                raise LocalServerError(f"the supervisor of {self.name} ended: {error}") from error
            return self._read_reply()

    def _read_reply(self) -> dict[str, Any]:
        try:
            line = self._replies.readline()
        except OSError as error:
            raise LocalServerError(
                f"the supervisor of {self.name} does not respond: {error}"
            ) from error
        if not line:
            raise LocalServerError(f"the supervisor of {self.name} ended")
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise LocalServerError(f"{self.name}: {reply['error']}")
        return reply

    def start(self, command: Sequence[str | Path], **environment: str) -> int:
        """Start the process with its output in the log; return its pid."""
        inherited = {key: os.environ[key] for key in ("PATH", "TZ") if key in os.environ}
        reply = self._request(
            "start",
            command=[str(part) for part in command],
            environment=inherited | environment,
            log=str(self.log),
        )
        self.pid = int(reply["pid"])
        return self.pid

    def run(self, command: Sequence[str | Path], timeout: float, **environment: str) -> None:
        """Run a process to its end, at most `timeout` seconds.

        Raises:
            LocalServerError: it did not end in time, or its exit code was not 0.
        """
        self.start(command, **environment)
        self.wait_until(lambda: not self.is_running(), timeout, "end")
        code = self.exit_code()
        if code != 0:
            raise LocalServerError(self.with_log_tail(f"failed with exit code {code}"))

    def is_running(self) -> bool:
        """Return whether a process was started and has not ended."""
        return bool(self._request("status")["is_running"])

    def exit_code(self) -> int | None:
        """Return the exit code of the last process; None while it runs."""
        code: int | None = self._request("status")["exit_code"]
        return code

    def wait_until(self, condition: Callable[[], bool], timeout: float, action: str) -> None:
        """Poll until the condition is true, at most `timeout` seconds.

        Raises:
            LocalServerError: it did not become true; `action` names what the process did not do.
        """
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                message = f"did not {action} within {timeout:g} s"
                raise LocalServerError(self.with_log_tail(message))
            time.sleep(POLL_SECONDS)

    def signal(self, number: int) -> None:
        """Send a signal; does nothing if the process has ended."""
        self._request("signal", number=int(number))

    def stop(self, number: int, timeout: float) -> None:
        """Send a signal, and kill the process if it still runs after `timeout` seconds."""
        self.signal(number)
        try:
            self.wait_until(lambda: not self.is_running(), timeout, "stop")
        except LocalServerError:
            self.kill()

    def kill(self) -> None:
        """Kill the process as a crash would."""
        self.signal(signal.SIGKILL)
        self.wait_until(lambda: not self.is_running(), SUPERVISOR_REPLY_SECONDS, "end")

    def release(self) -> None:
        """Stop the process and remove a temporary folder. No method may be called after this."""
        self._replies.close()
        self._socket.close()
        try:
            self._supervisor.wait(SUPERVISOR_REPLY_SECONDS)
        except subprocess.TimeoutExpired:
            self._supervisor.kill()
            self._supervisor.wait()

    def with_log_tail(self, message: str) -> str:
        """Return an error message: the name, what happened, and the end of the log."""
        try:
            tail = self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        except OSError:
            tail = []
        return "\n".join([f"{self.name} {message}", *(tail or ["(the log is empty)"])])
